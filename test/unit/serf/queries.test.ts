import { describe, expect, it } from 'vitest';
import type { Address } from '../../../src/base/machine.ts';
import { seededRandom } from '../../../src/base/random.ts';
import { Asking, defaultQueryTimeoutMs } from '../../../src/serf/asking.ts';
import { SERF_DEFAULTS } from '../../../src/serf/config.ts';
import type { QueryAnswer } from '../../../src/serf/effects.ts';
import { SerfMembers } from '../../../src/serf/members.ts';
import {
  decodeRelay,
  QueryFlag,
  type QueryMessage,
  type QueryResponseMessage,
  queryCodec,
  queryResponseCodec,
  SerfType,
} from '../../../src/serf/messages.ts';
import { IDS_PER_SLOT, OPEN_QUERIES_LIMIT, Queries } from '../../../src/serf/queries.ts';
import { encodeFilters, QueryFilter } from '../../../src/serf/query-filter.ts';
import { plainQuery } from '../../../src/serf/query-params.ts';
import { QueryReplies } from '../../../src/serf/query-replies.ts';
import { type Bench, bench, facts, membershipOn } from '../../support/serf-parts.ts';

const NANOS = 1_000_000;

function question(over: Partial<QueryMessage> = {}): QueryMessage {
  return {
    ltime: 5,
    id: 77,
    addr: Uint8Array.of(10, 0, 0, 200),
    port: 7000,
    sourceNode: 'asker',
    filters: [],
    flags: 0,
    relayFactor: 0,
    timeoutNs: 1_000 * NANOS,
    name: 'load',
    payload: null,
    ...over,
  };
}

interface Sent {
  readonly to: Address;
  readonly payload: Uint8Array;
  readonly peer: string | undefined;
}

/** The answering side on a bench, in a cluster of `members` others named m1…. */
function answering(members = 0, config: Partial<typeof SERF_DEFAULTS> = {}) {
  const on = bench();
  const sent: Sent[] = [];
  const membership = membershipOn(on);
  membership.joined(0, facts('me', 100));
  for (let i = 1; i <= members; i += 1) membership.joined(0, facts(`m${i}`, i));
  on.events.length = 0;
  on.log.length = 0;
  const settings = { ...SERF_DEFAULTS, ...config };
  const replies = new QueryReplies({
    self: 'me',
    sizeLimit: settings.queryResponseSizeLimit,
    members: membership.members,
    random: seededRandom(1),
    sendUser: (to, payload, peer) => void sent.push({ to, payload, peer }),
  });
  const queries = new Queries({
    ...on,
    config: settings,
    filter: new QueryFilter('me', on.counters, on.trace),
    replies,
    tags: () => new Map([['role', 'web']]),
  });
  const idOfLast = (): number => {
    const last = on.events.at(-1);
    if (last?.type !== 'query') throw new Error('no query was delivered');
    return last.id;
  };
  return { on, sent, membership, queries, idOfLast };
}

describe('receiving a query', () => {
  it('delivers it once per time and id', () => {
    const { on, queries } = answering();
    expect(queries.receive(0, question())).toBe(true);
    expect(queries.receive(0, question())).toBe(false);
    expect(queries.receive(0, question({ id: 78 }))).toBe(true);
    expect(queries.receive(0, question({ ltime: 6 }))).toBe(true);
    expect(on.story()).toEqual(['load', 'load', 'load']);
    expect(on.counters.get('drop:query-duplicate')).toBe(1);
  });

  it('moves the clock first, then drops what is too old or before the minimum', () => {
    const { on, queries } = answering(0, { queryMinTime: 10 } as never);
    expect(queries.receive(0, question({ ltime: 9 }))).toBe(false);
    expect(on.clock.time).toBe(10);
    queries.receive(0, question({ ltime: 999 }));
    expect(queries.receive(0, question({ ltime: 487 }))).toBe(false);
    expect(queries.receive(0, question({ ltime: 488 }))).toBe(true);
    expect(on.texts()).toEqual(['received old query load from time 487 (current: 1000)']);
  });

  it('is passed on even when its filters do not match, but not when its flag forbids', () => {
    const { on, sent, queries } = answering();
    const filters = encodeFilters(['somebody else'], new Map());
    expect(queries.receive(0, question({ filters, flags: QueryFlag.ack }))).toBe(true);
    expect(on.events).toEqual([]);
    expect(sent).toEqual([]);
    expect(queries.receive(0, question({ id: 1, flags: QueryFlag.noBroadcast }))).toBe(false);
    expect(on.events).toHaveLength(1);
  });

  it('an empty filter byte string never matches and breaks nothing', () => {
    const { on, queries } = answering();
    queries.receive(0, question({ filters: [new Uint8Array(0)] }));
    expect(on.events).toEqual([]);
  });

  it.each([
    ['an empty filter', { filters: [Uint8Array.of(0, 0x90), new Uint8Array(0)] }, false],
    ['names announced and missing', { filters: [Uint8Array.of(0, 0xdd, 255, 255, 255, 255)] }, false],
    ['names announced, each there', { filters: [Uint8Array.of(0, 0xdd, 0, 0, 0, 1, 0xa1, 97)] }, true],
    ['a filter that cannot be read', { filters: [Uint8Array.of(0, 0xc1)] }, true],
    ['a kind and nothing else', { filters: [Uint8Array.of(0)] }, true],
    ['a filter of a kind unknown here', { filters: [Uint8Array.of(9, 0xdd, 255, 255, 255, 255)] }, true],
    ['a key to install and no payload', { name: '_serf_install-key' }, false],
    ['a key to use and an empty payload', { name: '_serf_use-key', payload: new Uint8Array(0) }, false],
    ['a key to remove and no payload', { name: '_serf_remove-key' }, false],
    ['a key request', { name: '_serf_install-key', payload: Uint8Array.of(7, 0x80) }, true],
    ['no payload, to list keys', { name: '_serf_list-keys' }, true],
  ])('with %s is passed on unless it ends Serf’s own agents', (_what, over, passedOn) => {
    expect(answering().queries.receive(0, question(over))).toBe(passedOn);
  });

  it('is acknowledged to the address in the message, under the name of the asker', () => {
    const { sent, queries } = answering();
    queries.receive(0, question({ flags: QueryFlag.ack }));
    expect(sent).toMatchObject([{ to: { ip: '10.0.0.200', port: 7000 }, peer: 'asker' }]);
    expect(queryResponseCodec.decode(sent[0]!.payload)).toEqual({
      ltime: 5,
      id: 77,
      from: 'me',
      flags: QueryFlag.ack,
      payload: null,
    });
  });

  it.each([
    ['no address', { addr: new Uint8Array(0) }],
    ['an address of seven bytes', { addr: new Uint8Array(7) }],
    ['port 0', { port: 0 }],
  ])('with %s is delivered but cannot be acknowledged', (_what, over) => {
    const { on, sent, queries } = answering();
    queries.receive(0, question({ flags: QueryFlag.ack, ...over }));
    expect(sent).toEqual([]);
    expect(on.counters.get('drop:query-ack')).toBe(1);
    expect(on.events).toHaveLength(1);
  });

  it('floods of ids and of open queries stay within their limits', () => {
    const { on, queries, idOfLast } = answering();
    queries.receive(0, question({ id: 0 }));
    const first = idOfLast();
    for (let id = 1; id <= IDS_PER_SLOT; id += 1) queries.receive(0, question({ id }));
    expect(on.counters.get('drop:query-slot-full')).toBe(1);
    for (let id = 0; id <= OPEN_QUERIES_LIMIT - IDS_PER_SLOT; id += 1)
      queries.receive(0, question({ ltime: 6, id }));
    expect(on.counters.get('drop:query-abandoned')).toBe(1);
    expect(on.deadlines.size).toBe(OPEN_QUERIES_LIMIT);
    expect(() => queries.respond(0, first, new Uint8Array(1))).toThrow('response is past the deadline');
  });
});

describe('answering a query', () => {
  it('at the deadline is in time, later is not', () => {
    const { queries, idOfLast } = answering();
    queries.receive(0, question());
    queries.receive(0, question({ id: 2 }));
    const late = idOfLast();
    expect(() => queries.respond(1_000, late - 1, new Uint8Array(1))).not.toThrow();
    expect(() => queries.respond(1_000.1, late, new Uint8Array(1))).toThrow('past the deadline');
    expect(() => queries.respond(0, 4_711, new Uint8Array(1))).toThrow('past the deadline');
  });

  it('an empty answer is nil on the wire', () => {
    const { sent, queries, idOfLast } = answering();
    queries.receive(0, question());
    queries.respond(0, idOfLast(), new Uint8Array(0));
    expect(queryResponseCodec.decode(sent[0]!.payload).payload).toBeNull();
  });

  it('the size is checked first, then repetition, then the deadline', () => {
    const { queries, idOfLast } = answering();
    queries.receive(0, question());
    queries.respond(0, idOfLast(), new Uint8Array(1));
    expect(() => queries.respond(9_999, idOfLast(), new Uint8Array(2_000))).toThrow(
      'response exceeds limit of 1024 bytes',
    );
    expect(() => queries.respond(9_999, idOfLast(), new Uint8Array(1))).toThrow('response already sent');
  });

  it('the limit is on the whole message, type byte and names included', () => {
    const { sent, queries, idOfLast } = answering();
    queries.receive(0, question());
    const largest =
      1024 -
      queryResponseCodec.encode({ ltime: 5, id: 77, from: 'me', flags: 0, payload: new Uint8Array(900) })
        .length +
      900;
    expect(queries.fits(idOfLast(), new Uint8Array(largest))).toBe(true);
    expect(queries.fits(idOfLast(), new Uint8Array(largest + 1))).toBe(false);
    queries.respond(0, idOfLast(), new Uint8Array(largest));
    expect(sent[0]!.payload).toHaveLength(1024);
  });
});

describe('relaying', () => {
  it.each([
    [0, 5, 0],
    [1, 5, 1],
    [3, 5, 3],
    [5, 5, 5],
    [6, 5, 0],
    [2, 1, 0],
  ])('factor %i among %i others: %i copies besides the direct one', (relayFactor, others, copies) => {
    const { sent, queries } = answering(others);
    queries.receive(0, question({ flags: QueryFlag.ack, relayFactor }));
    expect(sent).toHaveLength(1 + copies);
    expect(new Set(sent.slice(1).map((copy) => copy.peer)).size).toBe(copies);
    for (const copy of sent.slice(1)) {
      expect(copy.peer).not.toBe('me');
      expect(copy.payload[0]).toBe(SerfType.relay);
      const { header, inner } = decodeRelay(copy.payload);
      expect(header).toMatchObject({ dest: { port: 7000 }, destName: 'asker' });
      expect(inner).toEqual(sent[0]!.payload);
    }
  });

  it('goes only through members that are alive and know relays', () => {
    const { sent, queries, membership } = answering(3);
    membership.gone(0, 'm1');
    membership.updated(0, { ...facts('m2', 2), vsn: Uint8Array.of(1, 4, 2, 2, 5, 5) });
    queries.receive(0, question({ flags: QueryFlag.ack, relayFactor: 3 }));
    expect(sent.slice(1).map((copy) => copy.peer)).toEqual(['m3']);
  });

  it('a copy over the limit is an error although the answer left', () => {
    const { sent, queries, idOfLast } = answering(3);
    queries.receive(0, question({ relayFactor: 1 }));
    const payload = new Uint8Array(960);
    expect(() => queries.respond(0, idOfLast(), payload)).toThrow(
      'failed to respond to key query: relayed response exceeds limit of 1024 bytes',
    );
    expect(sent).toHaveLength(1);
  });
});

/** The asking side on a bench. */
function asking(on: Bench = bench(), live = 3) {
  const answers: (QueryAnswer | undefined)[] = [];
  const local: QueryMessage[] = [];
  const part = new Asking({
    ...on,
    config: SERF_DEFAULTS,
    gossipIntervalMs: 200,
    random: seededRandom(1),
    self: () => facts('me', 100),
    liveCount: () => live,
    members: new SerfMembers(1),
    receive: (_now, message) => {
      local.push(message);
      on.clock.witness(message.ltime);
    },
  });
  const ask = (requestAck = false) =>
    part.ask(0, { ...plainQuery('load', null), requestAck }, (_now, answer) => void answers.push(answer));
  const reply = (over: Partial<QueryResponseMessage> = {}) =>
    part.response(1, { ltime: 1, id: local[0]!.id, from: 'a', flags: 0, payload: Buffer.from('x'), ...over });
  return { on, part, answers, local, ask, reply };
}

describe('asking a query', () => {
  it.each([
    [1, 3_200],
    [9, 3_200],
    [10, 6_400],
    [99, 6_400],
    [100, 9_600],
    [999, 9_600],
  ])('the default timeout among %i live members is %i ms', (live, ms) => {
    expect(defaultQueryTimeoutMs(200, 16, live)).toBe(ms);
  });

  it('is handled here, then gossiped, with our address and a time of its own', () => {
    const { on, local, ask } = asking();
    expect(ask()).toEqual({ ltime: 1, timeoutMs: 3_200 });
    expect(ask().ltime).toBe(2);
    expect(on.sent.map((message) => queryCodec.decode(message))).toEqual(local);
    expect(local[0]).toMatchObject({ port: 7946, sourceNode: 'me', timeoutNs: 3_200 * NANOS, flags: 0 });
    expect(local[0]!.id).toBeLessThan(0x8000_0000);
  });

  it('each node counts once as an ack and once as an answer', () => {
    const { on, answers, ask, reply } = asking();
    ask(true);
    for (let i = 0; i < 2; i += 1) {
      reply({ flags: QueryFlag.ack, payload: null });
      reply();
    }
    expect(answers.map((answer) => `${answer?.type} ${answer?.from}`)).toEqual(['ack a', 'response a']);
    expect(on.counters.get('serf.query_duplicate_acks')).toBe(1);
    expect(on.counters.get('serf.query_duplicate_responses')).toBe(1);
  });

  it.each([
    ['another time', { ltime: 9 }, 'reply for non-running query (LTime: 9, ID: '],
    ['another id', { id: 1 }, 'query reply ID mismatch (Local: '],
    ['an ack nobody asked for', { flags: QueryFlag.ack }, 'Failed to deliver query ack, dropping'],
  ])('a reply with %s is dropped with a warning', (_what, over, text) => {
    const { on, answers, ask, reply } = asking();
    ask();
    reply(over);
    expect(answers).toEqual([]);
    expect(on.texts()[0]?.startsWith(text)).toBe(true);
  });

  it('more answers than there could be members are dropped', () => {
    const { on, answers, ask, reply } = asking(bench(), 2);
    ask();
    for (let i = 0; i < 1_000; i += 1) reply({ from: `made up ${i}` });
    expect(answers.length).toBeLessThan(300);
    expect(on.counters.get('drop:reply-overflow')).toBe(1_000 - answers.length);
  });

  it('after its end nothing more comes', () => {
    const { answers, part, ask, reply } = asking();
    ask();
    part.over(2, 1);
    part.over(2, 1);
    reply();
    expect(answers).toEqual([undefined]);
  });

  it('a relay factor that is no byte is refused', () => {
    const { part } = asking();
    const params = { ...plainQuery('q', null), relayFactor: 256 };
    expect(() => part.ask(0, params, () => {})).toThrow('relay factor 256 is not within 0..255');
  });
});
