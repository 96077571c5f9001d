import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

/** The project's folder. */
export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** One source file, by its path from the project's folder with `/` between the parts. */
export interface Source {
  readonly path: string;
  readonly ast: ts.SourceFile;
}

/** Parses text as if it stood at `path`. */
export function sourceOf(path: string, text: string): Source {
  return { path, ast: ts.createSourceFile(path, text, ts.ScriptTarget.Latest, true) };
}

/** Every path below a folder that ends in `suffix`, sorted. */
export function pathsBelow(folder: string, suffix: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(suffix))
    .map((entry) => relative(ROOT, join(entry.parentPath, entry.name)).replaceAll('\\', '/'))
    .sort();
}

/** The text of a project file, by its path from the project's folder. */
export function textOf(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** The product: everything below `src` and `bin`. */
export function productSources(): Source[] {
  return [...pathsBelow('src', '.ts'), ...pathsBelow('bin', '.ts')].map((path) =>
    sourceOf(path, textOf(path)),
  );
}

/** Where a node stands, as `path:line`. */
export function placeOf(source: Source, node: ts.Node): string {
  return `${source.path}:${source.ast.getLineAndCharacterOfPosition(node.getStart(source.ast)).line + 1}`;
}

/** Calls `visit` for a node and everything in it. */
export function walk(node: ts.Node, visit: (node: ts.Node) => void): void {
  visit(node);
  ts.forEachChild(node, (child) => walk(child, visit));
}

/** One module named by a source: in an import, a re-export, a dynamic import or an import type. */
export interface ModuleReference {
  readonly specifier: string;
  readonly node: ts.Node;
  /** Erased by the compiler. */
  readonly typeOnly: boolean;
  /** Loaded when the code runs: `import('…')`. */
  readonly lazy: boolean;
}

/** Every module a source names. */
export function modulesOf(source: Source): ModuleReference[] {
  const found: ModuleReference[] = [];
  const add = (node: ts.Node, literal: ts.Node | undefined, typeOnly: boolean, lazy: boolean): void => {
    if (literal === undefined || !ts.isStringLiteralLike(literal)) return;
    found.push({ specifier: literal.text, node, typeOnly, lazy });
  };
  walk(source.ast, (node) => {
    if (ts.isImportDeclaration(node)) add(node, node.moduleSpecifier, isTypeOnlyImport(node), false);
    else if (ts.isExportDeclaration(node)) add(node, node.moduleSpecifier, node.isTypeOnly, false);
    else if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
      add(node, node.argument.literal, true, false);
    } else if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      add(node, node.arguments[0], false, true);
    }
  });
  return found;
}

function isTypeOnlyImport(node: ts.ImportDeclaration): boolean {
  const clause = node.importClause;
  if (clause === undefined) return false;
  if (clause.isTypeOnly) return true;
  const named = clause.namedBindings;
  if (clause.name !== undefined || named === undefined || !ts.isNamedImports(named)) return false;
  return named.elements.length > 0 && named.elements.every((element) => element.isTypeOnly);
}
