import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/base/random.ts';
import { World } from '../../../src/sim/world.ts';
import {
  decodeAck,
  decodeAlive,
  encodeAlive,
  encodeDead,
  encodePing,
  encodeSuspect,
  MessageType,
} from '../../../src/swim/messages.ts';
import { decodeCompound } from '../../../src/wire/compound.ts';
import { Keyring } from '../../../src/wire/keyring.ts';
import { addProbe, addSwim, cluster, type SwimNode } from '../../support/swim-node.ts';

const VSN = Uint8Array.of(1, 5, 2, 2, 5, 5);
const NOTHING = new Uint8Array(0);
const LOOP = Uint8Array.of(127, 0, 0, 1);
const plain = { enableCompression: false };

/** Messages of a heard datagram, compounds opened. */
function messages(bytes: Uint8Array): Uint8Array[] {
  if (bytes[0] !== MessageType.compound) return [bytes];
  return decodeCompound(bytes.subarray(1)).parts.flatMap((part) => messages(part));
}

describe('joining', () => {
  it('makes both sides list both, with each other’s state and one join notice', () => {
    const world = new World(1);
    const [a, b] = [addSwim(world, 'a', 1), addSwim(world, 'b', 2)];
    const operation = b.join(a.address);
    world.run(1000);
    expect(b.outcomes.get(operation)).toEqual({ type: 'joined', contacted: 1, failures: [] });
    expect(a.view()).toEqual(['a:alive', 'b:alive']);
    expect(b.view()).toEqual(['a:alive', 'b:alive']);
    expect(a.received).toContain('state of b');
    expect(b.received).toContain('state of a');
    expect(a.story('b')).toEqual(['joined']);
    expect(b.story('a')).toEqual(['joined']);
  });

  it('a chain of sixteen encrypted nodes becomes one cluster', () => {
    const world = new World(2);
    const key = Buffer.from('0123456789abcdef');
    const nodes: SwimNode[] = [];
    for (let i = 1; i <= 16; i += 1) {
      const node = addSwim(world, `n${i}`, i, { keyring: new Keyring([], key) });
      if (i > 1) node.join((nodes[i - 2] as SwimNode).address);
      nodes.push(node);
      world.run(300);
    }
    world.run(10_000);
    for (const node of nodes) expect(node.view()).toHaveLength(16);
    for (const node of nodes) expect(node.swim.members.liveCount).toBe(16);
  });

  it('says why each target failed and counts those that answered', () => {
    const world = new World(3);
    const [a, b] = [addSwim(world, 'a', 1), addSwim(world, 'b', 2)];
    const operation = b.join([{ ip: '127.0.0.9', port: 7946 }, a.address]);
    world.run(2000);
    const outcome = b.outcomes.get(operation)!;
    expect(outcome).toMatchObject({ type: 'joined', contacted: 1 });
    if (outcome.type !== 'joined') throw new Error('unreachable');
    expect(outcome.failures[0]!.text).toBe('dial tcp 127.0.0.9:7946: connect: connection refused');
  });

  it('a listener that never answers is given up after the stream timeout', () => {
    const world = new World(4);
    const b = addSwim(world, 'b', 2, { tcpTimeoutMs: 50 });
    addProbe(world, { ip: '127.0.0.1', port: 7946 });
    const operation = b.join({ ip: '127.0.0.1', port: 7946 });
    world.run(100);
    expect(b.outcomes.get(operation)).toMatchObject({ contacted: 0, failures: [{ code: 'timeout' }] });
  });

  it.each([
    ['other key', 'fedcba9876543210', '0123456789abcdef', /no installed keys could decrypt/i],
    [
      'peer encrypted, we are not',
      '0123456789abcdef',
      undefined,
      /encrypted and encryption is not configured/i,
    ],
    ['we are encrypted, the peer is not', undefined, '0123456789abcdef', /not encrypted/i],
  ])('a peer with %s refuses, and the reason is told', (_case, theirs, ours, reason) => {
    const world = new World(5);
    const ring = (key: string | undefined) => ({
      keyring: key === undefined ? undefined : new Keyring([], Buffer.from(key)),
    });
    const a = addSwim(world, 'a', 1, ring(theirs));
    const b = addSwim(world, 'b', 2, ring(ours));
    const operation = b.join(a.address);
    world.run(2000);
    const outcome = b.outcomes.get(operation)!;
    if (outcome.type !== 'joined') throw new Error('unreachable');
    expect(outcome.contacted).toBe(0);
    expect(outcome.failures[0]!.text).toMatch(reason);
    expect(a.view()).toEqual(['a:alive']);
    expect(b.view()).toEqual(['b:alive']);
  });

  it.each([
    ['blue', 'blue', true],
    ['blue', '', false],
    ['', 'blue', false],
    ['blue', 'green', false],
  ])('label %j joins label %j: %s', (theirs, ours, works) => {
    const world = new World(6);
    const a = addSwim(world, 'a', 1, { label: Buffer.from(theirs) });
    const b = addSwim(world, 'b', 2, { label: Buffer.from(ours) });
    const operation = b.join(a.address);
    world.run(3000);
    const outcome = b.outcomes.get(operation)!;
    if (outcome.type !== 'joined') throw new Error('unreachable');
    expect(outcome.contacted).toBe(works ? 1 : 0);
    expect(b.view()).toHaveLength(works ? 2 : 1);
    expect(a.view()).toHaveLength(works ? 2 : 1);
    if (!works) expect(outcome.failures[0]!.text).toMatch(/label/);
  });

  it('a delegate that refuses the merge cancels it on both sides', () => {
    const world = new World(7);
    const [a, b] = [addSwim(world, 'a', 1), addSwim(world, 'b', 2)];
    a.admit = b.admit = (_members, merging) => (merging ? 'not with you' : undefined);
    const operation = b.join(a.address);
    world.run(1000);
    expect(b.outcomes.get(operation)).toMatchObject({ contacted: 0, failures: [{ text: 'not with you' }] });
    expect(a.view()).toEqual(['a:alive']);
    expect(b.view()).toEqual(['b:alive']);
  });

  it('joining oneself counts as success', () => {
    const world = new World(8);
    const a = addSwim(world, 'a', 1);
    const operation = a.join(a.address);
    world.run(1000);
    expect(a.outcomes.get(operation)).toMatchObject({ contacted: 1 });
  });

  it('members of incompatible versions are refused', () => {
    const world = new World(9);
    const [a, b] = [addSwim(world, 'a', 1), addSwim(world, 'b', 2, { delegateVersion: [6, 9, 7] })];
    const operation = b.join(a.address);
    world.run(1000);
    expect(b.outcomes.get(operation)).toMatchObject({ contacted: 0 });
    expect(JSON.stringify(b.outcomes.get(operation))).toMatch(
      /delegate protocol version .* \(a member of one side speaks a protocol version/,
    );
    expect(a.view()).toEqual(['a:alive']);
  });
});

describe('failure detection', () => {
  it('a killed member is suspected, then declared dead by everybody, and nobody else is', () => {
    const world = new World(10);
    const nodes = cluster(world, 6);
    world.kill(nodes[5]!.address);
    const took = world.runUntil(
      () => nodes.slice(0, 5).every((n) => n.story('n6').includes('failed')),
      60_000,
    );
    expect(took).toBeDefined();
    for (const node of nodes.slice(0, 5)) {
      expect(node.story('n6')).toEqual(['joined', 'failed']);
      for (const other of ['n1', 'n2', 'n3', 'n4', 'n5']) expect(node.story(other)).toEqual(['joined']);
    }
  });

  it('a stopped member that wakes in time refutes and nobody sees it fail', () => {
    const world = new World(11);
    const nodes = cluster(world, 5);
    world.pause(nodes[4]!.address);
    const suspected = world.runUntil(() => nodes[0]!.swim.members.get('n5')!.status === 'suspect', 20_000);
    expect(suspected).toBeDefined();
    world.resume(nodes[4]!.address);
    world.run(20_000);
    for (const node of nodes) {
      expect(node.swim.members.get('n5')!.status).toBe('alive');
      expect(node.story('n5')).toEqual(['joined']);
    }
    expect(nodes[0]!.swim.members.get('n5')!.incarnation).toBeGreaterThan(1);
  });

  it('a quarter of all datagrams lost makes nobody fail', () => {
    const world = new World(12);
    const nodes = cluster(world, 8);
    world.weather.loss = 0.25;
    world.run(300_000);
    for (const node of nodes) {
      expect(node.notices.filter((n) => n.type === 'failed')).toEqual([]);
      expect(node.swim.members.liveCount).toBe(8);
    }
  });

  it('with no datagram arriving at all, pings over streams keep members alive', () => {
    const world = new World(13);
    const nodes = cluster(world, 3);
    world.weather.loss = 1;
    world.run(60_000);
    for (const node of nodes) expect(node.swim.members.liveCount).toBe(3);
    for (const node of nodes) expect(node.notices.some((n) => n.type === 'failed')).toBe(false);
  });

  it('two halves that lose each other find back when one member joins the other half', () => {
    const world = new World(14);
    const nodes = cluster(world, 6);
    const half = (ip: string): boolean => Number(ip.split('.')[3]) > 3;
    world.partition((from, to) => half(from.ip) !== half(to.ip));
    world.run(90_000);
    expect(nodes[0]!.swim.members.liveCount).toBe(3);
    world.heal();
    nodes[0]!.join(nodes[5]!.address);
    world.run(20_000);
    for (const node of nodes) expect(node.swim.members.liveCount).toBe(6);
  });

  it('a failed round with every relay’s nack in hand costs no health', () => {
    const world = new World(15);
    const nodes = cluster(world, 4, { probeTimeoutMs: 200 });
    world.kill(nodes[3]!.address);
    let worst = 0;
    for (let i = 0; i < 30; i += 1) {
      world.run(100);
      worst = Math.max(worst, ...nodes.slice(0, 3).map((n) => n.swim.healthScore));
    }
    expect(nodes.slice(0, 3).some((n) => n.swim.members.get('n4')!.status !== 'alive')).toBe(true);
    expect(worst).toBe(0);
  });

  it('a failed round with a silent relay costs health, and a good round gives it back', () => {
    const world = new World(16);
    const nodes = cluster(world, 3, { probeTimeoutMs: 200 });
    world.kill(nodes[2]!.address);
    world.partition((from, to) => from.ip === '127.0.0.2' || to.ip === '127.0.0.2');
    expect(world.runUntil(() => nodes[0]!.swim.healthScore > 0, 10_000)).toBeDefined();
    world.heal();
    expect(world.runUntil(() => nodes[0]!.swim.healthScore === 0, 60_000)).toBeDefined();
  });
});

describe('leaving', () => {
  it('is seen as left, never as failed, and settles once it was sent', () => {
    const world = new World(20);
    const nodes = cluster(world, 4);
    const leaver = nodes[3]!;
    world.command(leaver.address, (now) => leaver.swim.leave(now, 9001, 5000));
    world.run(4000);
    expect(leaver.outcomes.get(9001)).toEqual({ type: 'sent' });
    world.kill(leaver.address);
    world.run(60_000);
    for (const node of nodes.slice(0, 3)) expect(node.story('n4')).toEqual(['joined', 'left']);
  });

  it('alone it settles at once', () => {
    const world = new World(21);
    const a = addSwim(world, 'a', 1);
    world.command(a.address, (now) => a.swim.leave(now, 9002, 5000));
    expect(a.outcomes.get(9002)).toEqual({ type: 'sent' });
  });

  it('a member that comes back under the same name is welcomed again', () => {
    const world = new World(22);
    const nodes = cluster(world, 3);
    const old = nodes[2]!;
    world.command(old.address, (now) => old.swim.leave(now, 9003, 5000));
    world.run(3000);
    world.kill(old.address);
    const back = addSwim(world, 'n3', 3);
    back.join(nodes[0]!.address);
    world.run(5000);
    expect(nodes[0]!.story('n3')).toEqual(['joined', 'left', 'joined']);
    expect(nodes[1]!.story('n3')).toEqual(['joined', 'left', 'joined']);
  });

  it('a name that left may come back from another address', () => {
    const world = new World(23);
    const nodes = cluster(world, 3);
    const old = nodes[2]!;
    world.command(old.address, (now) => old.swim.leave(now, 9004, 5000));
    world.run(3000);
    world.kill(old.address);
    addSwim(world, 'n3', 33).join(nodes[0]!.address);
    world.run(5000);
    for (const node of nodes.slice(0, 2))
      expect(node.swim.members.get('n3')!.facts.address.ip).toBe('127.0.0.33');
  });
});

describe('metadata', () => {
  it('an update reaches everybody as an update, and settles once it was sent', () => {
    const world = new World(30);
    const nodes = cluster(world, 4);
    nodes[1]!.meta = Buffer.from('new');
    world.command(nodes[1]!.address, (now) => nodes[1]!.swim.update(now, 9005, 5000));
    world.run(5000);
    expect(nodes[1]!.outcomes.get(9005)).toEqual({ type: 'sent' });
    for (const node of [nodes[0]!, nodes[2]!, nodes[3]!]) {
      expect(node.story('n2')).toEqual(['joined', 'updated']);
      expect(Buffer.from(node.swim.members.get('n2')!.facts.meta).toString()).toBe('new');
    }
  });
});

describe('user messages', () => {
  it('contributed ones are delivered exactly as contributed, however many', () => {
    const world = new World(31);
    const [a, b] = [addSwim(world, 'a', 1), addSwim(world, 'b', 2)];
    b.join(a.address);
    world.run(2000);
    const sent = Array.from({ length: 256 }, (_, i) => `m${i}`);
    for (const text of sent) a.outbox.push(Buffer.from(text));
    world.run(3000);
    expect(b.received.filter((text) => /^m\d+$/.test(text)).sort()).toEqual([...sent].sort());
  });

  it('a direct one arrives once', () => {
    const world = new World(32);
    const [a, b] = [addSwim(world, 'a', 1), addSwim(world, 'b', 2)];
    world.command(a.address, () => a.swim.sendUser(b.address, Buffer.from('hello')));
    world.run(100);
    expect(b.received).toEqual(['hello']);
  });
});

describe('user messages over a stream', () => {
  it.each([
    ['plain', {}],
    ['labelled', { label: Buffer.from('blue') }],
    ['encrypted', { keyring: new Keyring([], Buffer.from('0123456789abcdef')) }],
  ])('a %s one larger than any datagram arrives once and whole', (_case, options) => {
    const world = new World(33);
    const [a, b] = [addSwim(world, 'a', 1, options), addSwim(world, 'b', 2, options)];
    const large = 'x'.repeat(200_000);
    world.command(a.address, (now) => a.swim.sendUserReliably(now, 9100, b.address, Buffer.from(large)));
    world.run(1000);
    expect(b.received).toEqual([large]);
    expect(a.outcomes.get(9100)).toEqual({ type: 'sent' });
  });

  it('one that nobody takes is reported undelivered', () => {
    const world = new World(34);
    const a = addSwim(world, 'a', 1);
    const nobody = { ip: '127.0.0.77', port: 7946 };
    world.command(a.address, (now) => a.swim.sendUserReliably(now, 9101, nobody, Buffer.from('x')));
    world.run(1000);
    expect(a.outcomes.get(9101)).toMatchObject({ type: 'undelivered', code: 'connection-refused' });
  });
});

describe('answering', () => {
  const probe = { ip: '127.0.0.99', port: 999 };
  const ping = (node: string) =>
    encodePing({ seqNo: 7, node, sourceAddr: new Uint8Array(0), sourcePort: 0, sourceNode: '' });

  it.each([
    ['an empty name', '', 1],
    ['our name', 'a', 1],
    ['another name', 'zz', 0],
  ])('a ping for %s gets %s answers', (_case, node, answers) => {
    const world = new World(40);
    const a = addSwim(world, 'a', 1, plain);
    const { heard, send } = addProbe(world, probe);
    send(a.address, ping(node));
    world.run(10);
    expect(heard).toHaveLength(answers);
    if (answers === 1) {
      const ack = messages(heard[0]!)[0]!;
      expect(ack[0]).toBe(MessageType.ack);
      const { seqNo, payload } = decodeAck(ack.subarray(1));
      expect([seqNo, String(Buffer.from(payload!))]).toEqual([7, 'ack of a']);
    }
  });

  it('an ack goes to the address the ping names, not to where it came from', () => {
    const world = new World(41);
    const a = addSwim(world, 'a', 1, plain);
    const { heard, send } = addProbe(world, probe);
    const other = addProbe(world, { ip: '127.0.0.98', port: 998 });
    const named = { sourceAddr: Uint8Array.of(127, 0, 0, 98), sourcePort: 998, sourceNode: 'x' };
    send(a.address, encodePing({ seqNo: 7, node: 'a', ...named }));
    world.run(10);
    expect(heard).toHaveLength(0);
    expect(other.heard).toHaveLength(1);
  });

  it.each([
    ['a suspicion at 7', encodeSuspect({ incarnation: 7, node: 'a', from: 'x' }), 8],
    ['a leave at 20', encodeDead({ incarnation: 20, node: 'a', from: 'a' }), 21],
    ['a death at 3', encodeDead({ incarnation: 3, node: 'a', from: 'x' }), 4],
  ])('%s about us is refuted above it', (_case, message, incarnation) => {
    const world = new World(42);
    const a = addSwim(world, 'a', 1, plain);
    const { heard, send } = addProbe(world, probe);
    world.run(1000);
    send(a.address, message);
    send(a.address, ping('a'));
    world.run(10);
    const alive = messages(heard[0]!).find((part) => part[0] === MessageType.alive)!;
    expect(decodeAlive(alive.subarray(1))).toMatchObject({ node: 'a', incarnation });
    expect(a.swim.self.status).toBe('alive');
    expect(a.swim.healthScore).toBe(1);
  });

  it('an unknown name at incarnation 0 leaves a dead record and no notice', () => {
    const world = new World(43);
    const a = addSwim(world, 'a', 1, plain);
    const { send } = addProbe(world, probe);
    send(
      a.address,
      encodeAlive({ node: 'ghost', incarnation: 0, addr: LOOP, port: 1, meta: NOTHING, vsn: VSN }),
    );
    world.run(10);
    expect(a.view()).toEqual(['a:alive', 'ghost:dead']);
    expect(a.story('ghost')).toEqual([]);
  });

  it('a known name from another address is reported as a conflict and changes nothing', () => {
    const world = new World(44);
    const nodes = cluster(world, 2, plain);
    const { send } = addProbe(world, probe);
    send(
      nodes[0]!.address,
      encodeAlive({ node: 'n2', incarnation: 9, addr: LOOP, port: 1, meta: NOTHING, vsn: VSN }),
    );
    world.run(10);
    expect(nodes[0]!.notices.filter((n) => n.type === 'conflict')).toHaveLength(1);
    expect(nodes[0]!.swim.members.get('n2')!.facts.address.ip).toBe('127.0.0.2');
  });

  it('mapped and plain IPv4 bytes are different addresses, as for Go', () => {
    const world = new World(45);
    const nodes = cluster(world, 2, plain);
    const { send } = addProbe(world, probe);
    const mapped = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 127, 0, 0, 2);
    send(
      nodes[0]!.address,
      encodeAlive({ node: 'n2', incarnation: 9, addr: mapped, port: 7946, meta: NOTHING, vsn: VSN }),
    );
    world.run(10);
    expect(nodes[0]!.notices.filter((n) => n.type === 'conflict')).toHaveLength(1);
  });

  it.each([
    ['all zero', [0, 0, 0, 0, 0, 0]],
    ['short', [1, 5, 2]],
    ['missing', []],
  ])('an alive whose versions are %s is dropped and counted', (_case, vsn) => {
    const world = new World(46);
    const a = addSwim(world, 'a', 1, plain);
    const { send } = addProbe(world, probe);
    send(
      a.address,
      encodeAlive({
        node: 'b',
        incarnation: 1,
        addr: LOOP,
        port: 1,
        meta: NOTHING,
        vsn: Uint8Array.from(vsn),
      }),
    );
    world.run(10);
    expect(a.view()).toEqual(['a:alive']);
    expect([...a.swim.counters.keys()].some((key) => key.startsWith('drop:alive'))).toBe(true);
  });

  it('random bytes are dropped, counted, and change nothing', () => {
    const world = new World(47);
    const nodes = cluster(world, 2, plain);
    const { send } = addProbe(world, probe);
    const random = seededRandom(7);
    for (let i = 0; i < 2000; i += 1) send(nodes[0]!.address, random.bytes(random.below(200)));
    world.run(10_000);
    expect(nodes[0]!.view()).toEqual(['n1:alive', 'n2:alive']);
    expect(nodes[1]!.view()).toEqual(['n1:alive', 'n2:alive']);
  });
});

describe('a lone node', () => {
  it('forgets the dead it can no longer hear of', () => {
    const world = new World(50);
    const nodes = cluster(world, 2);
    world.kill(nodes[1]!.address);
    world.run(120_000);
    expect(nodes[0]!.view()).toEqual(['n1:alive']);
    expect(nodes[0]!.story('n2')).toEqual(['joined', 'failed']);
  });

  it('the same seed gives the same history', () => {
    const run = (): string => {
      const world = new World(51);
      const nodes = cluster(world, 5);
      world.weather.loss = 0.2;
      world.kill(nodes[4]!.address);
      world.run(60_000);
      return JSON.stringify(nodes.slice(0, 4).map((n) => [n.view(), [...n.swim.counters]]));
    };
    expect(run()).toBe(run());
  });
});
