import { describe, expect, it } from 'vitest';
import { MAX_LAMPORT_TIME } from '../../../src/serf/lamport.ts';
import {
  joinCodec,
  leaveCodec,
  type QueryMessage,
  queryCodec,
  userEventCodec,
} from '../../../src/serf/messages.ts';
import { encodeFilters } from '../../../src/serf/query-filter.ts';
import { World } from '../../../src/sim/world.ts';
import { frameUser } from '../../../src/swim/packer.ts';
import { addSerf } from '../../support/serf-node.ts';

const FROM = { ip: '127.0.0.99', port: 7946 };

function question(over: Partial<QueryMessage> = {}): QueryMessage {
  return {
    ltime: 5,
    id: 77,
    addr: Uint8Array.of(127, 0, 0, 99),
    port: 7946,
    sourceNode: 'asker',
    filters: [],
    flags: 0,
    relayFactor: 0,
    timeoutNs: 1e9,
    name: 'load',
    payload: null,
    ...over,
  };
}

/** A lone node, and a peer's messages to it. */
function lone() {
  const world = new World(11);
  const node = addSerf(world, 'n1', 1);
  const hear = (message: Uint8Array): void => {
    node.run((now) => node.serf.datagram(now, FROM, frameUser(message)));
    world.run(10);
  };
  return { world, node, hear };
}

describe('queries from the future', () => {
  it('are taken, as Serf does; older ones are then dropped and counted', () => {
    const { node, hear } = lone();
    hear(queryCodec.encode(question({ ltime: 1_000_000 })));
    hear(queryCodec.encode(question({ ltime: 5, name: 'old' })));
    expect(node.queries().map(({ name }) => name)).toEqual(['load']);
    expect(node.serf.counters.get('drop:query-too-old')).toBe(1);
    expect(node.serf.stats().get('query_time')).toBe('1000001');
  });

  it('of the largest time stop the clock there, and queries of ours go on, one at a time', () => {
    const { world, node, hear } = lone();
    hear(queryCodec.encode(question({ ltime: MAX_LAMPORT_TIME })));
    expect(node.serf.stats().get('query_time')).toBe(String(MAX_LAMPORT_TIME));
    const first = node.ask({ name: 'one', requestAck: true });
    const second = node.ask({ name: 'two', requestAck: true });
    world.run(10_000);
    expect(node.answers.get(first)).toEqual([undefined]);
    expect(node.answers.get(second)).toEqual([{ type: 'ack', from: 'n1', payload: null }, undefined]);
  });
});

describe('Lamport times at the limit', () => {
  it('in a user event leave the clock where it can go no further, and events of ours go on', () => {
    const { node, hear } = lone();
    hear(userEventCodec.encode({ ltime: MAX_LAMPORT_TIME, name: 'far', payload: null, coalesce: false }));
    node.run((now) => node.serf.userEvent(now, 'mine', null, false));
    expect(node.userEvents()).toEqual(['far', 'mine']);
    expect(node.serf.stats().get('event_time')).toBe(String(MAX_LAMPORT_TIME));
  });
});

describe('Lamport times beyond the limit', () => {
  /** The message with its time, 5, replaced by the largest of 64 bits. */
  function beyond(message: Uint8Array): Uint8Array {
    const key = Buffer.from('a54c54696d6505', 'hex');
    const at = Buffer.from(message).indexOf(key);
    expect(at).toBeGreaterThan(0);
    const huge = Buffer.from('a54c54696d65cfffffffffffffffff', 'hex');
    return Buffer.concat([message.subarray(0, at), huge, message.subarray(at + key.length)]);
  }

  it.each([
    ['a leave intent', leaveCodec.encode({ ltime: 5, node: 'n1', prune: true })],
    ['a join intent', joinCodec.encode({ ltime: 5, node: 'n1' })],
    ['a user event', userEventCodec.encode({ ltime: 5, name: 'far', payload: null, coalesce: false })],
    ['a query', queryCodec.encode(question({ ltime: 5 }))],
  ])('%s is dropped and counted, and moves no clock', (_what, message) => {
    const { node, hear } = lone();
    const clocks = () => ['member_time', 'event_time', 'query_time'].map((key) => node.serf.stats().get(key));
    const before = clocks();
    hear(beyond(message));
    expect(node.serf.counters.get('drop:lamport-too-large')).toBe(1);
    expect(clocks()).toEqual(before);
    expect([node.userEvents(), node.queries(), node.view()]).toEqual([[], [], ['n1:alive']]);
  });

  it('at the limit itself an intent of a stranger is kept, and the member clock stays there', () => {
    const { node, hear } = lone();
    hear(joinCodec.encode({ ltime: MAX_LAMPORT_TIME, node: 'other' }));
    hear(leaveCodec.encode({ ltime: MAX_LAMPORT_TIME, node: 'n1', prune: true }));
    expect(node.serf.stats().get('member_time')).toBe(String(MAX_LAMPORT_TIME));
    expect(node.view()).toEqual(['n1:alive']);
  });
});

describe('filters that are no regular expression', () => {
  it.each(['(', '*', '[z-a]', 'a{2,1}', '(?<=x)y', '\\8'])(
    '%s in a query matches nobody and is counted',
    (expr) => {
      const { node, hear } = lone();
      hear(queryCodec.encode(question({ filters: encodeFilters([], new Map([['role', expr]])) })));
      expect(node.queries()).toEqual([]);
      expect(node.serf.counters.get('drop:query-filter')).toBe(1);
      expect(node.texts().at(-1)).toContain(`failed to compile filter regex (${expr}): `);
    },
  );
});

describe('payloads over the limit', () => {
  const big = new Uint8Array(20_000);

  it('of ours are refused by name', () => {
    const { node } = lone();
    expect(() => node.ask({ name: 'q', payload: big })).toThrow('query exceeds limit of 1024 bytes');
    expect(() => node.run((now) => node.serf.userEvent(now, 'e', big, false))).toThrow(
      'user event exceeds configured limit of 512 bytes before encoding',
    );
  });

  it('of peers are delivered and not passed on, as no datagram holds them', () => {
    const { node, hear } = lone();
    hear(queryCodec.encode(question({ payload: big })));
    hear(userEventCodec.encode({ ltime: 9, name: 'far', payload: big, coalesce: false }));
    expect(node.queries()).toHaveLength(1);
    expect(node.userEvents()).toEqual(['far']);
    expect(node.serf.counters.get('drop:broadcast-too-large')).toBe(2);
    expect(node.serf.stats().get('event_queue')).toBe('0');
  });
});
