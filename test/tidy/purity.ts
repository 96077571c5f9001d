import ts from 'typescript';
import { layerOf, PURE } from './layers.ts';
import { modulesOf, placeOf, type Source, walk } from './source.ts';

/**
 * What makes a layer pure: bytes, values and time come in as arguments, and nothing else is reached for. Modules
 * are allowed by name, so a new one is a decision; ambient names are banned by name.
 */
const MODULES: Readonly<Record<string, readonly string[]>> = {
  // Ciphers and checksums: synchronous functions of their arguments.
  wire: ['node:crypto', 'node:zlib'],
  // Peers send regular expressions; this engine matches in linear time and touches nothing.
  serf: ['re2js'],
};

/** Of the modules allowed above, the parts that make chance. */
const CHANCE = ['randomBytes', 'randomInt', 'randomUUID', 'randomFillSync', 'getRandomValues', 'webcrypto'];

const AMBIENT = [
  'setTimeout',
  'setInterval',
  'setImmediate',
  'clearTimeout',
  'clearInterval',
  'clearImmediate',
  'queueMicrotask',
  'Date',
  'performance',
  'process',
  'console',
  'crypto',
  'fetch',
  'globalThis',
  ...CHANCE,
];

/** These two hand out async iterators; they are still without timers, clocks and sockets. */
const MAY_WAIT: readonly string[] = ['src/events/bus.ts', 'src/events/subscription.ts'];

/** Every impurity of the pure layers, and every impure module that the simulated host imports, one line each. */
export function purityViolations(sources: readonly Source[]): string[] {
  return sources.flatMap((source) => {
    const layer = layerOf(source.path);
    if (layer === undefined || !(PURE.includes(layer) || layer === 'sim')) return [];
    const modules = modulesOf(source)
      .filter(({ specifier }) => !specifier.startsWith('.') && !MODULES[layer]?.includes(specifier))
      .map(({ specifier, node }) => `${placeOf(source, node)}: ${layer} may not import ${specifier}`);
    return [
      ...modules,
      ...impureNames(source, !MAY_WAIT.includes(source.path)),
      ...(layer === 'policy' ? [] : inexactMath(source)),
    ];
  });
}

/** Mathematics that engines may answer differently: a world replays from its seed on any of them. */
function inexactMath(source: Source): string[] {
  const found: string[] = [];
  walk(source.ast, (node) => {
    const isInexact =
      (ts.isPropertyAccessExpression(node) && isInexactMath(node)) ||
      (ts.isBinaryExpression(node) && isComputedPower(node));
    if (isInexact) found.push(`${placeOf(source, node)}: ${node.getText()} is not exact; see base/math.ts`);
  });
  return found;
}

function impureNames(source: Source, mustNotWait: boolean): string[] {
  const found: string[] = [];
  walk(source.ast, (node) => {
    const name = impurity(node, mustNotWait);
    if (name !== undefined) found.push(`${placeOf(source, node)}: ${name} in a pure layer`);
  });
  return found;
}

function impurity(node: ts.Node, mustNotWait: boolean): string | undefined {
  if (mustNotWait) {
    if (node.kind === ts.SyntaxKind.AsyncKeyword) return 'async';
    if (node.kind === ts.SyntaxKind.AwaitKeyword || ts.isAwaitExpression(node)) return 'await';
  }
  if (ts.isPropertyAccessExpression(node) && node.getText() === 'Math.random') return 'Math.random';
  if (!ts.isIdentifier(node) || isMemberName(node)) return undefined;
  if (AMBIENT.includes(node.text)) return node.text;
  return mustNotWait && /^(?:Promise|PromiseLike|AsyncIterable|AsyncGenerator)$/.test(node.text)
    ? node.text
    : undefined;
}

/** The functions of `Math` whose last bits the language leaves to the engine: one seed would give many runs. */
const INEXACT_MATH =
  /^(?:acosh?|asinh?|atan[2h]?|cbrt|cosh?|exp|expm1|hypot|log|log10|log1p|log2|pow|sinh?|tanh?)$/;

function isInexactMath(node: ts.PropertyAccessExpression): boolean {
  return node.expression.getText() === 'Math' && INEXACT_MATH.test(node.name.text);
}

/** Powers of literals are exact where they are whole; others may differ between engines. */
function isComputedPower({ operatorToken, left, right }: ts.BinaryExpression): boolean {
  const isLiteral = ts.isNumericLiteral(left) && ts.isNumericLiteral(right);
  return operatorToken.kind === ts.SyntaxKind.AsteriskAsteriskToken && !isLiteral;
}

/** True for the `x` of `a.x`, of `{ x: 1 }` and of a member's declaration: those name nothing ambient. */
function isMemberName(node: ts.Identifier): boolean {
  const parent = node.parent;
  if (ts.isPropertyAccessExpression(parent)) return parent.name === node;
  if (ts.isQualifiedName(parent)) return parent.right === node;
  return (
    (ts.isPropertyAssignment(parent) ||
      ts.isPropertySignature(parent) ||
      ts.isPropertyDeclaration(parent) ||
      ts.isMethodDeclaration(parent) ||
      ts.isMethodSignature(parent)) &&
    parent.name === node
  );
}
