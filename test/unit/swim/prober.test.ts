import { describe, expect, it } from 'vitest';
import {
  decodeIndirectPing,
  decodePing,
  decodeSuspect,
  encodeAck,
  encodeNack,
  MessageType,
} from '../../../src/swim/messages.ts';
import { aliveOf, HERE, type LoneSwim, loneSwim, partsOf, STILL } from '../../support/lone-swim.ts';

/** Probing once a second, nothing else by itself. */
const PROBING = { ...STILL, probeIntervalMs: 1000, probeTimeoutMs: 200 };
const B = { ip: '10.0.0.2', port: 7946 };
const NO_PAYLOAD = null;

const ack = (seqNo: number, payload: Uint8Array | null = NO_PAYLOAD): Uint8Array =>
  encodeAck({ seqNo, payload });

/** Lets time pass until something of this type goes out; returns those messages. */
function until(node: LoneSwim, type: number, limitMs = 5000): { ip: string; body: Uint8Array }[] {
  for (let waited = 0; waited <= limitMs; waited += 5) {
    const found = node.said().filter(({ message }) => message[0] === type);
    if (found.length > 0) return found.map(({ to, message }) => ({ ip: to.ip, body: message.subarray(1) }));
    node.pass(5);
  }
  return [];
}

/** A node that has just pinged its only peer b; returns the ping. */
function pinging(options: Parameters<typeof loneSwim>[0] = {}) {
  const node = loneSwim({ ...PROBING, ...options });
  node.meet('b');
  const [ping] = until(node, MessageType.ping);
  if (ping === undefined) throw new Error('no ping');
  return { node, seq: decodePing(ping.body).seqNo };
}

/** Times at which pings went out during `ms`. */
function pingTimes(node: LoneSwim, ms: number, answer: (seq: number) => void = () => {}): number[] {
  const times: number[] = [];
  for (let waited = 0; waited < ms; waited += 10) {
    node.pass(10);
    for (const { message } of node.said()) {
      if (message[0] !== MessageType.ping) continue;
      times.push(node.now);
      answer(decodePing(message.subarray(1)).seqNo);
    }
  }
  return times;
}

describe('a direct ping', () => {
  it('names the target and says where the ack goes; the first number is 1, the second 2', () => {
    const { node, seq } = pinging();
    expect(seq).toBe(1);
    node.hear(ack(1));
    const [second] = until(node, MessageType.ping);
    const { sourceAddr, ...rest } = decodePing(second!.body);
    expect(rest).toEqual({ seqNo: 2, node: 'b', sourcePort: HERE.port, sourceNode: 'a' });
    expect([...sourceAddr]).toEqual([10, 0, 0, 1]);
    expect(second!.ip).toBe('10.0.0.2');
  });

  it('acked in time gives the delegate the round trip and the payload', () => {
    const { node, seq } = pinging();
    node.pass(30);
    node.hear(ack(seq, Buffer.from('where I am')), B);
    const [rtt] = node.notices.filter((n) => n.type === 'rtt');
    expect(rtt).toMatchObject({ type: 'rtt', member: { facts: { name: 'b' } } });
    expect(rtt!.type === 'rtt' && rtt!.rttMs).toBeGreaterThanOrEqual(30);
    expect(rtt!.type === 'rtt' && rtt!.rttMs).toBeLessThan(45);
    expect(rtt!.type === 'rtt' && String(Buffer.from(rtt!.payload))).toBe('where I am');
  });

  it('acked late, after others were asked, succeeds without a round trip', () => {
    const { node, seq } = pinging();
    node.pass(300);
    node.hear(ack(seq), B);
    node.pass(5000);
    expect(node.notices.filter((n) => n.type === 'rtt')).toEqual([]);
    expect(node.swim.counters.get('probe:succeeded')).toBe(1);
  });

  it('is not answered by an unknown number, nor twice', () => {
    const { node, seq } = pinging();
    node.hear(ack(seq + 1));
    expect(node.swim.counters.get('probe:succeeded') ?? 0).toBe(0);
    node.hear(ack(seq));
    node.hear(ack(seq));
    expect(node.swim.counters.get('ack-unmatched')).toBe(2);
    expect(node.swim.counters.get('probe:succeeded')).toBe(1);
  });

  it('to a suspect carries the suspicion and nothing else, in one compound', () => {
    const node = loneSwim(PROBING);
    node.meet('b');
    expect(until(node, MessageType.indirectPing, 1500)).toEqual([]);
    const found = (): boolean => node.swim.members.get('b')?.status === 'suspect';
    while (!found()) node.pass(10);
    node.said();
    const before = node.sent.length;
    while (node.sent.length === before) node.pass(10);
    const [datagram] = node.sent.slice(before);
    expect(partsOf(datagram!.bytes.subarray(5))).toBe(2);
    const [ping, suspect] = node.said().map(({ message }) => message);
    expect(ping![0]).toBe(MessageType.ping);
    expect(suspect![0]).toBe(MessageType.suspect);
    expect(decodeSuspect(suspect!.subarray(1))).toEqual({ node: 'b', incarnation: 1, from: 'a' });
    expect(datagram!.bytes[0]).toBe(MessageType.crc);
  });
});

describe('the indirect phase', () => {
  /** Members b … f, of which b … are not told apart; returns the probed one and what the relays were asked. */
  function indirect(node: LoneSwim) {
    const [ping] = until(node, MessageType.ping);
    const target = decodePing(ping!.body);
    const requests = until(node, MessageType.indirectPing, 400).map(({ ip, body }) => ({
      ip,
      ...decodeIndirectPing(body),
    }));
    return { target, requests };
  }

  it('asks as many relays as configured, never the target or us, under the number of the direct ping', () => {
    const node = loneSwim({ ...PROBING, indirectChecks: 3 });
    node.meet('b', 'c', 'd', 'e', 'f');
    const { target, requests } = indirect(node);
    expect(requests).toHaveLength(3);
    const address = node.swim.members.get(target.node)!.facts.address.ip;
    for (const request of requests) {
      expect(request).toMatchObject({ seqNo: target.seqNo, node: target.node, port: 7946, nack: true });
      expect(request).toMatchObject({ sourceNode: 'a', sourcePort: 7946 });
      expect([...request.target].join('.')).toBe(address);
      expect([address, HERE.ip]).not.toContain(request.ip);
    }
    expect(new Set(requests.map(({ ip }) => ip)).size).toBe(3);
  });

  it('asks no suspect and no dead member', () => {
    const node = loneSwim(PROBING);
    node.meet('b', 'c');
    const { target } = indirect(node);
    while (node.swim.members.get(target.node)!.status !== 'suspect') node.pass(10);
    node.said();
    node.pass(3000);
    const asked = node.said().filter(({ message }) => message[0] === MessageType.indirectPing);
    expect(asked.every(({ to }) => to.ip !== node.swim.members.get(target.node)!.facts.address.ip)).toBe(
      true,
    );
  });

  it('wants no nack from a relay too old to send one', () => {
    const node = loneSwim(PROBING);
    const old = Uint8Array.of(1, 3, 2, 2, 5, 5);
    node.hear(aliveOf('b', 2, { vsn: old }));
    node.hear(aliveOf('c', 3, { vsn: old }));
    const { requests } = indirect(node);
    expect(requests).toMatchObject([{ nack: false }]);
  });

  it('an ack that a relay passes on ends the probe well', () => {
    const node = loneSwim(PROBING);
    node.meet('b', 'c');
    const { target, requests } = indirect(node);
    node.hear(ack(target.seqNo), { ip: requests[0]!.ip, port: 7946 });
    node.pass(700);
    expect(node.swim.members.get(target.node)!.status).toBe('alive');
    expect(node.swim.healthScore).toBe(0);
    expect(node.swim.counters.get('probe:succeeded')).toBe(1);
  });

  it('a nack does not end the probe: an ack may still come', () => {
    const node = loneSwim(PROBING);
    node.meet('b', 'c');
    const { target } = indirect(node);
    node.hear(encodeNack({ seqNo: target.seqNo }));
    node.hear(ack(target.seqNo));
    node.pass(700);
    expect(node.swim.counters.get('probe:succeeded')).toBe(1);
    expect(node.swim.members.get(target.node)!.status).toBe('alive');
  });

  it.each([
    ['no relay', [], [], 1],
    ['a relay that answers with a nack', ['c'], [1], 0],
    ['two relays, one silent', ['c', 'd'], [1], 1],
    ['two relays, both silent', ['c', 'd'], [], 2],
    ['more nacks than relays', ['c'], [1, 1, 1], 0],
  ])('a failed probe with %s costs the right amount of health', (_case, relays, nacks, cost) => {
    const node = loneSwim(PROBING);
    node.meet('b', ...relays);
    const { target } = indirect(node);
    for (const _ of nacks) node.hear(encodeNack({ seqNo: target.seqNo }));
    while (node.swim.members.get(target.node)!.status === 'alive') node.pass(10);
    expect(node.swim.healthScore).toBe(cost);
  });

  it('a failed probe whose only relay is too old for nacks costs one point', () => {
    const node = loneSwim(PROBING);
    const old = { vsn: Uint8Array.of(1, 3, 2, 2, 5, 5) };
    node.hear(aliveOf('b', 2, old));
    node.hear(aliveOf('c', 3, old));
    const { target } = indirect(node);
    while (node.swim.members.get(target.node)!.status === 'alive') node.pass(10);
    expect(node.swim.healthScore).toBe(1);
  });

  it.each(['unreachable', 'refused', 'local'] as const)(
    'begins at once when the ping was not sent: %s',
    (why) => {
      const node = loneSwim(PROBING);
      node.meet('b', 'c', 'd');
      const [ping] = until(node, MessageType.ping);
      const { node: name } = decodePing(ping!.body);
      const { address } = node.swim.members.get(name)!.facts;
      node.swim.undeliverable(node.now, { ...address, port: 1 }, why);
      expect(node.said()).toEqual([]);
      node.swim.undeliverable(node.now, address, why);
      node.swim.undeliverable(node.now, address, why);
      const asked = node.said().filter(({ message }) => message[0] === MessageType.indirectPing);
      expect(asked).toHaveLength(2);
    },
  );

  it('a success after the ping could not be sent earns no health', () => {
    const node = loneSwim(PROBING);
    node.meet('b');
    while (node.swim.healthScore === 0) node.pass(10);
    node.said();
    const [ping] = until(node, MessageType.ping);
    node.swim.undeliverable(node.now, B, 'unreachable');
    node.hear(ack(decodePing(ping!.body).seqNo));
    expect(node.swim.counters.get('probe:succeeded')).toBe(1);
    expect(node.swim.healthScore).toBe(1);
  });
});

describe('the ping over a stream', () => {
  const stream = (node: LoneSwim) => [...node.streams.values()][0];

  it('goes out beside the indirect pings, with the body of the direct one', () => {
    const { node, seq } = pinging();
    expect(stream(node)).toBeUndefined();
    node.pass(210);
    expect(stream(node)!.to).toEqual(B);
    node.swim.stream(node.now, 1, { type: 'opened' });
    const [written] = stream(node)!.written;
    expect(written![0]).toBe(MessageType.ping);
    expect(decodePing(written!.subarray(1))).toMatchObject({
      seqNo: seq,
      node: 'b',
      sourceNode: 'a',
      sourcePort: 7946,
    });
  });

  it.each([
    ['disabled', { disableTcpPings: true }, [1, 5, 2, 2, 5, 5], 0],
    ['not understood by the target', {}, [1, 2, 2, 2, 5, 5], 0],
    ['understood by the target', {}, [1, 3, 2, 2, 5, 5], 1],
  ])('is tried only if it makes sense: %s', (_case, options, vsn, streams) => {
    const node = loneSwim({ ...PROBING, ...options });
    node.hear(aliveOf('b', 2, { vsn: Uint8Array.from(vsn) }));
    until(node, MessageType.ping);
    node.pass(900);
    expect(node.streams.size).toBe(streams);
  });

  it.each([
    ['the right number', (seq: number) => ack(seq), 'alive'],
    ['another number', (seq: number) => ack(seq + 1), 'suspect'],
    ['another message', () => Uint8Array.of(8, 0x81, 0xa1), 'suspect'],
    ['an error', () => Buffer.from('0d81a54572726f72a3454f46', 'hex'), 'suspect'],
    ['nonsense', () => Uint8Array.of(2, 0xc1), 'suspect'],
  ])('answered with %s leaves the target as it should be, when the round is over', (_case, reply, status) => {
    const { node, seq } = pinging();
    const start = node.now;
    node.pass(300);
    node.swim.stream(node.now, 1, { type: 'opened' });
    node.swim.stream(node.now, 1, { type: 'data', bytes: reply(seq) });
    expect(stream(node)!.closed).toBe(true);
    expect(node.swim.counters.get('probe:succeeded')).toBeUndefined();
    node.pass(start + 999 - node.now + 10);
    expect(node.swim.members.get('b')!.status).toBe(status);
    expect(node.swim.healthScore).toBe(status === 'alive' ? 0 : 1);
  });

  it('refused is no contact', () => {
    const { node } = pinging();
    node.pass(300);
    node.swim.stream(node.now, 1, { type: 'failed', why: 'refused' });
    node.pass(1000);
    expect(node.swim.members.get('b')!.status).toBe('suspect');
  });

  it('is given up when the round ends, not after the stream timeout', () => {
    const { node, seq } = pinging();
    node.pass(300);
    node.hear(ack(seq));
    expect(stream(node)!.closed).toBe(true);
  });
});

describe('the schedule', () => {
  it('a lone peer is probed every one or two intervals', () => {
    const node = loneSwim(PROBING);
    node.meet('b');
    const times = pingTimes(node, 60_000, (seq) => node.hear(ack(seq)));
    expect(times.length).toBeGreaterThanOrEqual(29);
    expect(times.length).toBeLessThanOrEqual(60);
    const gaps = times.slice(1).map((at, i) => at - times[i]!);
    for (const gap of gaps) expect([1000, 2000]).toContain(gap);
  });

  it('each cycle visits every member once', () => {
    const node = loneSwim(PROBING);
    node.meet('b', 'c', 'd', 'e');
    const order: string[] = [];
    for (let i = 0; i < 60_000; i += 10) {
      node.pass(10);
      for (const { message } of node.said()) {
        if (message[0] !== MessageType.ping) continue;
        const { seqNo, node: name } = decodePing(message.subarray(1));
        order.push(name);
        node.hear(ack(seqNo));
      }
    }
    // The first cycle began before anybody was met.
    const counts = new Map<string, number>();
    for (const name of order) counts.set(name, (counts.get(name) ?? 0) + 1);
    expect(Math.max(...counts.values()) - Math.min(...counts.values())).toBeLessThanOrEqual(2);
    expect(counts.size).toBe(4);
  });

  it('our own bad health stretches the round, never the wait for the direct ack', () => {
    const { node } = pinging();
    while (node.swim.healthScore === 0) node.pass(10);
    node.said();
    const [ping] = until(node, MessageType.ping);
    expect(ping).toBeDefined();
    const start = node.now;
    const before = node.swim.counters.get('probe:indirect')!;
    while (node.swim.counters.get('probe:indirect') === before) node.pass(5);
    expect(node.now - start).toBeLessThanOrEqual(210);
    const failed = node.swim.counters.get('probe:failed')!;
    while (node.swim.counters.get('probe:failed') === failed) node.pass(5);
    expect(node.now - start).toBeGreaterThanOrEqual(1990);
    expect(node.now - start).toBeLessThanOrEqual(2010);
  });

  it('interval 0 turns probing off', () => {
    const node = loneSwim(STILL);
    node.meet('b');
    node.pass(60_000);
    expect(node.sent).toEqual([]);
  });

  it.each([
    [2, 4000],
    [3, 4000],
    [4, 24_000],
  ])('with %i members a suspect nobody confirms is dead after %i ms', (size, timeout) => {
    const node = loneSwim({ ...PROBING, suspicionMult: 4, suspicionMaxTimeoutMult: 6 });
    node.meet(...['b', 'c', 'd'].slice(0, size - 1));
    const statuses = () => [...node.swim.members.values()].map((m) => m.status);
    while (!statuses().includes('suspect')) node.pass(5);
    const start = node.now;
    const first = [...node.swim.members.values()].find((m) => m.status === 'suspect')!;
    while (first.status === 'suspect') node.pass(5);
    expect(first.status).toBe('dead');
    expect(node.now - start).toBeGreaterThanOrEqual(timeout - 10);
    expect(node.now - start).toBeLessThanOrEqual(timeout + 10);
  });
});
