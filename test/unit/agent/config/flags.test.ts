import { describe, expect, it } from 'vitest';
import { flagLayer, flagSpecs, runArguments } from '../../../../src/agent/config/flags.ts';
import { CONFIG_KEYS, specOf } from '../../../../src/agent/config/table.ts';

function layerOf(...words: string[]) {
  return flagLayer(runArguments(words).flags);
}

function valuesOf(...words: string[]): Record<string, unknown> {
  return Object.fromEntries(layerOf(...words).map(({ key, value }) => [key, value]));
}

describe('run arguments', () => {
  it('keep configuration files and directories in one list, in the order of the command line', () => {
    const args = runArguments(['--config-dir=d', '--node=n', '-config-file=f', '--config-dir=e']);
    expect(args.sources).toEqual(['d', 'f', 'e']);
    expect([...args.flags]).toEqual([['node', ['n']]]);
  });

  it('keep everything behind the first equals sign, and read a bare flag as true', () => {
    expect([...runArguments(['--tag=a=b=c', '--replay']).flags]).toEqual([
      ['tag', ['a=b=c']],
      ['replay', ['true']],
    ]);
  });
});

describe('flags', () => {
  it('exist for every key of the table that names one, each once', () => {
    const names = flagSpecs().map((spec) => spec.name);
    const expected = CONFIG_KEYS.flatMap((key) => specOf(key).flag ?? []);
    expect(names).toEqual(['config-file', 'config-dir', ...expected]);
    expect(new Set(names).size).toBe(names.length);
  });

  it.each([
    ['-node=a', { node_name: 'a' }],
    ['-retry-max=3', { retry_max_attempts: 3 }],
    ['-retry-max=0x10', { retry_max_attempts: 16 }],
    ['-replay=T', { replay_on_join: true }],
    ['-replay=0', { replay_on_join: false }],
    ['-disable-compression', { enable_compression: false }],
    ['-disable-compression=false', { enable_compression: true }],
    ['-retry-interval=1m30s', { retry_interval: 90_000 }],
    ['-handler-timeout=0', { handler_timeout: 0 }],
    ['-mdns-disable-ipv6', { 'mdns.disable_ipv6': true }],
  ])('%s is read', (word, expected) => {
    expect(valuesOf(word)).toEqual(expected);
  });

  it('that may be repeated collect, others keep their last value', () => {
    expect(valuesOf('-join=a', '-node=x', '-join=b', '-node=y', '-tag=k=1', '-tag=l=')).toEqual({
      node_name: 'y',
      start_join: ['a', 'b'],
      tags: new Map([
        ['k', '1'],
        ['l', ''],
      ]),
    });
  });

  it('say where they come from', () => {
    expect(layerOf('-iface=lo')[0]?.origin).toEqual({ source: 'flag', at: '-iface' });
  });

  it('with an empty duration are as good as absent, also where 0 means something', () => {
    expect(valuesOf('-handler-timeout=', '-retry-interval=')).toEqual({});
  });

  it.each([
    ['-retry-max=x', 'invalid value "x" for flag -retry-max: parse error'],
    ['-protocol=1.5', 'invalid value "1.5" for flag -protocol: parse error'],
    ['-replay=maybe', 'invalid boolean value "maybe" for -replay: parse error'],
    ['-tag=foo', "Error: Invalid tag: 'foo'"],
    ['-tag==bar', "Error: Invalid tag: '=bar'"],
    ['-tag=', "Error: Invalid tag: ''"],
    ['-retry-interval=5', 'Error: time: missing unit in duration "5"'],
    ['-broadcast-timeout=abc', 'Error: time: invalid duration "abc"'],
    ['-bogus=1', 'flag provided but not defined: -bogus'],
  ])('%s is refused with the text of Serf', (word, text) => {
    expect(() => layerOf(word)).toThrow(expect.objectContaining({ message: text }));
  });

  it('are judged in the order of Serf: numbers, then tags, then durations', () => {
    expect(() => layerOf('-retry-interval=5', '-tag=foo', '-retry-max=x')).toThrow('parse error');
    expect(() => layerOf('-retry-interval=5', '-tag=foo')).toThrow('Invalid tag');
  });
});
