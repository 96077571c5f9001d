import { describe, expect, it } from 'vitest';
import type { Address, Millis } from '../../../src/base/machine.ts';
import { seededRandom } from '../../../src/base/random.ts';
import { WAITING_JOINS_LIMIT } from '../../../src/serf/joins.ts';
import {
  encodeRelay,
  joinCodec,
  leaveCodec,
  type PushPullState,
  pushPullCodec,
  QueryFlag,
  queryCodec,
  userEventCodec,
} from '../../../src/serf/messages.ts';
import { Serf } from '../../../src/serf/serf.ts';
import type { SwimPort } from '../../../src/serf/swim-port.ts';
import type { SwimDelegate, SwimMember } from '../../../src/swim/delegate.ts';
import { Packer } from '../../../src/swim/packer.ts';
import { recording, type SerfSettings, serfConfig } from '../../support/serf-node.ts';
import { facts } from '../../support/serf-parts.ts';

const ADDRESS = { ip: '10.0.0.100', port: 7946 };

function member(name: string, host: number): SwimMember {
  return { facts: facts(name, host), incarnation: 1, status: 'alive', since: 0 };
}

/** A Serf machine on a SWIM that does nothing but write down what is asked of it. */
function node(settings: SerfSettings = {}) {
  const sent: { to: Address; payload: Uint8Array; peer: string | undefined }[] = [];
  const asked: string[] = [];
  const { effects, seen } = recording({
    sendDatagram() {},
    openStream: () => 1,
    writeStream() {},
    closeStream() {},
  });
  const self = member('me', 100);
  const up = new Map<string, SwimMember>();
  let delegate: SwimDelegate | undefined;
  const swim: SwimPort = {
    start: (now) => delegate?.notice(now, { type: 'joined', member: self }),
    datagram() {},
    stream() {},
    undeliverable() {},
    tick() {},
    lagged() {},
    attend() {},
    preload() {},
    loads: () => [],
    nextDeadline: () => Number.POSITIVE_INFINITY,
    join: (_now, operation, targets) =>
      void asked.push(`join ${operation} ${targets.map((t) => t.label).join()}`),
    leave: (_now, operation) => void asked.push(`leave ${operation}`),
    update: (_now, operation) => void asked.push(`update ${operation}`),
    bury() {},
    contact() {},
    sendUser: (to, payload, peer) => void sent.push({ to, payload, peer }),
    shutdown: () => void asked.push('shutdown'),
    members: {
      heardAt: undefined,
      size: 1,
      liveCount: 1,
      get: (name) => (name === 'me' ? self : up.get(name)),
      values: () => [self],
      each: (visit) => visit(self.facts, self.incarnation, self.status),
    },
    self,
    healthScore: 0,
    encrypted: false,
    counters: new Map([['drop:crc', 3]]),
  };
  const serf = new Serf({
    config: serfConfig('me', ADDRESS, settings),
    random: seededRandom(1),
    effects,
    trace: { note: (record) => void seen.log.push(record) },
    createSwim: (options) => {
      delegate = options.delegate;
      return swim;
    },
  });
  serf.start(0);
  const texts = () => seen.log.map((record) => record.text ?? record.message);
  const gossip = (): Uint8Array[] => {
    const packer = new Packer(1_400, 100);
    delegate!.contribute(packer);
    return packer.parts.map((part) => part.subarray(1));
  };
  return { serf, delegate: delegate!, sent, asked, seen, texts, gossip, up };
}

const bytes = (...parts: (number | Uint8Array)[]): Uint8Array =>
  Buffer.concat(parts.map((part) => (typeof part === 'number' ? Buffer.of(part) : part)));

describe('messages from peers', () => {
  it('a new message is passed on byte for byte, so that unknown fields survive', () => {
    const { delegate, gossip, seen } = node();
    const event = userEventCodec.encode({ ltime: 4, name: 'deploy', payload: null, coalesce: false });
    const extended = bytes(3, 0x85, event.subarray(2), Buffer.from('a34e6577c3', 'hex'));
    delegate.receive(0, extended);
    delegate.receive(0, extended);
    expect(seen.events.filter((one) => one.type === 'user')).toHaveLength(1);
    expect(gossip().map((message) => Buffer.from(message))).toEqual([Buffer.from(extended)]);
  });

  it('what is queued does not change with the buffer it came in', () => {
    const { delegate, gossip } = node();
    const message = Buffer.from(joinCodec.encode({ ltime: 4, node: 'other' }));
    const before = Buffer.from(message);
    delegate.receive(0, message);
    message.fill(0);
    expect(gossip().map((one) => Buffer.from(one))).toEqual([before]);
  });

  it('intents go out before queries, and queries before events', () => {
    const { delegate, gossip } = node();
    const query = {
      ltime: 4,
      id: 1,
      addr: Uint8Array.of(1, 2, 3, 4),
      port: 1,
      sourceNode: 'x',
      filters: [],
      flags: 0,
      relayFactor: 0,
      timeoutNs: 1,
      name: 'q',
      payload: null,
    };
    delegate.receive(0, userEventCodec.encode({ ltime: 4, name: 'e', payload: null, coalesce: false }));
    delegate.receive(0, queryCodec.encode(query));
    delegate.receive(0, leaveCodec.encode({ ltime: 4, node: 'x', prune: false }));
    delegate.receive(0, queryCodec.encode({ ...query, id: 2, flags: QueryFlag.noBroadcast }));
    expect(gossip().map((message) => message[0])).toEqual([0, 4, 3]);
  });

  it.each([
    ['nothing', bytes(), 'drop:serf-empty', undefined],
    ['a push/pull', bytes(2, 0x80), 'drop:serf-type', 'Received message of unknown type: 2'],
    ['a conflict response', bytes(6, 0xc0), 'drop:serf-type', 'Received message of unknown type: 6'],
    ['a key request', bytes(7, 0x80), 'drop:serf-type', 'Received message of unknown type: 7'],
    ['a key response', bytes(8, 0x80), 'drop:serf-type', 'Received message of unknown type: 8'],
    ['an unknown type', bytes(10, 0x80), 'drop:serf-type', 'Received message of unknown type: 10'],
    ['half a join', bytes(1, 0x82, 0xa5), 'drop:msgpack-truncated', /^Error decoding join message: /],
    ['a leave that is a number', bytes(0, 5), 'drop:msgpack-type', /^Error decoding leave message: /],
    ['half a user event', bytes(3, 0x81), 'drop:msgpack-truncated', /^Error decoding user event message: /],
    ['half a query', bytes(4, 0x81), 'drop:msgpack-truncated', /^Error decoding query message: /],
    ['half a response', bytes(5, 0x81), 'drop:msgpack-truncated', /^Error decoding query response message: /],
    ['half a relay', bytes(9, 0x81), 'drop:msgpack-truncated', /^Error decoding relay header: /],
    [
      'a time above 2^53-1',
      bytes(1, Buffer.from('82a54c54696d65cf0020000000000000a44e6f6465a161', 'hex')),
      'drop:lamport-too-large',
      /^Error decoding join message: /,
    ],
  ])('%s is dropped, counted and not passed on', (_what, message, counter, text) => {
    const { serf, delegate, gossip, texts } = node();
    delegate.receive(0, message);
    expect(serf.counters.get(counter)).toBe(1);
    if (text !== undefined) expect(texts().at(-1)).toMatch(text);
    expect(gossip()).toEqual([]);
  });

  it('the largest time is taken and leaves the clocks where they can go no further', () => {
    const { serf, delegate } = node();
    delegate.receive(0, joinCodec.encode({ ltime: Number.MAX_SAFE_INTEGER, node: 'x' }));
    delegate.receive(
      0,
      userEventCodec.encode({ ltime: Number.MAX_SAFE_INTEGER, name: 'e', payload: null, coalesce: false }),
    );
    expect(serf.stats().get('member_time')).toBe(String(Number.MAX_SAFE_INTEGER));
    expect(() => serf.userEvent(0, 'mine', null, false)).not.toThrow();
  });

  it('counters hold those of both layers', () => {
    expect(node().serf.counters.get('drop:crc')).toBe(3);
  });
});

const LETHAL_QUERY = queryCodec.encode({
  ltime: 3,
  id: 1,
  addr: Uint8Array.of(10, 0, 0, 5),
  port: 7000,
  sourceNode: '',
  filters: [new Uint8Array(0)],
  flags: 0,
  relayFactor: 0,
  timeoutNs: 1,
  name: 'q',
  payload: null,
});

describe('relay messages', () => {
  const inner = Uint8Array.of(5, 1, 2, 3);

  it.each([
    ['an answer', inner],
    ['a query that nobody can read', Uint8Array.of(4, 0xc1)],
  ])('everything after the header is sent on unchanged: %s', (_what, content) => {
    const { delegate, sent } = node();
    const dest = { ip: Uint8Array.of(10, 0, 0, 5), port: 7000, zone: '' };
    delegate.receive(0, encodeRelay({ dest, destName: 'asker' }, content));
    expect(sent).toEqual([{ to: { ip: '10.0.0.5', port: 7000 }, payload: content, peer: 'asker' }]);
  });

  it.each([
    ['no address', { ip: new Uint8Array(0), port: 7000 }, inner],
    ['port 0', { ip: Uint8Array.of(1, 2, 3, 4), port: 0 }, inner],
    ['port 70000', { ip: Uint8Array.of(1, 2, 3, 4), port: 70_000 }, inner],
    ['nothing inside', { ip: Uint8Array.of(1, 2, 3, 4), port: 1 }, new Uint8Array(0)],
    ['a query inside that ends Serf’s agents', { ip: Uint8Array.of(1, 2, 3, 4), port: 1 }, LETHAL_QUERY],
  ])('with %s are dropped', (_what, dest, content) => {
    const { serf, delegate, sent } = node();
    delegate.receive(0, encodeRelay({ dest: { ...dest, zone: '' }, destName: '' }, content));
    expect(sent).toEqual([]);
    expect(serf.counters.get('drop:relay')).toBe(1);
  });
});

describe('push/pull', () => {
  function state(over: Partial<PushPullState> = {}): Uint8Array {
    return pushPullCodec.encode({
      ltime: 0,
      statusLTimes: new Map(),
      leftMembers: [],
      eventLTime: 0,
      events: [],
      queryLTime: 0,
      ...over,
    });
  }

  it('holds the clocks, every status time, the left members and the event ring', () => {
    const { serf, delegate } = node();
    delegate.notice(0, { type: 'joined', member: member('x', 1) });
    delegate.receive(0, leaveCodec.encode({ ltime: 9, node: 'x', prune: false }));
    delegate.notice(0, { type: 'failed', member: member('x', 1) });
    serf.userEvent(0, 'deploy', null, false);
    expect(pushPullCodec.decode(delegate.localState(false))).toEqual({
      ltime: 10,
      statusLTimes: new Map([
        ['me', 0],
        ['x', 9],
      ]),
      leftMembers: ['x'],
      eventLTime: 2,
      events: [{ ltime: 1, events: [{ name: 'deploy', payload: null }] }],
      queryLTime: 1,
    });
  });

  it("clocks end up at the sender's, not beyond, and zeros change nothing", () => {
    const { serf, delegate } = node();
    delegate.mergeRemoteState(0, state({ ltime: 42, eventLTime: 50 }), false);
    const stats = serf.stats();
    expect(['member_time', 'event_time', 'query_time'].map((key) => stats.get(key))).toEqual([
      '42',
      '50',
      '1',
    ]);
  });

  it('left members come first and with their time plus one; one that joins later is up', () => {
    const { serf, delegate } = node();
    delegate.notice(0, { type: 'joined', member: member('x', 1) });
    delegate.receive(0, joinCodec.encode({ ltime: 5, node: 'x' }));
    delegate.notice(0, { type: 'failed', member: member('x', 1) });
    delegate.mergeRemoteState(
      0,
      state({ statusLTimes: new Map([['x', 5]]), leftMembers: ['x', 'early'] }),
      false,
    );
    expect(serf.members().map((one) => `${one.name}:${one.status}`)).toEqual(['me:alive', 'x:left']);
    delegate.notice(0, { type: 'joined', member: member('early', 2) });
    expect(serf.members()[0]).toMatchObject({ name: 'early', status: 'alive' });
  });

  it('who is up has not left, whatever a peer lists that missed the return', () => {
    const { serf, delegate, up } = node();
    const x = member('x', 1);
    up.set('x', x);
    delegate.notice(0, { type: 'joined', member: x });
    delegate.receive(0, joinCodec.encode({ ltime: 5, node: 'x' }));
    const stale = state({ statusLTimes: new Map([['x', 5]]), leftMembers: ['x'] });
    delegate.mergeRemoteState(0, stale, false);
    expect(serf.members().map((one) => `${one.name}:${one.status}`)).toEqual(['me:alive', 'x:alive']);
    up.delete('x');
    delegate.mergeRemoteState(0, stale, false);
    expect(serf.members().map((one) => `${one.name}:${one.status}`)).toEqual(['me:alive', 'x:leaving']);
  });

  it('nothing learned this way is gossiped on, and empty slots are skipped', () => {
    const { delegate, gossip, seen } = node();
    const slot = (ltime: number, name: string) => ({ ltime, events: [{ name, payload: null }] });
    const events = [null, slot(513, 'late'), slot(2, 'early'), null];
    delegate.mergeRemoteState(0, state({ events, statusLTimes: new Map([['x', 3]]) }), true);
    const users = seen.events.filter((event) => event.type === 'user');
    expect(users.map((event) => [event.name, event.coalesce])).toEqual([
      ['early', false],
      ['late', false],
    ]);
    expect(gossip()).toEqual([]);
  });

  it('a false claim that we left is refuted', () => {
    const { delegate, gossip } = node();
    delegate.mergeRemoteState(0, state({ leftMembers: ['me'], statusLTimes: new Map([['me', 7]]) }), true);
    expect(gossip().map((message) => joinCodec.decode(message))).toEqual([{ ltime: 9, node: 'me' }]);
  });

  it.each([
    ['empty', bytes(), 'drop:remote-state-empty', 'Remote state is zero bytes'],
    ['of another type', bytes(3, 0x80), 'drop:remote-state-type', 'Remote state has bad type prefix: 3'],
    ['damaged', bytes(2, 0x81), 'drop:msgpack-truncated', /^Failed to decode remote state: /],
  ])('a state that is %s is dropped and counted', (_what, remote, counter, text) => {
    const { serf, delegate, texts } = node();
    delegate.mergeRemoteState(0, remote, false);
    expect(serf.counters.get(counter)).toBe(1);
    expect(texts().at(-1)).toMatch(text);
  });

  it('only a join that ignores the past raises the minimum, and only while it runs', () => {
    const { serf, delegate, seen } = node();
    const events = [{ ltime: 3, events: [{ name: 'old', payload: null }] }];
    serf.join(0, 1, [], { ignoreOld: true });
    delegate.mergeRemoteState(0, state({ eventLTime: 4, events }), false);
    expect(seen.events.filter((event) => event.type === 'user')).toHaveLength(1);
    delegate.mergeRemoteState(
      0,
      state({ eventLTime: 9, events: [{ ltime: 8, events: events[0]!.events }] }),
      true,
    );
    expect(seen.events.filter((event) => event.type === 'user')).toHaveLength(1);
    delegate.settled(0, 1, { type: 'joined', contacted: 1, failures: [] });
    delegate.mergeRemoteState(
      0,
      state({ eventLTime: 12, events: [{ ltime: 11, events: events[0]!.events }] }),
      true,
    );
    expect(seen.events.filter((event) => event.type === 'user')).toHaveLength(2);
  });
});

describe('operations', () => {
  const settle = (delegate: SwimDelegate, now: Millis, operation: number, contacted: number) =>
    delegate.settled(now, operation, { type: 'joined', contacted, failures: [] });

  it('joins run one after another, and only a successful one is announced', () => {
    const { serf, delegate, asked, seen, gossip } = node();
    const target = (label: string) => [{ address: ADDRESS, label }];
    serf.join(0, 71, target('a'), { ignoreOld: false });
    serf.join(0, 72, target('b'), { ignoreOld: false });
    expect(asked).toEqual(['join 1 a']);
    settle(delegate, 1, 1, 0);
    expect(gossip()).toEqual([]);
    expect(asked).toEqual(['join 1 a', 'join 2 b']);
    settle(delegate, 2, 2, 1);
    expect(gossip().map((message) => joinCodec.decode(message))).toEqual([{ ltime: 1, node: 'me' }]);
    expect([...seen.outcomes].map(([id, outcome]) => [id, outcome.type])).toEqual([
      [71, 'joined'],
      [72, 'joined'],
    ]);
  });

  it('too many waiting joins are refused', () => {
    const { serf } = node();
    for (let i = 0; i <= WAITING_JOINS_LIMIT; i += 1) serf.join(0, i, [], { ignoreOld: false });
    expect(() => serf.join(0, 9999, [], { ignoreOld: false })).toThrow('joins are waiting already');
  });

  it.each([
    ['sent', 'done'],
    ['timeout', 'timeout'],
  ] as const)('a tag update whose broadcast is %s ends as %s', (type, outcome) => {
    const { serf, delegate, seen, asked } = node();
    serf.setTags(0, 5, new Map([['a', 'b']]));
    expect(asked).toEqual(['update 1']);
    expect(Buffer.from(delegate.meta(512)).toString('hex')).toBe('ff81a161a162');
    delegate.settled(0, 1, { type });
    expect(seen.outcomes.get(5)).toEqual({ type: outcome });
  });

  it('a forced leave that is not sent in time ends as timeout', () => {
    const { serf, delegate, seen } = node();
    delegate.notice(0, { type: 'joined', member: member('x', 1) });
    serf.forceLeave(0, 5, 'nobody', false);
    serf.tick(4_999);
    expect(seen.outcomes.size).toBe(0);
    serf.tick(5_000);
    expect(seen.outcomes.get(5)).toEqual({ type: 'timeout' });
  });

  it('a forced leave that is sent ends at once', () => {
    const { serf, delegate, seen, gossip } = node();
    delegate.notice(0, { type: 'joined', member: member('x', 1) });
    serf.forceLeave(0, 5, 'nobody', true);
    for (let i = 0; i < 20; i += 1) gossip();
    serf.tick(100);
    expect(seen.outcomes.get(5)).toEqual({ type: 'done' });
  });
});

describe('the pipeline', () => {
  it('coalesced events wait for their window, queries do not, and shutdown lets everything out', () => {
    const { serf, delegate, seen } = node({ coalescePeriodMs: 3_000, quiescentPeriodMs: 1_000 });
    delegate.notice(10, { type: 'joined', member: member('x', 1) });
    expect(seen.events).toEqual([]);
    expect(serf.nextDeadline()).toBe(1_010);
    serf.tick(1_010);
    expect(seen.events.map((event) => event.type)).toEqual(['member-join']);
    delegate.notice(1_020, { type: 'failed', member: member('x', 1) });
    serf.shutdown(1_030);
    expect(seen.events.map((event) => event.type)).toEqual(['member-join', 'member-failed']);
  });
});
