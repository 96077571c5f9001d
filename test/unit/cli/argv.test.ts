import { describe, expect, it } from 'vitest';
import { type FlagOrder, mentions, readArgv } from '../../../src/cli/argv.ts';
import type { FlagTable } from '../../../src/cli/flags.ts';

const TABLE = {
  name: { kind: 'text', doc: '' },
  format: { kind: 'text', default: 'text', doc: '' },
  detailed: { kind: 'bool', doc: '' },
  'relay-factor': { kind: 'int', doc: '' },
  timeout: { kind: 'duration', doc: '' },
  tag: { kind: 'list', doc: '' },
  set: { kind: 'list', doc: '' },
} as const satisfies FlagTable;

function read(words: readonly string[], order: FlagOrder = 'go') {
  const result = readArgv(words, TABLE, order);
  if (result.type === 'bad') return result.message;
  return [result.flags.map((flag) => `${flag.name}=${flag.value}`), result.args];
}

describe('Go-style arguments', () => {
  it.each([
    ['-name x', ['-name', 'x'], [['name=x'], []]],
    ['-name=x', ['-name=x'], [['name=x'], []]],
    ['--name x', ['--name', 'x'], [['name=x'], []]],
    ['--name=x', ['--name=x'], [['name=x'], []]],
    ['a value may hold =', ['-tag', 'a=b=c', '-tag=d=e'], [['tag=a=b=c', 'tag=d=e'], []]],
    ['a value may be empty', ['-name='], [['name='], []]],
    ['a value may be an empty word', ['-name', ''], [['name='], []]],
    ['a value may start with a dash', ['-name', '-detailed'], [['name=-detailed'], []]],
    ['a value may be --', ['-name', '--', 'x'], [['name=--'], ['x']]],
    ['a value may hold a newline', ['-name=a\nb'], [['name=a\nb'], []]],
    ['a bare boolean is true', ['-detailed'], [['detailed=true'], []]],
    ['a boolean takes no second word', ['-detailed', 'false'], [['detailed=true'], ['false']]],
    ['a boolean takes a value after =', ['-detailed=F'], [['detailed=false'], []]],
    ['the last value of a flag wins', ['-name=a', '-name=b'], [['name=b'], []]],
    ['a list keeps all values in order', ['-tag=b', '-tag=a'], [['tag=b', 'tag=a'], []]],
    ['flags keep their order', ['-set=1', '-tag=2', '-set=3'], [['set=1', 'tag=2', 'set=3'], []]],
    ['the first argument ends the flags', ['x', '-name=y', '-h'], [[], ['x', '-name=y', '-h']]],
    ['-- ends the flags', ['-name=y', '--', '-detailed'], [['name=y'], ['-detailed']]],
    ['only the first -- is special', ['--', '--', 'x'], [[], ['--', 'x']]],
    ['- is an argument', ['-', '-name=x'], [[], ['-', '-name=x']]],
    ['an empty word is an argument', ['', '-name=x'], [[], ['', '-name=x']]],
    ['integers may be Go literals', ['-relay-factor=0x1F'], [['relay-factor=0x1F'], []]],
    ['durations are Go durations', ['-timeout', '1m30s'], [['timeout=1m30s'], []]],
    ['--json is -format=json', ['--json'], [['format=json'], []]],
    ['-json is -format=json', ['-json'], [['format=json'], []]],
    ['--json=false is -format=text', ['--json=false'], [['format=text'], []]],
    ['the later of -format and --json wins', ['--json', '-format=text'], [['format=text'], []]],
  ])('%s', (_title, words, expected) => {
    expect(read(words)).toEqual(expected);
  });

  it.each([
    [['-bogus'], 'flag provided but not defined: -bogus'],
    [['--bogus=1'], 'flag provided but not defined: -bogus'],
    [['-constructor'], 'flag provided but not defined: -constructor'],
    [['---x'], 'bad flag syntax: ---x'],
    [['-=x'], 'bad flag syntax: -=x'],
    [['--=x'], 'bad flag syntax: --=x'],
    [['-name'], 'flag needs an argument: -name'],
    [['-detailed=maybe'], 'invalid boolean value "maybe" for -detailed: parse error'],
    [['-detailed='], 'invalid boolean value "" for -detailed: parse error'],
    [['-timeout', '5'], 'invalid value "5" for flag -timeout: parse error'],
    [['-relay-factor', 'x'], 'invalid value "x" for flag -relay-factor: parse error'],
    [['-relay-factor=1e3'], 'invalid value "1e3" for flag -relay-factor: parse error'],
    [['-relay-factor='], 'invalid value "" for flag -relay-factor: parse error'],
    [
      ['-relay-factor=99999999999999999999'],
      'invalid value "99999999999999999999" for flag -relay-factor: value out of range',
    ],
    [['--json=maybe'], 'invalid boolean value "maybe" for -json: parse error'],
  ])("%j is refused in Go's words", (words, message) => {
    expect(read(words)).toBe(message);
  });

  it('names an unknown flag for a suggestion', () => {
    expect(readArgv(['-detaild=1'], TABLE, 'go')).toMatchObject({ type: 'bad', unknown: 'detaild' });
  });

  it('a command without -format has no --json', () => {
    expect(readArgv(['--json'], { name: TABLE.name }, 'go')).toMatchObject({ unknown: 'json' });
  });

  it('commands Serf lacks take flags anywhere, still up to --', () => {
    const words = ['one', '-name', 'x', 'two', '--detailed', '--', '-three'];
    expect(read(words, 'anywhere')).toEqual([
      ['name=x', 'detailed=true'],
      ['one', 'two', '-three'],
    ]);
  });
});

describe('words that count anywhere', () => {
  it('are found among arguments and values, but not after --', () => {
    expect(mentions(['x', '-v'], ['-v', '--version'])).toBe(true);
    expect(mentions(['-name', '--version'], ['-v', '--version'])).toBe(true);
    expect(mentions(['x', '--', '-v'], ['-v'])).toBe(false);
    expect(mentions(['-v=3', 'v'], ['-v'])).toBe(false);
  });
});
