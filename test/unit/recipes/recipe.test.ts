import { describe, expect, test } from 'vitest';
import { findRecipe, recipeNames } from '../../../src/recipes/library.ts';
import { fragmentOf, NO_CHOICE, notesOf, optionValues } from '../../../src/recipes/options.ts';
import { type Recipe, readRecipe } from '../../../src/recipes/recipe.ts';
import { scratch, TINY } from './samples.ts';

const files = scratch();

function recipe(more: object = {}): Recipe {
  files.put('tiny/recipe.json', JSON.stringify({ ...TINY, ...more }));
  return readRecipe(files.path('tiny'));
}

const set = (values: Record<string, string>, tags?: Record<string, string>) => ({
  values: new Map(Object.entries(values)),
  tags: tags && new Map(Object.entries(tags)),
});

const fragment = (one: Recipe, choice = set({})) =>
  fragmentOf({ recipe: one, name: 'n', directory: '/etc/reeve', choice });

describe('recipe.json', () => {
  test.each([
    [{ sumary: 'x' }, "unknown key 'sumary', did you mean 'summary'?"],
    [{ summary: '' }, "'summary' must be a text"],
    [{ renderer: undefined }, "it has no 'renderer' or 'handler'"],
    [{ lists: { statuses: ['dead'], why: 'x' } }, "'dead', which is no status"],
    [{ lists: { statuses: ['alive'] } }, "'lists.why' must be a text"],
    [{ unchecked: undefined }, "'unchecked' must be a text"],
    [{ writable: 'all' }, "'writable' must be one of file, directory, nothing"],
    [{ options: { Target: TINY.options.target } }, "'options.Target': write it in small letters"],
    [{ options: { t: { what: 'x' } } }, "'options.t.grammar' must be a text"],
    [{ files: { template: '../../etc/passwd' } }, "must be the path of a file in the recipe's folder"],
    [{ files: { template: '/etc/passwd' } }, "must be the path of a file in the recipe's folder"],
    [{ files: { template: 'a.liquid', other: 'b.liquid' } }, "no second file may end in '.liquid'"],
    [{ files: { template: 'a.json' } }, "no second file may end in '.json'"],
    [{ checker: { argv: [], package: 'x' } }, "'checker.argv' is empty"],
    [{ notes: [{ unless: 'x' }] }, "'notes.text' must be a text"],
  ])('with %j is refused, and the fault named with file and field', (more, why) => {
    expect(() => recipe(more)).toThrow(why);
    expect(() => recipe(more)).toThrow(files.path('tiny/recipe.json'));
  });

  test('that is no JSON is refused by name', () => {
    files.put('broken/recipe.json', '{');
    expect(() => readRecipe(files.path('broken'))).toThrow(/broken\/recipe\.json: /);
  });
});

describe('finding a recipe', () => {
  test('lists folders that hold one, and suggests the name that was meant', () => {
    recipe();
    files.put('no-recipe/README.md', '');
    expect(recipeNames(files.path())).toEqual(['tiny']);
    expect(findRecipe(files.path(), 'tiny').name).toBe('tiny');
    expect(() => findRecipe(files.path(), 'tinny')).toThrow(
      "no recipe is called 'tinny'; did you mean 'tiny'?",
    );
    expect(() => findRecipe(files.path(), 'mail')).toThrow('there are tiny');
  });

  test('takes the folder of one instead of a name', () => {
    recipe();
    expect(findRecipe('/nowhere', files.path('tiny')).name).toBe('tiny');
    expect(() => findRecipe('/nowhere', './nothing-here')).toThrow('is no recipe: it has no recipe.json');
  });
});

describe('options', () => {
  test('have their defaults, and relative paths become absolute', () => {
    expect(Object.fromEntries(optionValues(recipe(), NO_CHOICE))).toEqual({
      target: '/nowhere/names',
      head: 'names',
      port: '',
      reload: '',
    });
    expect(optionValues(recipe(), set({ target: 'x/../names' })).get('target')).toBe(
      `${process.cwd()}/names`,
    );
  });

  test.each([
    ['port', '0', 'which is not a port'],
    ['port', '80; reboot', 'which is not a port'],
    ['head', 'a b', "which is not letters, digits, '_' and '-'"],
    ['target', '/etc/a\nb', 'which is not the path of a file in printable text'],
    ['reload', "sh -c 'a'", 'which is not a program and its arguments without quotes'],
    ['reload', 'a; b', 'which is not a program'],
    ['reload', 'a  b', 'which is not a program'],
    ['hed', 'x', "has no option 'hed'; did you mean 'head'?"],
  ])('%s=%s is refused with the reason', (name, value, why) => {
    expect(() => optionValues(recipe(), set({ [name]: value }))).toThrow(why);
  });

  test('may be nothing, whatever the default, where that takes their key away, and nowhere else', () => {
    const reload = { ...TINY.options.reload, default: 'systemctl reload x' };
    const made = (given: object) => recipe({ options: { ...TINY.options, reload }, ...given });
    const nothing = set({ reload: '' });
    expect(fragment(made({}), nothing)).toEqual(fragment(recipe()));
    const vars = { head: '$head', port: '$reload' };
    const strict = made({ renderer: { ...TINY.renderer, vars } });
    expect(() => optionValues(strict, nothing)).toThrow('\'reload\' is "", which is not a program');
    expect(() => optionValues(recipe(), set({ head: '' }))).toThrow('\'head\' is ""');
  });

  test('without a default have to be given', () => {
    const needy = recipe({ options: { ...TINY.options, head: { what: 'The first line', grammar: 'word' } } });
    expect(() => optionValues(needy, NO_CHOICE)).toThrow(
      "needs 'head' (The first line): give it with -set head=…",
    );
    expect(optionValues(needy, set({ head: 'x' })).get('head')).toBe('x');
  });

  test('show up in notes, which an option can make superfluous', () => {
    const notes = [{ text: 'open $port, not $nothing', unless: 'head' }, 'see $target'];
    expect(notesOf(recipe({ notes }), set({ port: '80' }))).toEqual(['see /nowhere/names']);
    const options = { ...TINY.options, head: { ...TINY.options.head, default: '' } };
    expect(notesOf(recipe({ notes, options }), set({ port: '80' }))[0]).toBe('open 80, not $nothing');
  });
});

describe('the configuration of a recipe', () => {
  test('is its renderer under the name chosen, with paths, values and the statuses it lists', () => {
    expect(fragment(recipe())).toEqual({
      renderers: {
        n: {
          template: '/etc/reeve/n.liquid',
          target: '/nowhere/names',
          members: { statuses: ['alive'], tags: { role: 'web' } },
          fields: { name: 'name' },
          vars: { head: 'names', port: '' },
        },
      },
    });
  });

  test('splits commands into words, and leaves out what is empty and may go', () => {
    const made = fragment(recipe(), set({ reload: 'systemctl reload x' }));
    expect(made['renderers']).toMatchObject({ n: { reload: ['systemctl', 'reload', 'x'] } });
  });

  test('takes tags that were chosen instead of the recipe’s', () => {
    const made = fragment(recipe(), set({}, { zone: 'a|b' }));
    expect(made['renderers']).toMatchObject({ n: { members: { tags: { zone: 'a|b' } } } });
    expect(JSON.stringify(made)).not.toContain('web');
  });

  test('replaces whole texts only, so that no value becomes part of another', () => {
    const check = ['sh', '-c', 'test "$head" -a "$REEVE_STAGED"', '$head', '$reload?'];
    const made = fragment(recipe({ renderer: { ...TINY.renderer, check } }), set({ head: 'x' }));
    expect(made['renderers']).toMatchObject({
      n: { check: ['sh', '-c', 'test "$head" -a "$REEVE_STAGED"', 'x'] },
    });
  });

  test('with a placeholder for nothing is a fault of the recipe', () => {
    const bad = recipe({ renderer: { ...TINY.renderer, mode: '$mode' } });
    expect(() => fragment(bad)).toThrow("'$mode' is none of its options or files");
  });
});
