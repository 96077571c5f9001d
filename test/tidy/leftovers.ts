import ts from 'typescript';
import { placeOf, type Source, walk } from './source.ts';

/** Marks of unfinished work, put together so that this file does not hold them. */
const UNFINISHED = new RegExp(`\\b(${['TO' + 'DO', 'FIX' + 'ME', 'XX' + 'X', 'HA' + 'CK'].join('|')})\\b`);
const SILENCED = new RegExp(`@ts-(${['ignore', 'nocheck', 'expect-error'].join('|')})\\b`);

/** What was left behind and what the house does without, in product code and tests, one line each. */
export function leftoverViolations(sources: readonly Source[]): string[] {
  return sources.flatMap((source) => {
    const found = source.ast.text.split('\n').flatMap((line, index) => {
      const mark = UNFINISHED.exec(line) ?? SILENCED.exec(line);
      return mark === null ? [] : [`${source.path}:${index + 1}: ${mark[0]}`];
    });
    walk(source.ast, (node) => {
      const complaint = complaintAbout(node, source);
      if (complaint !== undefined) found.push(`${placeOf(source, node)}: ${complaint}`);
    });
    return found;
  });
}

function complaintAbout(node: ts.Node, source: Source): string | undefined {
  if (node.kind === ts.SyntaxKind.DebuggerStatement) return 'debugger';
  if (ts.isExportAssignment(node)) return 'a default export';
  if (node.kind === ts.SyntaxKind.DefaultKeyword && ts.canHaveModifiers(node.parent))
    return 'a default export';
  if (ts.isHeritageClause(node)) return complaintAboutHeritage(node);
  // A constructor that only the class may call has no other spelling.
  if (node.kind === ts.SyntaxKind.PrivateKeyword && !ts.isConstructorDeclaration(node.parent)) {
    return 'private is written #';
  }
  if (node.kind === ts.SyntaxKind.ProtectedKeyword) return 'protected: nothing inherits';
  if (!ts.isPropertyAccessExpression(node)) return undefined;
  const text = node.getText(source.ast);
  if (isConsoleOutput(text, source)) return text;
  return isFocus(node) ? `${text}: a focused or skipped test` : undefined;
}

/** Tests may announce (`warn`, `error`); the product speaks through its own output and log alone. */
function isConsoleOutput(text: string, source: Source): boolean {
  const announcement = /^console\.(?:error|warn|info)$/.test(text) && !source.path.startsWith('test/');
  if (!announcement && !/^console\.(?:log|debug|trace|dir|table)$/.test(text)) return false;
  let shadowed = false;
  walk(source.ast, (node) => {
    if (!ts.isParameter(node) && !ts.isVariableDeclaration(node) && !ts.isBindingElement(node)) return;
    if (node.name.getText(source.ast) === 'console') shadowed = true;
  });
  return !shadowed;
}

function complaintAboutHeritage(node: ts.HeritageClause): string | undefined {
  if (node.token !== ts.SyntaxKind.ExtendsKeyword || !ts.isClassLike(node.parent)) return undefined;
  const bases = node.types.map((type) => type.expression.getText());
  return bases.every((base) => base.endsWith('Error'))
    ? undefined
    : `extends ${bases.join()}: only errors inherit`;
}

/** `it.only(…)`, `describe.skip(…)`, `it.todo(…)`; `skipIf` and choosing `describe.skip` as a value are no focus. */
function isFocus(node: ts.PropertyAccessExpression): boolean {
  if (!/^(?:only|skip|todo)$/.test(node.name.text)) return false;
  if (!/^(?:it|test|describe|suite)\b/.test(node.expression.getText())) return false;
  return ts.isCallExpression(node.parent) && node.parent.expression === node;
}
