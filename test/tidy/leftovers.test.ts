import { describe, expect, it } from 'vitest';
import { leftoverViolations } from './leftovers.ts';
import { pathsBelow, productSources, sourceOf, textOf } from './source.ts';

function violations(text: string): string[] {
  return leftoverViolations([sourceOf('src/base/a.ts', text)]);
}

/** The tests themselves, except the one that plants what it looks for. */
function testSources() {
  return pathsBelow('test', '.ts')
    .filter((path) => path !== 'test/tidy/leftovers.test.ts')
    .map((path) => sourceOf(path, textOf(path)));
}

describe('the tree', () => {
  it('holds nothing unfinished, silenced, printed for debugging, focused or skipped', () => {
    expect(leftoverViolations([...productSources(), ...testSources()])).toEqual([]);
  });
});

describe('the rule of leftovers', () => {
  it.each([
    ['an unfinished mark', `// ${'TO'}DO later`],
    ['a silenced type error', `// ${'@ts-'}ignore`],
    ['output for debugging', 'console.log(x);'],
    ['a warning past the log', 'console.warn(x);'],
    ['a breakpoint', 'debugger;'],
    ['a focused test', "it.only('x', f);"],
    ['a skipped suite', "describe.skip('x', f);"],
    ['a test that is still to be written', "test.todo('x');"],
    ['a focused table of tests', "it.each([1]).only('x', f);"],
    ['a default export', 'export default 1;'],
    ['a default exported function', 'export default function f() {}'],
    ['inheritance', 'class A extends B {}'],
    ['a private keyword', 'class A { private x = 1; }'],
  ])('catches %s', (_title, text) => {
    expect(violations(text)).toHaveLength(1);
  });

  it.each([
    ['a private constructor', 'class A { private constructor() {} }'],
    ['an error class', 'class LateError extends Error {}'],
    ['an interface that extends', 'interface A extends B {}'],
    ['a switch with a default', 'switch (x) { default: f(); }'],
    ['a conditional skip', "it.skipIf(x)('y', f); const d = x ? describe.skip : describe;"],
    ['a console of our own', 'function f(console: Console) { console.error(1); }'],
    ['a field called only', 'filter.only(x); list.skip(1);'],
  ])('allows %s', (_title, text) => {
    expect(violations(text)).toEqual([]);
  });
});
