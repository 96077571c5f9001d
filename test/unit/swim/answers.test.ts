import { describe, expect, it } from 'vitest';
import { ipBytes } from '../../../src/base/address.ts';
import { HANDOFF_DEPTH } from '../../../src/swim/intake.ts';
import {
  decodeAck,
  decodeErrorReply,
  decodeNack,
  decodePing,
  decodePushPull,
  encodeAck,
  encodeIndirectPing,
  encodeNack,
  encodePing,
  encodePushPull,
  encodeSuspect,
  encodeUserStream,
  MessageType,
  type PushPullNode,
} from '../../../src/swim/messages.ts';
import { encodeCompound } from '../../../src/wire/compound.ts';
import { Keyring } from '../../../src/wire/keyring.ts';
import {
  aliveOf,
  HERE,
  type LoneSwim,
  loneSwim,
  partsOf,
  STILL,
  THERE,
  VSN,
} from '../../support/lone-swim.ts';

const NOWHERE = { sourceAddr: new Uint8Array(0), sourcePort: 0, sourceNode: '' };
const NOTHING = new Uint8Array(0);
const ping = (node: string, seqNo = 42): Uint8Array => encodePing({ seqNo, node, ...NOWHERE });

/** What was sent of one type. */
function heard(node: LoneSwim, type: number): { ip: string; body: Uint8Array }[] {
  return node
    .said()
    .filter(({ message }) => message[0] === type)
    .map(({ to, message }) => ({ ip: to.ip, body: message.subarray(1) }));
}

describe('answers to pings', () => {
  it('three pings in a compound get three acks of the same number', () => {
    const node = loneSwim(STILL);
    const one = ping('a');
    const lengths = [one.length >> 8, one.length & 255];
    node.hear(Buffer.concat([Buffer.from([7, 3, ...lengths, ...lengths, ...lengths]), one, one, one]));
    expect(heard(node, MessageType.ack).map(({ body }) => decodeAck(body).seqNo)).toEqual([42, 42, 42]);
  });

  it('an empty part of a compound is dropped alone', () => {
    const node = loneSwim(STILL);
    node.hear(encodeCompound([NOTHING, ping('a')]));
    expect(heard(node, MessageType.ack)).toHaveLength(1);
    expect(node.swim.counters.get('drop:message-empty')).toBe(1);
  });

  it('an ack takes waiting broadcasts along, itself first', () => {
    const node = loneSwim(STILL);
    node.hear(ping('a'));
    const [datagram] = node.sent;
    expect(partsOf(datagram!.bytes)).toBe(2);
    expect(node.said().map(({ message }) => message[0])).toEqual([MessageType.ack, MessageType.alive]);
  });

  it('without anything waiting it goes bare', () => {
    const node = loneSwim({ ...STILL, retransmitMult: 1 });
    node.hear(ping('a', 1));
    node.hear(ping('a', 2));
    expect(node.sent[1]!.bytes[0]).toBe(MessageType.ack);
  });

  it.each([
    ['address without port', [10, 0, 0, 7], 0, THERE.ip],
    ['port without address', [], 7946, THERE.ip],
    ['address of an impossible length', [10, 0, 0], 7946, THERE.ip],
    ['both', [10, 0, 0, 7], 7946, '10.0.0.7'],
    ['mapped address', [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 7], 7946, '10.0.0.7'],
    ['IPv6 address', [0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7], 7946, '2001:db8::7'],
  ])('a source with %s', (_case, addr, sourcePort, ip) => {
    const node = loneSwim(STILL);
    node.hear(
      encodePing({ seqNo: 1, node: 'a', sourceAddr: Uint8Array.from(addr), sourcePort, sourceNode: 'x' }),
    );
    expect(heard(node, MessageType.ack).map((answer) => answer.ip)).toEqual([ip]);
  });
});

describe('pings on another’s behalf', () => {
  const TARGET = ipBytes('10.0.0.7') ?? NOTHING;
  const request = (changes: Partial<Parameters<typeof encodeIndirectPing>[0]> = {}): Uint8Array =>
    encodeIndirectPing({
      seqNo: 100,
      target: TARGET,
      port: 7000,
      node: 't',
      nack: true,
      ...NOWHERE,
      ...changes,
    });

  function relaying(changes: Parameters<typeof request>[0] = {}) {
    const node = loneSwim({ ...STILL, probeTimeoutMs: 200 });
    node.hear(request(changes));
    const [sent] = node.said();
    if (sent === undefined) throw new Error('nothing relayed');
    return { node, to: sent.to, relayed: decodePing(sent.message.subarray(1)) };
  }

  it('go to the target under a number and an address of our own', () => {
    const { to, relayed } = relaying();
    expect(to).toEqual({ ip: '10.0.0.7', port: 7000 });
    expect(relayed).toMatchObject({ seqNo: 1, node: 't', sourceNode: 'a', sourcePort: HERE.port });
  });

  it('port 0 means our own', () => {
    expect(relaying({ port: 0 }).to.port).toBe(HERE.port);
  });

  it('the ack goes back under the asked number, without payload, and suppresses the nack', () => {
    const { node, relayed } = relaying();
    node.hear(encodeAck({ seqNo: relayed.seqNo, payload: Buffer.from('mine') }));
    const [answer] = heard(node, MessageType.ack);
    expect(answer!.ip).toBe(THERE.ip);
    expect(decodeAck(answer!.body)).toEqual({ seqNo: 100, payload: null });
    node.pass(1000);
    expect(node.said()).toEqual([]);
  });

  it('without an ack the asker gets a nack when our ping timeout is over', () => {
    const { node, relayed } = relaying();
    node.hear(encodeNack({ seqNo: relayed.seqNo }));
    node.pass(199);
    expect(node.said()).toEqual([]);
    node.pass(1);
    expect(heard(node, MessageType.nack).map(({ ip, body }) => [ip, decodeNack(body).seqNo])).toEqual([
      [THERE.ip, 100],
    ]);
    node.hear(encodeAck({ seqNo: relayed.seqNo, payload: null }));
    expect(node.said()).toEqual([]);
  });

  it('no nack for who wants none', () => {
    const { node } = relaying({ nack: false });
    node.pass(1000);
    expect(node.said()).toEqual([]);
  });

  it('the answer goes to the address the request names', () => {
    const { node, relayed } = relaying({
      sourceAddr: Uint8Array.of(10, 0, 0, 8),
      sourcePort: 8,
      sourceNode: 's',
    });
    node.hear(encodeAck({ seqNo: relayed.seqNo, payload: null }));
    expect(node.sent.slice(1).map(({ to }) => to)).toEqual([{ ip: '10.0.0.8', port: 8 }]);
  });

  it('a target that is no address is dropped and counted', () => {
    const node = loneSwim(STILL);
    node.hear(request({ target: Uint8Array.of(1, 2, 3) }));
    expect(node.sent).toEqual([]);
    expect(node.swim.counters.get('drop:indirect-ping-address')).toBe(1);
  });

  it('more than a bounded number at a time are dropped and counted', () => {
    const node = loneSwim({ ...STILL, probeTimeoutMs: 200 });
    for (let i = 0; i < 5000; i += 1) node.hear(request());
    expect(node.sent).toHaveLength(4096);
    expect(node.swim.counters.get('drop:relay-overflow')).toBe(5000 - 4096);
    node.pass(300);
    node.hear(request());
    expect(node.swim.counters.get('drop:relay-overflow')).toBe(5000 - 4096);
  });
});

describe('streams we accept', () => {
  const state = (name: string, number: number, incarnation: number): PushPullNode => ({
    name,
    addr: ipBytes('10.0.0.2') ?? NOTHING,
    port: 7946,
    meta: NOTHING,
    incarnation,
    state: number,
    vsn: VSN,
  });
  const exchange = (nodes: readonly PushPullNode[], join = true): Uint8Array =>
    encodePushPull({ join, nodes, userState: NOTHING });

  it('a ping by our name or none gets an ack without payload, and the end', () => {
    for (const name of ['a', '']) {
      const stream = loneSwim(STILL).accept(ping(name, 77));
      expect(stream.closed).toBe(true);
      expect(stream.written.map((bytes) => bytes[0])).toEqual([MessageType.ack]);
      expect(decodeAck(stream.written[0]!.subarray(1))).toEqual({ seqNo: 77, payload: null });
    }
  });

  it('a ping for another gets the end and nothing else', () => {
    const stream = loneSwim(STILL).accept(ping('zz'));
    expect(stream).toMatchObject({ closed: true, written: [] });
  });

  it('a push/pull is answered with what we knew before it, and the join flag it had', () => {
    const node = loneSwim(STILL);
    node.hear(aliveOf('b', 2));
    for (const join of [true, false]) {
      const stream = node.accept(exchange([state(join ? 'c' : 'd', 0, 1)], join));
      const reply = decodePushPull(stream.written[0]!.subarray(1));
      expect(reply.join).toBe(join);
      const names = reply.nodes.map(({ name }) => name).sort();
      expect(names).toEqual(join ? ['a', 'b'] : ['a', 'b', 'c']);
      expect(stream.closed).toBe(true);
    }
  });

  it('our state goes with it, and theirs reaches the delegate unless it is empty', () => {
    const node = loneSwim(STILL);
    node.localState = Buffer.from('ours');
    const reply = decodePushPull(node.accept(exchange([])).written[0]!.subarray(1));
    expect(Buffer.from(reply.userState).toString()).toBe('ours');
    node.accept(encodePushPull({ join: false, nodes: [], userState: Buffer.from('theirs') }));
    expect(node.received).toEqual(['state theirs']);
  });

  it('every status has its number, the dead and the left included', () => {
    const node = loneSwim(STILL);
    for (const [i, name] of ['b', 'c', 'd', 'e'].entries()) node.hear(aliveOf(name, i + 2));
    node.accept(exchange([state('c', 1, 1), state('d', 3, 1), state('ghost', 2, 1)], false));
    const reply = decodePushPull(node.accept(exchange([])).written[0]!.subarray(1));
    const states = Object.fromEntries(reply.nodes.map((entry) => [entry.name, entry.state]));
    expect(states).toEqual({ a: 0, b: 0, c: 1, d: 3, e: 0 });
  });

  it.each([
    ['2·10⁹ nodes', '0683a44a6f696ec3a54e6f646573ce77359400ac5573657253746174654c656e00'],
    ['a negative number of nodes', '0683a44a6f696ec3a54e6f646573ffac5573657253746174654c656e00'],
    ['2·10⁹ bytes of state', '0683a44a6f696ec3a54e6f64657300ac5573657253746174654c656ece77359400'],
    ['a user message of 2·10⁹ bytes', '0881aa557365724d73674c656ece77359400'],
    ['a message of type 7', '0700'],
    ['a message of type 12', '0c00'],
  ])('%s closes the stream without a word', (_case, text) => {
    const node = loneSwim(STILL);
    expect(node.accept(Buffer.from(text, 'hex'))).toMatchObject({ closed: true, written: [] });
    expect([...node.swim.counters.keys()].some((key) => key.startsWith('drop:'))).toBe(true);
  });

  it('a stream that ends or breaks before its message is forgotten without a word', () => {
    for (const end of [{ type: 'ended' }, { type: 'failed', why: 'reset' }] as const) {
      const node = loneSwim(STILL);
      const stream = node.accept(Uint8Array.of(6));
      node.swim.stream(0, stream.id, end);
      expect(stream).toMatchObject({ closed: true, written: [] });
    }
  });

  it('a stream that says nothing is closed after the stream timeout', () => {
    const node = loneSwim({ ...STILL, tcpTimeoutMs: 1000 });
    const stream = node.accept(NOTHING);
    node.pass(999);
    expect(stream.closed).toBe(false);
    node.pass(1);
    expect(stream).toMatchObject({ closed: true, written: [] });
  });

  it('one stream too many costs the oldest its place, so that idle ones lock nobody out', () => {
    const node = loneSwim(STILL);
    const streams = Array.from({ length: 300 }, () => node.accept(NOTHING));
    expect(streams.map(({ closed }) => closed)).toEqual(streams.map((_, i) => i < 44));
    expect(node.swim.counters.get('drop:stream-limit')).toBe(44);
  });

  it('the 128th request under way is closed without a word, and others go on', () => {
    const node = loneSwim(STILL);
    const begun = Array.from({ length: 130 }, () => node.accept(Uint8Array.of(6)));
    expect(begun.map(({ closed }) => closed)).toEqual(begun.map((_, i) => i >= 127));
    expect(begun[129]).toMatchObject({ written: [] });
    expect(node.swim.counters.get('drop:push-pull-limit')).toBe(3);
    node.swim.stream(0, begun[0]!.id, { type: 'ended' });
    expect(node.accept(Uint8Array.of(6)).closed).toBe(false);
  });

  it('requests that have stalled for a second give way to new ones, the oldest first', () => {
    const node = loneSwim({ ...STILL, tcpTimeoutMs: 10_000 });
    const stalled = Array.from({ length: 127 }, () => node.accept(Uint8Array.of(6)));
    node.pass(1_000);
    const later = [0, 1].map(() => node.accept(Uint8Array.of(6)));
    expect(later.map(({ closed }) => closed)).toEqual([false, false]);
    expect(stalled.map(({ closed }) => closed)).toEqual(stalled.map((_, i) => i < 2));
  });

  it('a user message is delivered unless it is empty', () => {
    const node = loneSwim(STILL);
    expect(node.accept(encodeUserStream(Buffer.from('hello')))).toMatchObject({ closed: true, written: [] });
    expect(node.accept(encodeUserStream(NOTHING))).toMatchObject({ closed: true, written: [] });
    expect(node.received).toEqual(['hello']);
  });

  it('an empty user message in a datagram is delivered', () => {
    const node = loneSwim(STILL);
    node.hear(Uint8Array.of(MessageType.user));
    expect(node.received).toEqual(['']);
  });

  it('what senders pack with the newest first is taken with the oldest first, who is alive before all', () => {
    const node = loneSwim(STILL);
    const user = (text: string): Uint8Array =>
      Buffer.concat([Uint8Array.of(MessageType.user), Buffer.from(text)]);
    const suspect = encodeSuspect({ node: 'b', incarnation: 1, from: 'x' });
    node.hear(encodeCompound([user('3'), suspect, user('2'), ping('a'), aliveOf('b', 9), user('1')]));
    expect(node.received).toEqual(['1', '2', '3']);
    expect(node.swim.members.get('b')?.status).toBe('suspect');
    expect(heard(node, MessageType.ack)).toHaveLength(1);
  });

  it('of one datagram no more messages wait than memberlist lets wait', () => {
    const node = loneSwim(STILL);
    const many = encodeCompound(Array.from({ length: 127 }, () => Uint8Array.of(MessageType.user)));
    node.hear(encodeCompound(Array.from({ length: 10 }, () => many)));
    expect(node.received).toHaveLength(HANDOFF_DEPTH);
    expect(node.swim.counters.get('drop:handoff-full')).toBe(1270 - HANDOFF_DEPTH);
  });

  it('a message is understood in any chunking', () => {
    const node = loneSwim(STILL);
    const bytes = exchange([state('b', 0, 1)]);
    const stream = node.accept(bytes.subarray(0, 1));
    for (let i = 1; i < bytes.length; i += 1) {
      expect(stream.closed).toBe(false);
      node.swim.stream(0, stream.id, { type: 'data', bytes: bytes.subarray(i, i + 1) });
    }
    expect(stream.closed).toBe(true);
    expect(node.swim.members.get('b')?.status).toBe('alive');
  });

  it('an encrypted stream without keys here, and nonsense, get an error reply and the end', () => {
    const node = loneSwim(STILL);
    const stream = node.accept(Buffer.from('0a00000026', 'hex'));
    expect(stream.closed).toBe(true);
    expect(stream.written[0]![0]).toBe(MessageType.error);
    expect(decodeErrorReply(stream.written[0]!.subarray(1)).error).toMatch(/encryption is not configured/);
  });

  it('with keys the error reply itself is encrypted', () => {
    const keyring = new Keyring([], Buffer.from('0123456789abcdef'));
    const stream = loneSwim({ ...STILL, keyring }).accept(ping('a'));
    expect(stream.closed).toBe(true);
    expect(stream.written[0]![0]).toBe(MessageType.encrypt);
  });
});
