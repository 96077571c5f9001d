import { describe, expect, it } from 'vitest';
import {
  decodePushPull,
  encodeDead,
  encodePing,
  encodePushPull,
  encodeSuspect,
  MessageType,
} from '../../../src/swim/messages.ts';
import { Keyring } from '../../../src/wire/keyring.ts';
import { aliveOf, type LoneSwim, loneSwim, messagesOf, partsOf, STILL } from '../../support/lone-swim.ts';

const NOTHING = new Uint8Array(0);
const GOSSIPING = { ...STILL, gossipIntervalMs: 100, retransmitMult: 1 };
const key = Buffer.from('0123456789abcdef');
const ping = (seqNo: number): Uint8Array =>
  encodePing({ seqNo, node: 'a', sourceAddr: NOTHING, sourcePort: 0, sourceNode: '' });

/** Addresses gossiped to during `ms`; something new to tell is always waiting. */
function hearers(node: LoneSwim, ms: number): Set<string> {
  const before = node.sent.length;
  for (let waited = 0; waited < ms; waited += 100) {
    node.outbox.push(Buffer.from('news'), Buffer.from('news'), Buffer.from('news'));
    node.pass(100);
  }
  return new Set(node.sent.slice(before).map(({ to }) => to.ip));
}

describe('whom gossip goes to', () => {
  it('the living, the suspects and the recently dead; never us, never who left', () => {
    const node = loneSwim({ ...GOSSIPING, probeIntervalMs: 1e9, gossipToTheDeadTimeMs: 5000 });
    node.meet('b', 'c', 'd', 'e');
    node.hear(encodeSuspect({ node: 'c', incarnation: 1, from: 'x' }));
    node.hear(encodeDead({ node: 'd', incarnation: 1, from: 'x' }));
    node.hear(encodeDead({ node: 'e', incarnation: 1, from: 'e' }));
    expect(hearers(node, 4900)).toEqual(new Set(['10.0.0.2', '10.0.0.3', '10.0.0.4']));
    node.pass(200);
    expect(hearers(node, 5000)).toEqual(new Set(['10.0.0.2', '10.0.0.3']));
  });

  it('as many a round as configured, each with a datagram of its own', () => {
    const node = loneSwim({ ...GOSSIPING, gossipNodes: 3, retransmitMult: 3 });
    node.meet('b', 'c', 'd', 'e', 'f');
    node.pass(100);
    expect(node.sent).toHaveLength(3);
    expect(new Set(node.sent.map(({ to }) => to.ip)).size).toBe(3);
    node.pass(1000);
    // Limit 3 · ⌈log10 7⌉: three transmissions of six messages, all in one round.
    expect(node.sent).toHaveLength(3);
    for (const { bytes } of node.sent) expect(messagesOf(bytes)).toHaveLength(6);
  });

  it('while nothing waits there are no rounds, and the next one keeps the beat', () => {
    const node = loneSwim({ ...GOSSIPING, probeIntervalMs: 0 });
    node.meet('b');
    node.pass(1000);
    expect(node.swim.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
    node.sent.length = 0;
    node.pass(12_345);
    node.outbox.push(Buffer.from('news'));
    node.swim.attend(node.now);
    const due = node.swim.nextDeadline();
    expect(due).toBeGreaterThan(node.now);
    expect(due - node.now).toBeLessThanOrEqual(100);
    node.pass(100);
    expect(node.sent).toHaveLength(1);
    node.pass(100);
    expect(node.swim.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
    // The beat of before: whole intervals lie between a round then and the round now.
    node.outbox.push(Buffer.from('more'));
    node.swim.attend(node.now);
    const offset = (node.swim.nextDeadline() - due) / 100;
    expect(offset).toBeCloseTo(Math.round(offset), 6);
  });

  it('nodes or an interval of 0 turn it off', () => {
    for (const off of [{ gossipNodes: 0 }, { gossipIntervalMs: 0 }]) {
      const node = loneSwim({ ...GOSSIPING, ...off });
      node.meet('b');
      node.pass(10_000);
      expect(node.sent).toEqual([]);
    }
  });
});

describe('what a datagram holds', () => {
  /** A node with more to tell than fits, and a peer to tell it. */
  function talkative(options: Parameters<typeof loneSwim>[0] = {}, payload = 17): LoneSwim {
    const node = loneSwim({ ...GOSSIPING, gossipNodes: 1, ...options });
    node.meet('b');
    for (let i = 0; i < 400; i += 1) node.outbox.push(Buffer.alloc(payload, i & 255));
    return node;
  }

  it.each([
    ['plain', {}, 1400 + 2 + 5],
    ['labelled', { label: Buffer.from('blue') }, 1400 + 2 + 5],
    ['encrypted', { keyring: new Keyring([], key) }, 1400 + 2 + 5],
    ['encrypted for protocol 1', { keyring: new Keyring([], key), protocolVersion: 1 }, 1400 + 2 + 5 + 15],
  ])(
    'a gossip datagram, %s, is filled and exceeds the budget by part header and checksum at most',
    (_case, options, most) => {
      const node = talkative({ ...options, gossipVerifyIncoming: false, skipInboundLabelCheck: true });
      node.pass(100);
      expect(node.sent).toHaveLength(1);
      expect(node.sent[0]!.bytes.length).toBeLessThanOrEqual(most);
      expect(node.sent[0]!.bytes.length).toBeGreaterThan(1360);
    },
  );

  it('never more parts than the oldest peers can count', () => {
    const node = talkative({}, 1);
    node.pass(100);
    expect(messagesOf(node.sent[0]!.bytes)).toHaveLength(127);
    node.sent.length = 0;
    node.hear(ping(1));
    expect(partsOf(node.sent[0]!.bytes)).toBe(127);
    expect(messagesOf(node.sent[0]!.bytes)[0]![0]).toBe(MessageType.ack);
  });

  it('membership first, then what the delegate adds', () => {
    const node = talkative();
    node.pass(100);
    const types = messagesOf(node.sent[0]!.bytes).map((message) => message[0]);
    expect(types.slice(0, 3)).toEqual([MessageType.alive, MessageType.alive, MessageType.user]);
  });

  it('a single message goes bare', () => {
    const node = loneSwim({ ...GOSSIPING, gossipNodes: 1 });
    node.meet('b');
    node.pass(1000);
    node.sent.length = 0;
    node.outbox.push(Buffer.from('one'));
    node.pass(100);
    expect(messagesOf(node.sent[0]!.bytes)).toEqual([Uint8Array.from(Buffer.from('\u0008one'))]);
    expect(node.sent[0]!.bytes[0]).toBe(MessageType.crc);
    expect(node.sent[0]!.bytes.length).toBe(5 + 4);
  });
});

describe('checksums', () => {
  it('gossip has one exactly for peers that understand it', () => {
    for (const [max, type] of [
      [5, MessageType.crc],
      [4, MessageType.compound],
    ] as const) {
      const node = loneSwim({ ...GOSSIPING, gossipNodes: 1 });
      node.hear(aliveOf('b', 2, { vsn: Uint8Array.of(1, max, 2, 2, 5, 5) }));
      node.pass(100);
      expect(node.sent[0]!.bytes[0]).toBe(type);
    }
  });

  it('acks have one only for a member named by its address', () => {
    const node = loneSwim(STILL);
    node.hear(ping(1));
    node.hear(aliveOf('10.0.0.99', 99));
    node.hear(ping(2));
    expect(node.sent.map(({ bytes }) => bytes[0] === MessageType.crc)).toEqual([false, true]);
  });

  it('a direct user message has one when the peer is named and understands it', () => {
    const node = loneSwim(STILL);
    node.meet('b');
    const to = { ip: '10.0.0.2', port: 7946 };
    node.swim.sendUser(to, Buffer.from('abc'));
    node.swim.sendUser(to, Buffer.from('abc'), 'b');
    node.swim.sendUser(to, Buffer.from('abc'), 'nobody');
    expect(node.sent.map(({ bytes }) => bytes.length)).toEqual([4, 9, 4]);
  });
});

describe('anti-entropy', () => {
  const SYNCING = { ...STILL, pushPullIntervalMs: 10_000, tcpTimeoutMs: 1000 };

  it('goes to the living only, after a random start and one interval, then an interval after the end of the last', () => {
    const node = loneSwim(SYNCING);
    node.meet('b', 'c', 'd');
    node.hear(encodeDead({ node: 'c', incarnation: 1, from: 'x' }));
    node.hear(encodeDead({ node: 'd', incarnation: 1, from: 'd' }));
    node.pass(9_999);
    expect(node.streams.size).toBe(0);
    while (node.streams.size === 0 && node.now < 20_000) node.pass(1);
    const stream = [...node.streams.values()].at(-1)!;
    expect(stream.to?.ip).toBe('10.0.0.2');
    node.swim.stream(node.now, stream.id, { type: 'opened' });
    expect(decodePushPull(stream.written[0]!.subarray(1)).join).toBe(false);
    const reply = encodePushPull({ join: true, nodes: [], userState: Buffer.from('s') });
    node.swim.stream(node.now, stream.id, { type: 'data', bytes: reply });
    expect([stream.closed, node.received]).toEqual([true, ['state s']]);
    const opened = node.streams.size;
    node.pass(9_999);
    expect(node.streams.size).toBe(opened);
    node.pass(1);
    expect(node.streams.size).toBe(opened + 1);
  });

  it('a peer that never answers costs one stream timeout, and it goes on', () => {
    const node = loneSwim(SYNCING);
    node.meet('b');
    node.pass(60_000);
    expect(node.streams.size).toBeGreaterThanOrEqual(4);
    for (const stream of [...node.streams.values()].slice(0, -1)) expect(stream.closed).toBe(true);
  });

  it('every half of an exchange has a stream timeout of its own', () => {
    const node = loneSwim(SYNCING);
    node.swim.join(0, 1, [{ address: { ip: '10.0.0.2', port: 7946 }, label: 'b' }]);
    node.pass(900);
    node.swim.stream(node.now, 1, { type: 'opened' });
    node.pass(900);
    expect(node.outcomes.size).toBe(0);
    node.pass(100);
    expect(node.outcomes.get(1)).toMatchObject({ contacted: 0, failures: [{ code: 'timeout' }] });
  });

  it('more than 32 members sync half as often', () => {
    const node = loneSwim(SYNCING);
    node.meet(...Array.from({ length: 40 }, (_, i) => `m${i}`));
    node.pass(19_999);
    expect(node.streams.size).toBeLessThanOrEqual(1);
    for (const { id } of node.streams.values())
      node.swim.stream(node.now, id, { type: 'failed', why: 'refused' });
    const opened = node.streams.size;
    node.pass(19_999);
    expect(node.streams.size - opened).toBeLessThanOrEqual(1);
  });
});

describe('the reply to a join', () => {
  const joining = () => {
    const node = loneSwim(STILL);
    node.swim.join(0, 1, [{ address: { ip: '10.0.0.2', port: 7946 }, label: 'b' }]);
    const stream = node.streams.get(1)!;
    node.swim.stream(0, 1, { type: 'opened' });
    return { node, stream };
  };
  const hex = (text: string): Uint8Array => Buffer.from(text, 'hex');

  it('our request says that we join', () => {
    expect(decodePushPull(joining().stream.written[0]!.subarray(1)).join).toBe(true);
  });

  it.each([
    ['an error', hex('0d81a54572726f72a3454f46'), 'remote-error', 'remote error: EOF'],
    [
      'an ack',
      hex('0282a75061796c6f6164c0a55365714e6f2a'),
      'invalid-reply',
      /received invalid msgType \(2\)/,
    ],
    ['a type nobody knows', hex('63'), 'stream-type', /received invalid msgType \(99\)/],
    ['nonsense', hex('06c1'), 'msgpack-type', /./],
    [
      'too many nodes',
      hex('0683a44a6f696ec3a54e6f646573ce77359400ac5573657253746174654c656e00'),
      'push-pull-nodes',
      /./,
    ],
  ])('%s fails the join and says why', (_case, bytes, code, text) => {
    const { node, stream } = joining();
    node.swim.stream(0, 1, { type: 'data', bytes });
    expect(stream.closed).toBe(true);
    const outcome = node.outcomes.get(1)!;
    if (outcome.type !== 'joined') throw new Error('unreachable');
    expect(outcome.contacted).toBe(0);
    expect(outcome.failures[0]!.text).toMatch(text);
    if (code !== 'msgpack-type') expect(outcome.failures[0]!.code).toBe(code);
  });
});
