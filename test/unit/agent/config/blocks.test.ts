import { describe, expect, it } from 'vitest';
import { type BlocksFacts, blockText } from '../../../../src/agent/config/block-spec.ts';
import { decodeBlocks } from '../../../../src/agent/config/blocks.ts';
import { lineAt, parseJson } from '../../../../src/agent/config/json.ts';

const FACTS = {
  noun: 'thing',
  fields: {
    run: { type: 'string', doc: '' },
    kind: { type: 'string', choices: ['classic', 'state'], doc: '' },
    limit: { type: 'int', min: 1, max: 9, doc: '' },
    share: { type: 'number', min: 0, max: 1, doc: '' },
    wait: { type: 'duration', min: 10, doc: '' },
    removed: { type: 'amount', doc: '' },
    on: { type: 'bool', doc: '' },
    names: { type: 'strings', doc: '' },
    set: { type: 'map', doc: '' },
    queue: { type: 'block', doc: '', fields: { depth: { type: 'int', doc: '' } } },
  },
  check: (block) => (blockText(block, 'run') === '' ? "'run' is empty" : undefined),
} as const satisfies BlocksFacts;

const decode = (text: string) => decodeBlocks('things', FACTS, parseJson(text));

/** The mistakes of `things: { a: … }`, each with its line. */
function mistakes(text: string): readonly string[] {
  const decoded = decode(text);
  return 'mistakes' in decoded ? decoded.mistakes.map((m) => `${lineAt(text, m.at)}: ${m.text}`) : [];
}

describe('an object of named blocks', () => {
  it('holds every type of field, durations in milliseconds and amounts as text', () => {
    const decoded = decode(
      `{"a": {"run": "r", "kind": "state", "limit": 3, "share": 0.5, "wait": "1m", "removed": 3, "on": true,
        "names": ["n"], "set": {"K": "v"}, "queue": {"depth": 4}}, "b": {"removed": "25%"}}`,
    );
    expect('value' in decoded && [...decoded.value]).toEqual([
      [
        'a',
        new Map<string, unknown>([
          ['run', 'r'],
          ['kind', 'state'],
          ['limit', 3],
          ['share', 0.5],
          ['wait', 60_000],
          ['removed', '3'],
          ['on', true],
          ['names', ['n']],
          ['set', new Map([['K', 'v']])],
          ['queue', new Map([['depth', 4]])],
        ]),
      ],
      ['b', new Map([['removed', '25%']])],
    ]);
  });

  it('matches fields in any case, and null is as good as absent', () => {
    const decoded = decode('{"a": {"RUN": "r", "limit": null}}');
    expect('value' in decoded && decoded.value.get('a')).toEqual(new Map([['run', 'r']]));
  });

  it('names every mistake of a file at once, each on its own line', () => {
    expect(
      mistakes(
        '{"a": {\n"rum": "r",\n"limit": 10,\n"kind": "sate",\n"wait": "5",\n"removed": "x%",\n"on": 1,\n"names": [\n7],\n"set": {\n"K": 1},\n"queue": {\n"dept": 1}}}',
      ),
    ).toEqual([
      "2: 'things.a': unknown key 'rum', did you mean 'run'?",
      "3: 'things.a.limit' is 10, but must be between 1 and 9",
      "4: 'things.a.kind' is 'sate', which is none of classic, state, did you mean 'state'?",
      `5: 'things.a.wait' is no duration: time: missing unit in duration "5"`,
      "6: 'things.a.removed' expected a count or a percentage, such as 3 or '25%', got 'string'",
      "7: 'things.a.on' expected true or false, got 'number'",
      "9: 'things.a.names[0]' expected a text, got 'number'",
      "11: 'things.a.set[K]' expected a text, got 'number'",
      "13: 'things.a.queue': unknown key 'dept', did you mean 'depth'?",
    ]);
  });

  it('is an object of objects', () => {
    expect(mistakes('["a"]')).toEqual(["1: 'things' expected a map, got 'slice'"]);
    expect(mistakes('{"a": "b"}')).toEqual(["1: 'things.a' expected a map, got 'string'"]);
    expect(mistakes('{"a": {"queue": 1}}')).toEqual(["1: 'things.a.queue' expected a map, got 'number'"]);
  });

  it('has names that need no quoting in files, logs and commands', () => {
    for (const name of ['', '../x', 'a b', '-a', '.a', 'a/b', 'x'.repeat(65)]) {
      expect(mistakes(JSON.stringify({ [name]: {} }))[0], name).toContain('the name of a thing has up to 64');
    }
    expect(mistakes('{"web-1.lb_2": {}}')).toEqual([]);
  });

  it('is checked as a whole once its fields are right', () => {
    expect(mistakes('{"a": {"run": ""}}')).toEqual(["1: 'things.a': 'run' is empty"]);
  });
});
