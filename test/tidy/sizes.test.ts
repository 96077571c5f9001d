import { describe, expect, it } from 'vitest';
import { sizeViolations } from './sizes.ts';
import { productSources, sourceOf } from './source.ts';

function violations(text: string): string[] {
  return sizeViolations([sourceOf('src/base/a.ts', text)]);
}

function statements(count: number): string {
  return Array.from({ length: count }, (_, index) => `call(${index});`).join('\n');
}

function table(rows: number): string {
  return `export const TABLE = {\n${'  key: 1,\n'.repeat(rows)}} as const satisfies Record<string, number>;\n`;
}

describe('sizes', () => {
  it('leave every file and function readable', () => {
    expect(sizeViolations(productSources())).toEqual([]);
  });
});

describe('the rule of sizes', () => {
  it('allows 300 lines of code and catches 301', () => {
    expect(violations(statements(300))).toEqual([]);
    expect(violations(statements(301))).toEqual(['src/base/a.ts: 301 lines, the limit is 300']);
  });

  it('allows 400 lines to a file that is mostly a table', () => {
    expect(violations(table(398))).toEqual([]);
    expect(violations(table(399))).toEqual(['src/base/a.ts: 401 lines, the limit is 400']);
  });

  it('takes no table for one when code outweighs it', () => {
    expect(violations(`${table(150)}${statements(160)}`)).toHaveLength(1);
  });

  it.each([
    ['function', (body: string) => `function f() {\n${body}\n}`],
    ['method', (body: string) => `class A { f() {\n${body}\n} }`],
    ['arrow', (body: string) => `const f = () => {\n${body}\n};`],
  ])('allows a %s of 70 lines and catches 71', (_kind, wrap) => {
    expect(violations(wrap(statements(68)))).toEqual([]);
    expect(violations(wrap(statements(69)))).toHaveLength(1);
  });
});
