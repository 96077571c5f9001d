import { describe, expect, test } from 'vitest';
import { textOfBytes } from '../../../src/base/bytes.ts';
import { CodedError } from '../../../src/base/errors.ts';
import { handlerEnvironment } from '../../../src/handlers/environment.ts';
import { exitText } from '../../../src/handlers/script.ts';
import { parseHandlerSpec } from '../../../src/handlers/spec.ts';
import { handlerInput } from '../../../src/handlers/stdin.ts';
import { OutputTail } from '../../../src/handlers/tail.ts';
import { member, query, user } from '../events/samples.ts';

describe('parseHandlerSpec', () => {
  test.each([
    ['script.sh', 'script', [{ type: '*' }], 'script.sh'],
    ['=script.sh', 'script', [{ type: '*' }], 'script.sh'],
    ['member-join=', 'script', [{ type: 'member-join' }], ''],
    ['*=ENV=1 cmd', 'script', [{ type: '*' }], 'ENV=1 cmd'],
    ['member-join=A,member-failed=B', 'script', [{ type: 'member-join' }], 'A,member-failed=B'],
    ['module=./x.js', 'module', [{ type: '*' }], './x.js'],
    ['user:n,module=./x.js', 'module', [{ type: 'user', name: 'n' }], './x.js'],
  ])('reads %j', (text, kind, filters, command) => {
    expect(parseHandlerSpec(text)).toEqual({ text, kind, filters, command });
  });

  test.each([
    ['bogus=x', "Invalid event script: Event 'bogus' invoking 'x'"],
    ['foo,bar=', "Invalid event script: Event 'foo' invoking ''"],
    ['foo,user:blah,bar,query:tubez=x', "Invalid event script: Event 'foo' invoking 'x'"],
    ['member-join,=x', "Invalid event script: Event '' invoking 'x'"],
    ['ENV=1 cmd', "Invalid event script: Event 'ENV' invoking '1 cmd'"],
  ])('refuses %j in the words of Serf', (text, message) => {
    expect(() => parseHandlerSpec(text)).toThrow(new CodedError('ERR_HANDLER_SPEC', message));
  });
});

describe('handlerEnvironment', () => {
  const self = (tags: Record<string, string>) => ({ name: 'a', tags: new Map(Object.entries(tags)) });

  test('is the own environment less its secrets, then the variables of Serf, which win', () => {
    const environment = handlerEnvironment(user('deploy', 7), {
      inherited: {
        PATH: '/bin',
        SERF_EVENT: 'old',
        SERF_RPC_AUTH: 's',
        REEVE_RPC_AUTH: 's',
        SERF_ENCRYPT: 's',
        MINE: 's',
      },
      secretNames: ['MINE'],
      self: self({ role: 'db' }),
    });
    expect(environment).toEqual({
      PATH: '/bin',
      SERF_EVENT: 'user',
      SERF_SELF_NAME: 'a',
      SERF_SELF_ROLE: 'db',
      SERF_TAG_ROLE: 'db',
      SERF_USER_EVENT: 'deploy',
      SERF_USER_LTIME: '7',
    });
  });

  test('a role that is not set is an empty variable', () => {
    const environment = handlerEnvironment(query('q'), { inherited: {}, secretNames: [], self: self({}) });
    expect(environment).toMatchObject({ SERF_SELF_ROLE: '', SERF_QUERY_NAME: 'q', SERF_QUERY_LTIME: '1' });
  });

  test.each([
    ['bad-tag', 'BAD_TAG'],
    ['straße', 'STRA_E'],
    ['a😀b', 'A_B'],
    ['ﬁx', '_X'],
    ['ıſ', 'IS'],
    ['é.1', '__1'],
    ['nul\0=', 'NUL__'],
  ])('tag %j is SERF_TAG_%s', (tag, variable) => {
    const source = { inherited: {}, secretNames: [], self: self({ [tag]: 'v' }) };
    expect(handlerEnvironment(query('q'), source)).toHaveProperty(`SERF_TAG_${variable}`, 'v');
  });

  test('a NUL in a value becomes U+FFFD, because no environment can hold it', () => {
    const source = { inherited: {}, secretNames: [], self: self({ t: 'a\0b' }) };
    expect(handlerEnvironment(query('q'), source)).toHaveProperty('SERF_TAG_T', 'a\ufffdb');
  });
});

describe('handlerInput', () => {
  const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');

  test('has four columns and a newline for every member, also when they are empty', () => {
    const members = [
      member('foo', {
        tags: new Map([
          ['role', 'bar'],
          ['foo', 'bar'],
        ]),
      }),
      member('c'),
    ];
    expect(text(handlerInput({ type: 'member-join', members }))).toBe(
      'foo\t10.0.0.1\tbar\trole=bar,foo=bar\nc\t10.0.0.1\t\t\n',
    );
  });

  test('escapes tab and newline in name, role and tags, and nothing else', () => {
    const one = member('a\tb', {
      tags: new Map([
        ['role', 'x\ny'],
        ['p', '\\ ,='],
      ]),
    });
    expect(text(handlerInput({ type: 'member-leave', members: [one] }))).toBe(
      'a\\tb\t10.0.0.1\tx\\ny\trole=x\\ny,p=\\ ,=\n',
    );
  });

  test('keeps bytes that are not UTF-8', () => {
    const name = textOfBytes(Uint8Array.of(0x61, 0xff));
    expect(text(handlerInput({ type: 'member-join', members: [member(name)] }))).toBe(
      'a\xff\t10.0.0.1\t\t\n',
    );
  });

  test.each([
    [new Uint8Array(16).fill(1), '101:101:101:101:101:101:101:101'],
    [new Uint8Array(0), '<nil>'],
    [Uint8Array.of(1, 2), '?0102'],
  ])('writes the address %j as Go does', (addr, expected) => {
    expect(text(handlerInput({ type: 'member-join', members: [member('a', { addr })] }))).toBe(
      `a\t${expected}\t\t\n`,
    );
  });

  test.each([
    [null, ''],
    ['', ''],
    ['x', 'x\n'],
    ['x\n', 'x\n'],
    ['\n', '\n'],
  ])('payload %j reads as %j', (payload, expected) => {
    const bytes = payload === null ? null : Buffer.from(payload);
    expect(text(handlerInput(user('u', 1, { payload: bytes })))).toBe(expected);
    expect(text(handlerInput(query('q', { payload: bytes })))).toBe(expected);
  });
});

describe('OutputTail', () => {
  test.each([
    [['abc'], 'abc'],
    [['abcde'], 'bcde'],
    [['ab', 'cd', 'ef'], 'cdef'],
    [['abcdefgh', 'i'], 'fghi'],
    [['a', 'bcdefgh'], 'efgh'],
    [['abcd', 'efgh'], 'efgh'],
  ])('of %j keeps the last four bytes', (chunks, kept) => {
    const tail = new OutputTail(4);
    for (const chunk of chunks) tail.push(Buffer.from(chunk));
    expect(Buffer.from(tail.bytes()).toString()).toBe(kept);
    expect(tail.total).toBe(chunks.join('').length);
  });
});

test('exits read as in Serf', () => {
  expect(exitText({ type: 'code', code: 0 })).toBeUndefined();
  expect(exitText({ type: 'code', code: 3 })).toBe('exit status 3');
  expect(exitText({ type: 'signal', signal: 'SIGKILL' })).toBe('signal: killed');
});
