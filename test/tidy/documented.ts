import ts from 'typescript';
import { placeOf, type Source, walk } from './source.ts';

/** Codes of Node.js itself that the sources compare with. */
const FOREIGN: readonly string[] = ['ERR_SOCKET_DGRAM_NOT_RUNNING', 'ERR_STREAM_PREMATURE_CLOSE'];

/** An error code and the place that first uses it. */
export type ErrorCodes = ReadonlyMap<string, string>;

/**
 * Every error code in the sources: text that looks like one (`ERR_…`), and the code that each error is
 * made with, where it is written out.
 */
export function errorCodesIn(sources: readonly Source[]): ErrorCodes {
  const codes = new Map<string, string>();
  for (const source of sources) {
    walk(source.ast, (node) => {
      if (!ts.isStringLiteralLike(node) || FOREIGN.includes(node.text)) return;
      if (!/^ERR_[A-Z0-9_]+$/.test(node.text) && !isCodeArgument(node)) return;
      if (!codes.has(node.text)) codes.set(node.text, placeOf(source, node));
    });
  }
  return codes;
}

/** The first argument of `new WireError(…)`, `new CodedError(…)` and of a codec's own `fail(code, message)`. */
function isCodeArgument(node: ts.StringLiteralLike): boolean {
  const parent = node.parent;
  if (!ts.isNewExpression(parent) && !ts.isCallExpression(parent)) return false;
  if (parent.arguments?.[0] !== node) return false;
  const callee = parent.expression.getText();
  if (ts.isNewExpression(parent)) return /^(?:Wire|Coded)Error$/.test(callee);
  return callee === 'fail' && parent.arguments.length === 2;
}

/** The codes that a page documents: what stands in backticks at the start of a table row. */
export function documentedIn(page: string): ReadonlySet<string> {
  return new Set([...page.matchAll(/^\| `([^`]+)` \|/gm)].map(([, code]) => code ?? ''));
}
