import { describe, expect, it } from 'vitest';
import { ipBytes } from '../../../src/base/address.ts';
import {
  decodeAlive,
  decodeSuspect,
  encodeDead,
  encodePushPull,
  encodeSuspect,
  MessageType,
  type PushPullNode,
} from '../../../src/swim/messages.ts';
import { aliveOf, type LoneSwim, loneSwim, STILL, VSN } from '../../support/lone-swim.ts';

const NOTHING = new Uint8Array(0);
/** Only gossip runs, one target a round, each message sent once: what is queued comes out within a second. */
const GOSSIPING = { ...STILL, gossipIntervalMs: 100, gossipNodes: 1, retransmitMult: 1 };

const suspect = (node: string, incarnation: number, from = 'x'): Uint8Array =>
  encodeSuspect({ node, incarnation, from });
const dead = (node: string, incarnation: number, from = 'x'): Uint8Array =>
  encodeDead({ node, incarnation, from });

function member(node: LoneSwim, name: string) {
  const found = node.swim.members.get(name);
  return found && { status: found.status, incarnation: found.incarnation, since: found.since };
}

/** A machine whose earlier broadcasts are spent; z is a living peer that hears its gossip. */
function settled(options: Parameters<typeof loneSwim>[0] = {}): LoneSwim {
  const node = loneSwim({ ...GOSSIPING, ...options });
  node.hear(aliveOf('z', 26));
  node.pass(2000);
  node.said();
  return node;
}

/** Message types gossiped now, in no order. */
function queued(node: LoneSwim): number[] {
  node.pass(1000);
  return node.said().map(({ message }) => message[0] ?? -1);
}

const { alive: ALIVE, suspect: SUSPECT, dead: DEAD } = MessageType;

describe('an alive message', () => {
  it('of a new member: listed, a join notice, one broadcast', () => {
    const node = settled();
    node.hear(aliveOf('b', 2));
    expect(member(node, 'b')).toMatchObject({ status: 'alive', incarnation: 1, since: 2000 });
    expect(node.story('b')).toEqual(['joined']);
    expect(queued(node)).toEqual([ALIVE]);
  });

  it('about a suspect: older and equal change nothing, newer clears it without a join notice', () => {
    const node = settled({ probeIntervalMs: 100_000 });
    node.hear(aliveOf('b', 2, { incarnation: 2 }));
    node.hear(suspect('b', 2));
    queued(node);
    node.hear(aliveOf('b', 2, { incarnation: 1 }));
    node.hear(aliveOf('b', 2, { incarnation: 2 }));
    expect(member(node, 'b')?.status).toBe('suspect');
    expect(queued(node)).toEqual([]);
    node.hear(aliveOf('b', 2, { incarnation: 3 }));
    expect(member(node, 'b')).toMatchObject({ status: 'alive', incarnation: 3, since: node.now });
    expect(node.story('b')).toEqual(['joined']);
    expect(queued(node)).toEqual([ALIVE]);
  });

  it('newer with the same metadata: the incarnation moves, the time of the status does not, no notice', () => {
    const node = settled();
    node.hear(aliveOf('b', 2));
    const { since } = member(node, 'b')!;
    node.pass(500);
    node.hear(aliveOf('b', 2, { incarnation: 2 }));
    expect(member(node, 'b')).toEqual({ status: 'alive', incarnation: 2, since });
    expect(node.story('b')).toEqual(['joined']);
  });

  it('newer with other metadata: an update notice with it; absent and empty metadata are the same', () => {
    const node = settled();
    node.hear(aliveOf('b', 2));
    node.hear(aliveOf('b', 2, { incarnation: 2, meta: NOTHING }));
    node.hear(aliveOf('b', 2, { incarnation: 3, meta: Buffer.from('m') }));
    expect(node.story('b')).toEqual(['joined', 'updated']);
    const last = node.notices.at(-1)!;
    expect('member' in last && Buffer.from(last.member.facts.meta).toString()).toBe('m');
  });

  it('of a foreigner about us keeps our metadata and is refuted once', () => {
    const node = settled();
    node.hear(aliveOf('a', 1, { incarnation: 9, meta: Buffer.from('not mine') }));
    expect(node.swim.self.facts.meta).toEqual(NOTHING);
    node.pass(1000);
    const said = node.said();
    expect(said).toHaveLength(1);
    expect(decodeAlive(said[0]!.message.subarray(1))).toMatchObject({
      node: 'a',
      incarnation: 10,
      meta: NOTHING,
    });
    expect(node.swim.healthScore).toBe(1);
  });

  it('of a living name at another address: a conflict notice, nothing else', () => {
    const node = settled();
    node.hear(aliveOf('b', 2));
    queued(node);
    node.hear(aliveOf('b', 3, { incarnation: 9, meta: Buffer.from('m') }));
    expect(node.notices.filter((n) => n.type === 'conflict')).toMatchObject([
      { existing: { facts: { address: { ip: '10.0.0.2' } } }, other: { address: { ip: '10.0.0.3' } } },
    ]);
    expect(node.swim.members.get('b')!.facts.address.ip).toBe('10.0.0.2');
    expect(queued(node)).toEqual([]);
  });

  it('of our name at another address: a conflict notice, no refutation', () => {
    const node = settled();
    node.hear(aliveOf('a', 77, { incarnation: 9 }));
    expect(node.notices.filter((n) => n.type === 'conflict')).toHaveLength(1);
    expect(node.swim.self.incarnation).toBe(1);
    expect(queued(node)).toEqual([]);
  });

  it('a dead name moves after the reclaim time, to whatever incarnation, and joins again', () => {
    const node = settled({ deadNodeReclaimTimeMs: 10 });
    node.hear(aliveOf('b', 2, { incarnation: 5 }));
    node.hear(dead('b', 5));
    node.hear(aliveOf('b', 3, { incarnation: 1 }));
    expect(member(node, 'b')?.status).toBe('dead');
    node.pass(11);
    node.hear(aliveOf('b', 3, { incarnation: 1, meta: Buffer.from('m'), port: 8000 }));
    expect(member(node, 'b')).toMatchObject({ status: 'alive', incarnation: 1 });
    expect(node.swim.members.get('b')!.facts.address).toEqual({ ip: '10.0.0.3', port: 8000 });
    expect(node.story('b')).toEqual(['joined', 'failed', 'joined']);
  });

  it('a left name moves at once; at its old address it needs a higher incarnation', () => {
    const node = settled();
    node.hear(aliveOf('b', 2, { incarnation: 5 }));
    node.hear(dead('b', 5, 'b'));
    node.hear(aliveOf('b', 2, { incarnation: 5 }));
    expect(member(node, 'b')?.status).toBe('left');
    node.hear(aliveOf('b', 3, { incarnation: 1 }));
    expect(member(node, 'b')).toMatchObject({ status: 'alive', incarnation: 1 });
    expect(node.story('b')).toEqual(['joined', 'left', 'joined']);
  });

  it('port 0 means our own port', () => {
    const node = settled();
    node.hear(aliveOf('b', 2, { port: 0 }));
    expect(node.swim.members.get('b')!.facts).toMatchObject({ port: 7946, address: { port: 7946 } });
  });

  it('where we speak protocol 1, every port is ours', () => {
    const node = settled({ protocolVersion: 1 });
    node.hear(aliveOf('b', 2, { port: 8000 }));
    expect(node.swim.members.get('b')!.facts.port).toBe(7946);
  });

  it('keeps six bytes of versions', () => {
    const node = settled();
    node.hear(aliveOf('b', 2, { vsn: Uint8Array.of(...VSN, 1, 2, 3) }));
    expect([...node.swim.members.get('b')!.facts.vsn]).toEqual([...VSN]);
  });

  it.each([
    ['no name', aliveOf('', 2), 'alive-nameless'],
    ['a name nobody could ping', aliveOf('n'.repeat(1025), 2), 'alive-name-too-long'],
    ['an address of five bytes', aliveOf('b', 2, { addr: new Uint8Array(5) }), 'alive-address'],
    [
      'a minimum above the maximum',
      aliveOf('b', 2, { vsn: Uint8Array.of(4, 3, 2, 2, 5, 5) }),
      'alive-version',
    ],
  ])('with %s is dropped and counted', (_case, message, counter) => {
    const node = settled();
    node.hear(message);
    expect(node.swim.counters.get(`drop:${counter}`)).toBe(1);
    expect(node.swim.members.size).toBe(2);
  });

  it('the delegate may refuse any of them, also at an equal address', () => {
    const node = settled();
    node.hear(aliveOf('b', 2));
    node.admit = () => 'no';
    node.hear(aliveOf('c', 3));
    node.hear(aliveOf('b', 2, { incarnation: 7 }));
    expect(node.swim.members.get('c')).toBeUndefined();
    expect(member(node, 'b')?.incarnation).toBe(1);
  });

  it('metadata that fits no datagram is kept and announced to nobody', () => {
    const node = settled();
    const random = Uint8Array.from({ length: 5000 }, (_, i) => (i * 7919) >> 3);
    node.hear(aliveOf('b', 2, { meta: random }));
    expect(node.story('b')).toEqual(['joined']);
    expect(queued(node)).toEqual([]);
    expect(node.swim.counters.get('drop:broadcast-too-large')).toBe(1);
  });
});

describe('a suspect message', () => {
  it.each([
    ['an unknown name', suspect('nobody', 1)],
    ['an older incarnation', suspect('b', 1)],
  ])('about %s is ignored', (_case, message) => {
    const node = settled();
    node.hear(aliveOf('b', 2, { incarnation: 2 }));
    queued(node);
    node.hear(message);
    expect(member(node, 'b')?.status).toBe('alive');
    expect(queued(node)).toEqual([]);
  });

  it('valid: suspect without a notice, told on; in time dead, which replaces it in the queue', () => {
    const node = settled({ probeIntervalMs: 0 });
    node.hear(aliveOf('b', 2));
    queued(node);
    node.hear(suspect('b', 4));
    expect(member(node, 'b')).toMatchObject({ status: 'suspect', incarnation: 4, since: node.now });
    expect(node.story('b')).toEqual(['joined']);
    // An interval of 0 leaves no time to object: the suspicion runs out at once.
    node.swim.tick(node.now);
    expect(member(node, 'b')?.status).toBe('dead');
    expect(node.story('b')).toEqual(['joined', 'failed']);
    expect(queued(node)).toEqual([DEAD]);
  });

  it('again by the same accuser: no new time, nothing told on', () => {
    const node = settled({ probeIntervalMs: 100_000 });
    node.hear(aliveOf('b', 2));
    node.hear(suspect('b', 1, 'c'));
    const { since } = member(node, 'b')!;
    expect(queued(node)).toEqual([SUSPECT]);
    node.hear(suspect('b', 1, 'c'));
    expect(member(node, 'b')?.since).toBe(since);
    expect(queued(node)).toEqual([]);
  });

  it('by another accuser shortens the time and is told on with its name; the incarnation stays', () => {
    const node = settled({ probeIntervalMs: 1000 });
    node.meet('b', 'c', 'd', 'e');
    queued(node);
    node.hear(suspect('b', 1, 'c'));
    const start = node.now;
    queued(node);
    node.hear(suspect('b', 9, 'd'));
    node.pass(100);
    const told = node.said().filter(({ message }) => message[0] === SUSPECT);
    expect(told.map(({ message }) => decodeSuspect(message.subarray(1)))).toEqual([
      { node: 'b', incarnation: 9, from: 'd' },
    ]);
    expect(member(node, 'b')?.incarnation).toBe(1);
    while (member(node, 'b')?.status === 'suspect') node.pass(20);
    // LAN with six members wants two confirmations: 24 s without, 11.381 s with one.
    expect(node.now - start).toBeGreaterThanOrEqual(11_381);
    expect(node.now - start).toBeLessThanOrEqual(11_420);
  });

  it('about us: alive goes out once, one point of health', () => {
    const node = settled();
    node.hear(suspect('a', 1));
    expect(node.swim.self).toMatchObject({ status: 'alive', incarnation: 2 });
    expect(node.swim.healthScore).toBe(1);
    expect(queued(node)).toEqual([ALIVE]);
  });
});

describe('a dead message', () => {
  it.each([
    ['an unknown name', dead('nobody', 1)],
    ['an older incarnation', dead('b', 1)],
  ])('about %s is ignored', (_case, message) => {
    const node = settled();
    node.hear(aliveOf('b', 2, { incarnation: 2 }));
    queued(node);
    node.hear(message);
    expect(member(node, 'b')?.status).toBe('alive');
    expect(queued(node)).toEqual([]);
  });

  it('valid: dead, one notice, told on; a second one does nothing', () => {
    const node = settled();
    node.hear(aliveOf('b', 2));
    queued(node);
    node.hear(dead('b', 3));
    node.hear(dead('b', 4, 'b'));
    node.hear(aliveOf('b', 2, { incarnation: 3 }));
    expect(member(node, 'b')).toMatchObject({ status: 'dead', incarnation: 3 });
    expect(node.story('b')).toEqual(['joined', 'failed']);
    expect(queued(node)).toEqual([DEAD]);
  });

  it('ends a suspicion: no second death when its time would have been over', () => {
    const node = settled({ probeIntervalMs: 1000 });
    node.hear(aliveOf('b', 2));
    node.hear(suspect('b', 1));
    node.hear(dead('b', 1, 'b'));
    node.pass(20_000);
    expect(member(node, 'b')?.status).toBe('left');
    expect(node.story('b')).toEqual(['joined', 'left']);
  });

  it('about us while we do not leave: alive goes out once, one point of health', () => {
    const node = settled();
    node.hear(dead('a', 6));
    expect(node.swim.self).toMatchObject({ status: 'alive', incarnation: 7 });
    expect(node.swim.healthScore).toBe(1);
    expect(queued(node)).toEqual([ALIVE]);
  });
});

describe('leaving', () => {
  it('keeps the incarnation, ignores what is said of us from then on, and answers as left', () => {
    const node = settled();
    node.swim.leave(node.now, 1, 5000);
    node.hear(suspect('a', 9));
    node.hear(dead('a', 9));
    node.hear(aliveOf('a', 1, { incarnation: 9 }));
    expect(node.swim.self).toMatchObject({ status: 'left', incarnation: 1 });
    expect(node.story('a')).toEqual(['joined', 'left']);
    expect(queued(node)).toEqual([DEAD]);
    expect(node.outcomes.get(1)).toEqual({ type: 'sent' });
  });

  it('a second time succeeds at once', () => {
    const node = settled();
    node.swim.leave(node.now, 1, 5000);
    node.swim.leave(node.now, 2, 5000);
    expect(node.outcomes.get(2)).toEqual({ type: 'sent' });
  });

  it.each([
    [5000, { type: 'timeout' }],
    [0, undefined],
  ])('unheard, with timeout %i, ends as %o', (timeout, outcome) => {
    const node = settled({ gossipIntervalMs: 0 });
    node.swim.leave(node.now, 1, timeout);
    expect(node.outcomes.get(1)).toBeUndefined();
    node.pass(1e7);
    expect(node.outcomes.get(1)).toEqual(outcome);
  });
});

describe('a push/pull', () => {
  const entry = (name: string, host: number, state: number, incarnation: number): PushPullNode => ({
    name,
    addr: ipBytes(`10.0.0.${host}`) ?? NOTHING,
    port: 7946,
    meta: NOTHING,
    incarnation,
    state,
    vsn: VSN,
  });
  const exchange = (node: LoneSwim, nodes: readonly PushPullNode[], join = false): void =>
    void node.accept(encodePushPull({ join, nodes, userState: Buffer.from('s') }));

  it('is merged entry by entry: alive over suspect, suspect, dead as suspect, new', () => {
    const node = settled({ probeIntervalMs: 1000 });
    node.meet('b', 'c', 'd');
    node.hear(suspect('b', 1));
    const before = node.notices.length;
    exchange(node, [entry('b', 2, 0, 2), entry('c', 3, 1, 1), entry('d', 4, 2, 1), entry('e', 5, 0, 2)]);
    expect(member(node, 'b')).toMatchObject({ status: 'alive', incarnation: 2 });
    expect(member(node, 'c')?.status).toBe('suspect');
    expect(member(node, 'd')?.status).toBe('suspect');
    expect(member(node, 'e')?.status).toBe('alive');
    expect(node.notices.slice(before).map((n) => n.type)).toEqual(['joined']);
  });

  it('left is believed, and the suspicions it brings are our own', () => {
    const node = settled({ probeIntervalMs: 1000 });
    node.meet('b', 'c');
    queued(node);
    exchange(node, [entry('b', 2, 3, 1), entry('c', 3, 2, 1)]);
    expect(member(node, 'b')?.status).toBe('left');
    node.pass(100);
    const told = node.said().filter(({ message }) => message[0] === SUSPECT);
    expect(decodeSuspect(told[0]!.message.subarray(1))).toMatchObject({ node: 'c', from: 'a' });
  });

  it('unknown names that are not alive are not learned, and states nobody knows are counted', () => {
    const node = settled();
    exchange(node, [
      entry('b', 2, 1, 1),
      entry('c', 3, 2, 1),
      entry('d', 4, 3, 1),
      entry('e', 5, 9, 1),
      entry('f', 6, -1, 1),
    ]);
    expect(node.swim.members.size).toBe(2);
    expect(node.swim.counters.get('drop:push-pull-state')).toBe(2);
  });

  it('what others hold of an earlier life of ours is refuted', () => {
    for (const state of [1, 2, 3]) {
      const node = settled();
      exchange(node, [entry('a', 1, state, 5)], true);
      expect(node.swim.self).toMatchObject({ status: 'alive', incarnation: 6 });
    }
  });

  it('one entry of an incompatible version, of whatever state, stops all of it', () => {
    for (const state of [0, 1, 2, 3]) {
      const node = settled();
      exchange(node, [
        entry('b', 2, 0, 1),
        { ...entry('c', 3, state, 1), vsn: Uint8Array.of(1, 5, 9, 2, 5, 5) },
      ]);
      expect(node.swim.members.get('b')).toBeUndefined();
      expect(node.received).toEqual([]);
      expect(node.swim.counters.get('drop:push-pull-version')).toBe(1);
    }
  });

  it('the merge delegate sees all of a join and may refuse it; it is not asked in anti-entropy', () => {
    const node = settled();
    const asked: string[] = [];
    node.admit = (members, merging) => {
      if (!merging) return undefined;
      asked.push(members.map(({ name }) => name).join());
      return 'no';
    };
    exchange(node, [entry('b', 2, 0, 1), entry('c', 3, 2, 1)], true);
    expect(asked).toEqual(['b,c']);
    expect([node.swim.members.size, node.received]).toEqual([2, []]);
    exchange(node, [entry('b', 2, 0, 1)], false);
    expect(asked).toHaveLength(1);
    expect(node.swim.members.size).toBe(3);
  });
});

describe('allowed address ranges', () => {
  const inside = { cidrsAllowed: [{ addr: Uint8Array.of(10, 0, 0, 0), bits: 24 }] };
  const OUTSIDE = { ip: '10.1.0.1', port: 7946 };

  it('a datagram from outside, or about an address outside, teaches nothing', () => {
    const node = settled(inside);
    node.hear(aliveOf('b', 2), OUTSIDE);
    node.hear(aliveOf('c', 3, { addr: Uint8Array.of(10, 1, 0, 3) }));
    expect(node.swim.members.size).toBe(2);
    expect(node.swim.counters.get('drop:alive-outside-cidr')).toBe(2);
  });

  it('a push/pull is held against the addresses in it, not its own', () => {
    const node = settled(inside);
    const at = (name: string, ip: string): PushPullNode => ({
      name,
      addr: ipBytes(ip) ?? NOTHING,
      port: 7946,
      meta: NOTHING,
      incarnation: 1,
      state: 0,
      vsn: VSN,
    });
    const nodes = [at('b', '10.0.0.2'), at('c', '10.1.0.3')];
    node.accept(encodePushPull({ join: true, nodes, userState: NOTHING }), OUTSIDE);
    expect(node.swim.members.get('b')?.status).toBe('alive');
    expect(node.swim.members.get('c')).toBeUndefined();
  });

  it('a node that excludes itself does not list itself, and lives', () => {
    const node = loneSwim({
      ...GOSSIPING,
      cidrsAllowed: [{ addr: Uint8Array.of(192, 168, 0, 0), bits: 16 }],
    });
    expect(node.swim.members.size).toBe(0);
    node.hear(suspect('a', 1));
    node.hear(dead('a', 1));
    node.pass(60_000);
    node.swim.leave(node.now, 1, 5000);
    expect(node.outcomes.get(1)).toEqual({ type: 'sent' });
  });
});
