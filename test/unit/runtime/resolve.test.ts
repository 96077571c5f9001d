import { describe, expect, it } from 'vitest';
import { CodedError } from '../../../src/base/errors.ts';
import { joinError } from '../../../src/runtime/join-error.ts';
import {
  type Lookup,
  MAX_ADDRESSES_PER_NAME,
  MAX_JOIN_ENTRIES,
  parseJoinEntry,
  resolveHost,
  resolveJoinEntries,
} from '../../../src/runtime/resolve.ts';
import type { JoinTarget } from '../../../src/swim/delegate.ts';

const signal = new AbortController().signal;

function failing(code: string): Lookup {
  return async () => {
    throw Object.assign(new Error(`getaddrinfo ${code}`), { code });
  };
}

describe('parseJoinEntry', () => {
  const entries: [entry: string, host: string, port: number][] = [
    ['localhost', 'localhost', 7946],
    ['localhost:80', 'localhost', 80],
    ['127.0.0.1', '127.0.0.1', 7946],
    ['127.0.0.1:80', '127.0.0.1', 80],
    ['[::1]', '::1', 7946],
    ['[::1]:80', '::1', 80],
    ['::1', '::1', 7946],
    ['2001:db8:a0b:12f0::1', '2001:db8:a0b:12f0::1', 7946],
    ['[2001:db8:a0b:12f0::1]:80', '2001:db8:a0b:12f0::1', 80],
    ['host:0', 'host', 0],
    ['host:65535', 'host', 65_535],
    [':80', '', 80],
    ['', '', 7946],
  ];

  it.each(entries)('reads %j as host %j, port %i', (entry, host, port) => {
    expect(parseJoinEntry(entry, 7946)).toEqual({ name: undefined, host, port });
    expect(parseJoinEntry(`foo.bar/${entry}`, 7946)).toEqual({ name: 'foo.bar', host, port });
  });

  it('splits at the first slash only', () => {
    expect(parseJoinEntry('a/b/127.0.0.1:1', 7946)).toEqual({ name: 'a', host: 'b/127.0.0.1', port: 1 });
  });

  // Texts observed from Serf 0.9.4, after "Failed to resolve ENTRY: ".
  const refusals: [entry: string, text: string][] = [
    ['/127.0.0.1:80', 'empty node name provided'],
    ['localhost:80000', 'strconv.ParseUint: parsing "80000": value out of range'],
    ['127.0.0.1:x', 'strconv.ParseUint: parsing "x": invalid syntax'],
    ['127.0.0.1:', 'strconv.ParseUint: parsing "": invalid syntax'],
    ['[::1]:', 'strconv.ParseUint: parsing "": invalid syntax'],
    ['host:+1', 'strconv.ParseUint: parsing "+1": invalid syntax'],
    ['[::1', "address [::1: missing ']' in address"],
    ['[::1]x:1', 'address [::1]x:1: missing port in address'],
    ['[::1]:1:2', 'address [::1]:1:2: too many colons in address'],
    ['a]b:1', "address a]b:1: unexpected ']' in address"],
  ];

  it.each(refusals)('refuses %j', (entry, text) => {
    expect(() => parseJoinEntry(entry, 7946)).toThrow(new CodedError('ERR_RESOLVE', text));
  });
});

describe('resolveJoinEntries', () => {
  it('asks nobody about IP literals, and writes each address one way', async () => {
    const lookup = failing('ENOTFOUND');
    const entries = ['127.0.0.1', '[0:0:0:0:0:0:0:1]:80', '::ffff:10.0.0.1'];
    const resolved = await resolveJoinEntries(entries, { defaultPort: 22, signal, lookup });
    expect(resolved).toEqual([
      [{ address: { ip: '127.0.0.1', port: 22 }, label: '127.0.0.1:22' }],
      [{ address: { ip: '::1', port: 80 }, label: '[::1]:80' }],
      [{ address: { ip: '10.0.0.1', port: 22 }, label: '10.0.0.1:22' }],
    ]);
  });

  it('takes every address of a name, each once, up to the limit', async () => {
    const many = Array.from({ length: 300 }, (_, i) => `10.0.${i >> 8}.${i & 255}`);
    const lookup: Lookup = async () => ['10.0.0.9', '10.0.0.9', ...many];
    const [targets] = await resolveJoinEntries(['seeds.example'], { defaultPort: 1, signal, lookup });
    expect(targets).toHaveLength(MAX_ADDRESSES_PER_NAME);
    expect(new Set((targets as readonly JoinTarget[]).map((target) => target.label)).size).toBe(
      MAX_ADDRESSES_PER_NAME,
    );
  });

  it('lets an entry that stands for nothing stop no other', async () => {
    const resolved = await resolveJoinEntries(['nosuch.example', ':80', '10.0.0.1:x', '10.0.0.1'], {
      defaultPort: 7946,
      signal,
      lookup: failing('ENOTFOUND'),
    });
    expect(resolved.slice(0, 3)).toEqual([
      'Failed to resolve nosuch.example: lookup nosuch.example: no such host',
      'Failed to resolve :80: lookup : no such host',
      'Failed to resolve 10.0.0.1:x: strconv.ParseUint: parsing "x": invalid syntax',
    ]);
    expect(resolved[3]).toHaveLength(1);
  });

  it('says what the resolver said', async () => {
    const texts = await Promise.all(
      ['ENOTFOUND', 'ENODATA', 'EAI_AGAIN', 'EOTHER'].map(async (code) => {
        const options = { defaultPort: 1, signal, lookup: failing(code) };
        return (await resolveJoinEntries(['h.example'], options))[0];
      }),
    );
    expect(texts).toEqual([
      'Failed to resolve h.example: lookup h.example: no such host',
      'Failed to resolve h.example: lookup h.example: no such host',
      'Failed to resolve h.example: lookup h.example: Temporary failure in name resolution',
      'Failed to resolve h.example: lookup h.example: getaddrinfo EOTHER',
    ]);
  });

  it('treats a name without addresses as unknown', async () => {
    const options = { defaultPort: 1, signal, lookup: async () => [] };
    expect(await resolveJoinEntries(['h.example'], options)).toEqual([
      'Failed to resolve h.example: lookup h.example: no such host',
    ]);
  });

  it('waits for a resolver only so long', async () => {
    const lookup: Lookup = () => new Promise(() => {});
    const resolved = await resolveJoinEntries(['slow.example'], {
      defaultPort: 1,
      signal,
      lookup,
      timeoutMs: 5,
    });
    expect(resolved).toEqual(['Failed to resolve slow.example: lookup slow.example: i/o timeout']);
  });

  it('rejects at once when its signal aborts', async () => {
    const controller = new AbortController();
    const lookup: Lookup = () => new Promise(() => {});
    const pending = resolveJoinEntries(['slow.example'], {
      defaultPort: 1,
      signal: controller.signal,
      lookup,
    });
    controller.abort(new Error('shut down'));
    await expect(pending).rejects.toThrow('shut down');
  });

  it('refuses a list that is a mistake', async () => {
    const entries = Array.from({ length: MAX_JOIN_ENTRIES + 1 }, () => '10.0.0.1');
    await expect(resolveJoinEntries(entries, { defaultPort: 1, signal })).rejects.toMatchObject({
      code: 'ERR_JOIN_ENTRIES',
    });
  });
});

describe('resolveHost', () => {
  it('takes the first address of a name and leaves an IP as it is', async () => {
    const lookup: Lookup = async () => ['10.0.0.2', '10.0.0.3'];
    expect(await resolveHost('seed.example', { signal, lookup })).toBe('10.0.0.2');
    expect(await resolveHost('::1', { signal, lookup })).toBe('::1');
  });
});

describe('joinError', () => {
  it('has the text clients compare', () => {
    const target = { address: { ip: '127.0.0.1', port: 22_998 }, label: '127.0.0.1:22998' };
    const text = 'dial tcp 127.0.0.1:22998: connect: connection refused';
    expect(joinError([[target]], [{ target, code: 'connection-refused', text }])).toEqual(
      new CodedError(
        'ERR_JOIN_FAILED',
        '1 error occurred:\n\t* Failed to join 127.0.0.1:22998: dial tcp 127.0.0.1:22998: connect: connection refused\n\n',
      ),
    );
  });

  it('lists every reason in the order of the addresses', () => {
    const target = { address: { ip: '10.0.0.1', port: 1 }, label: '10.0.0.1:1' };
    const failures = [{ target, code: 'timeout', text: 'dial tcp 10.0.0.1:1: i/o timeout' }];
    expect(joinError(['Failed to resolve x: y', [target]], failures).message).toBe(
      '2 errors occurred:\n\t* Failed to resolve x: y\n\t* Failed to join 10.0.0.1:1: dial tcp 10.0.0.1:1: i/o timeout\n\n',
    );
  });
});
