import ts from 'typescript';
import { placeOf, type Source, walk } from './source.ts';

const MAX_CODE_LINES = 300;
/** A file that is mostly one or more literals is read by looking up, not from top to bottom. */
const MAX_TABLE_LINES = 400;
const MAX_FUNCTION_LINES = 70;

/** Every file and function that is too long to be read at once, one line each. */
export function sizeViolations(sources: readonly Source[]): string[] {
  return sources.flatMap((source) => {
    const lines = source.ast.text.trimEnd().split('\n').length;
    const limit = isTable(source, lines) ? MAX_TABLE_LINES : MAX_CODE_LINES;
    const found = lines > limit ? [`${source.path}: ${lines} lines, the limit is ${limit}`] : [];
    walk(source.ast, (node) => {
      if (!ts.isFunctionLike(node)) return;
      const length = linesOf(source, node);
      if (length <= MAX_FUNCTION_LINES) return;
      found.push(
        `${placeOf(source, node)}: a function of ${length} lines, the limit is ${MAX_FUNCTION_LINES}`,
      );
    });
    return found;
  });
}

/** True when more than half of a file's lines are the literals of its top-level constants. */
function isTable(source: Source, lines: number): boolean {
  let literal = 0;
  for (const statement of source.ast.statements) {
    if (!ts.isVariableStatement(statement)) continue;
    for (const { initializer } of statement.declarationList.declarations) {
      if (initializer !== undefined && isLiteral(initializer)) literal += linesOf(source, initializer);
    }
  }
  return literal * 2 > lines;
}

function isLiteral(node: ts.Expression): boolean {
  if (ts.isAsExpression(node) || ts.isSatisfiesExpression(node)) return isLiteral(node.expression);
  return ts.isObjectLiteralExpression(node) || ts.isArrayLiteralExpression(node);
}

function linesOf(source: Source, node: ts.Node): number {
  const line = (position: number): number => source.ast.getLineAndCharacterOfPosition(position).line;
  return line(node.getEnd()) - line(node.getStart(source.ast)) + 1;
}
