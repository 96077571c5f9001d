import { describe, expect, it } from 'vitest';
import { CodedError } from '../../../src/base/errors.ts';
import { NameConflict } from '../../../src/serf/conflict.ts';
import { type ConflictMember, conflictCodec } from '../../../src/serf/messages.ts';
import { NameClaims } from '../../../src/serf/name-claims.ts';
import type { QueryParams } from '../../../src/serf/query-params.ts';
import type { AnswerSink } from '../../../src/serf/responses.ts';
import { bench, facts } from '../../support/serf-parts.ts';

const SELF = facts('me', 100);

function ballot(over: Partial<ConflictMember> = {}): Uint8Array {
  return conflictCodec.encode({
    name: 'me',
    addr: SELF.addr,
    port: SELF.port,
    tags: new Map(),
    status: 1,
    protocolMin: 1,
    protocolMax: 5,
    protocolCur: 2,
    delegateMin: 2,
    delegateMax: 5,
    delegateCur: 5,
    ...over,
  });
}

const FOR = ballot();
const AGAINST = ballot({ port: 1 });
const UNKNOWN = conflictCodec.encode(null);

function vote() {
  const on = bench();
  const sinks: AnswerSink[] = [];
  const asked: QueryParams[] = [];
  const evictions: string[] = [];
  const conflict = new NameConflict({
    resolve: true,
    self: () => SELF,
    ask: (_now, params, sink) => {
      asked.push(params);
      sinks.push(sink);
    },
    evict: (_now, reason) => void evictions.push(reason),
    claims: new NameClaims(),
    trace: on.trace,
  });
  const noticed = () => conflict.noticed(0, SELF, facts('me', 7));
  const answer = (payload: Uint8Array) => sinks.at(-1)?.(0, { type: 'response', from: 'x', payload });
  const end = () => sinks.at(-1)?.(0, undefined);
  return { on, asked, evictions, noticed, answer, end };
}

describe('the vote over our name', () => {
  it.each([
    ['nobody answers', [], '0 / 0', false],
    ['the only voter is for us', [FOR], '1 / 1', true],
    ['the only voter is against us', [AGAINST], '0 / 1', false],
    ['one of two', [FOR, AGAINST], '1 / 2', false],
    ['two of three', [FOR, AGAINST, FOR], '2 / 3', true],
    ['two of four', [FOR, AGAINST, FOR, AGAINST], '2 / 4', false],
    ['a voter that knows nobody counts against us', [FOR, UNKNOWN], '1 / 2', false],
    [
      'our address as mapped IPv6 is ours',
      [ballot({ addr: Buffer.from('00000000000000000000ffff0a000064', 'hex') })],
      '1 / 1',
      true,
    ],
    [
      'answers that are no ballots do not count',
      [FOR, Uint8Array.of(8, 0x80), Uint8Array.of(6, 0xc1), new Uint8Array(0)],
      '1 / 1',
      true,
    ],
  ])('%s', (_title, ballots, score, stays) => {
    const { on, evictions, noticed, answer, end } = vote();
    noticed();
    for (const payload of ballots) answer(payload);
    expect(evictions).toEqual([]);
    end();
    const text = stays
      ? `majority in name conflict resolution [${score}]`
      : `minority in name conflict resolution, quitting [${score}]`;
    expect(on.texts().at(-1)).toBe(text);
    expect(evictions).toEqual(stays ? [] : [text]);
  });

  it('asks about our name, and only one vote runs at a time', () => {
    const { asked, noticed, answer, end } = vote();
    noticed();
    noticed();
    expect(asked).toMatchObject([{ name: '_serf_conflict', payload: Buffer.from('me'), timeoutMs: 0 }]);
    answer(FOR);
    end();
    noticed();
    expect(asked).toHaveLength(2);
  });

  it('a vote that cannot start is logged and the next conflict tries again', () => {
    const on = bench();
    let tries = 0;
    const conflict = new NameConflict({
      resolve: true,
      self: () => SELF,
      ask: () => {
        tries += 1;
        throw new CodedError('ERR_FEATURE', 'Feature not supported');
      },
      evict: () => expect.fail('nobody voted'),
      claims: new NameClaims(),
      trace: on.trace,
    });
    conflict.noticed(0, SELF, facts('me', 7));
    conflict.noticed(0, SELF, facts('me', 7));
    expect(tries).toBe(2);
    expect(on.texts()).toContain('Failed to start name resolution query: Feature not supported');
  });
});
