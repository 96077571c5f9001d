import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { DatagramFailure, StreamInput } from '../../src/base/machine.ts';
import * as m from '../../src/swim/messages.ts';
import { encodeCompound } from '../../src/wire/compound.ts';
import { compressMessage } from '../../src/wire/compress.ts';
import { Keyring } from '../../src/wire/keyring.ts';
import { HERE, type LoneSwim, loneSwim, VSN } from '../support/lone-swim.ts';
import { loadVectors, unhex } from '../vectors/load.ts';

/** What a hostile peer may do, in any order, must neither throw nor move us off the list of the living. */
type Step =
  | { readonly type: 'datagram'; readonly bytes: Uint8Array }
  | {
      readonly type: 'accept';
      readonly bytes: Uint8Array;
      readonly cuts: readonly number[];
      readonly end: boolean;
    }
  | { readonly type: 'reply'; readonly which: number; readonly bytes: Uint8Array; readonly end: StreamInput }
  | { readonly type: 'undeliverable'; readonly which: number; readonly why: DatagramFailure }
  | { readonly type: 'pass'; readonly ms: number };

/** Names a step may use: ours, a few others, nobody's, and text that is not UTF-8. */
const name = fc.constantFrom('a', 'b', 'c', 'd', '10.0.0.99', '', '\udcff', 'n'.repeat(1025));
const u32 = fc.oneof(fc.nat(9), fc.constantFrom(0xffff_fffe, 0xffff_ffff));
const addr = fc.oneof(
  fc.constantFrom(...[1, 2, 3].map((host) => Uint8Array.of(10, 0, 0, host))),
  fc.uint8Array({ minLength: 16, maxLength: 16 }),
  fc.uint8Array({ maxLength: 20 }),
);
const port = fc.constantFrom(0, 7946, 999, 65_535);
const vsn = fc.oneof(
  { weight: 5, arbitrary: fc.constant(VSN) },
  { weight: 1, arbitrary: fc.uint8Array({ maxLength: 9 }) },
);
const bytes = fc.uint8Array({ maxLength: 200 });
const fields = { addr, port, meta: bytes, vsn, incarnation: u32 };
const source = { sourceAddr: addr, sourcePort: port, sourceNode: name };
const claim = fc.record({ incarnation: u32, node: name, from: name });
const ping = fc.record({ seqNo: u32, node: name, ...source }).map(m.encodePing);
const pushPull = fc
  .record({
    join: fc.boolean(),
    nodes: fc.array(fc.record({ name, state: fc.integer({ min: -1, max: 5 }), ...fields }), { maxLength: 8 }),
    userState: bytes,
  })
  .map(m.encodePushPull);

/** Well-formed messages with hostile fields, of every type. */
const message = fc.oneof(
  ping,
  fc
    .record({ seqNo: u32, node: name, target: addr, port, nack: fc.boolean(), ...source })
    .map(m.encodeIndirectPing),
  fc.record({ seqNo: u32, payload: fc.option(bytes) }).map(m.encodeAck),
  u32.map((seqNo) => m.encodeNack({ seqNo })),
  claim.map(m.encodeSuspect),
  claim.map(m.encodeDead),
  fc.record({ node: name, ...fields }).map(m.encodeAlive),
  bytes.map((payload) => Uint8Array.of(m.MessageType.user, ...payload)),
  pushPull,
);

const SEEDS = [
  ...['gossip-packets', 'captured-gossip', 'serf-messages'].flatMap((file) =>
    loadVectors(file).map((vector) => unhex(vector.hex)),
  ),
  ...loadVectors('tcp-streams').flatMap((vector) => [unhex(vector.client), unhex(vector.server)]),
];

function mutated(
  seed: Uint8Array,
  flips: readonly (readonly [number, number])[],
  length: number,
): Uint8Array {
  const copy = seed.slice(0, Math.max(1, length % (seed.length + 1)));
  for (const [at, value] of flips) copy[at % copy.length] = value;
  return copy;
}

const broken = fc
  .tuple(
    fc.oneof(message, fc.constantFrom(...SEEDS)),
    fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 4 }),
    fc.oneof(fc.nat(400), fc.constant(2 ** 30 - 1)),
  )
  .map(([seed, flips, length]) => mutated(seed, flips, length));

const one = fc.oneof(message, message, broken, fc.uint8Array({ maxLength: 100 }));
const packet = fc.oneof(
  one,
  fc.array(one, { maxLength: 5 }).map(encodeCompound),
  one.map((inner) => compressMessage(inner) ?? inner),
  fc
    .array(one, { maxLength: 3 })
    .map((parts) => compressMessage(encodeCompound(parts)) ?? encodeCompound(parts)),
);

const end: fc.Arbitrary<StreamInput> = fc.constantFrom<StreamInput>(
  { type: 'ended' },
  { type: 'failed', why: 'reset' },
  { type: 'failed', why: 'refused' },
  { type: 'failed', why: 'unreachable' },
  { type: 'opened' },
);
const text = fc.oneof(pushPull, packet, fc.constantFrom(...SEEDS));
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ type: fc.constant('datagram' as const), bytes: packet }) },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('accept' as const),
      bytes: text,
      cuts: fc.array(fc.nat(300), { maxLength: 4 }),
      end: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant('reply' as const), which: fc.nat(9), bytes: text, end }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant('undeliverable' as const),
      which: fc.nat(9),
      why: fc.constantFrom<DatagramFailure>('unreachable', 'refused', 'local'),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('pass' as const),
      ms: fc.constantFrom(1, 100, 501, 1000, 5000, 40_000),
    }),
  },
);

function take(node: LoneSwim, next: Step): void {
  switch (next.type) {
    case 'datagram':
      node.hear(next.bytes);
      return;
    case 'accept': {
      const cuts = [...next.cuts].sort((x, y) => x - y);
      const stream = node.accept(next.bytes.subarray(0, cuts[0] ?? next.bytes.length));
      cuts.forEach((cut, i) => {
        if (stream.closed) return;
        const chunk = next.bytes.subarray(cut, cuts[i + 1] ?? next.bytes.length);
        node.swim.stream(node.now, stream.id, { type: 'data', bytes: chunk });
      });
      if (next.end) node.swim.stream(node.now, stream.id, { type: 'ended' });
      return;
    }
    case 'reply': {
      const ours = [...node.streams.values()].filter(({ to, closed }) => to !== undefined && !closed);
      const stream = ours[next.which % Math.max(1, ours.length)];
      if (stream === undefined) return;
      node.swim.stream(node.now, stream.id, { type: 'opened' });
      node.swim.stream(node.now, stream.id, { type: 'data', bytes: next.bytes });
      if (!stream.closed) node.swim.stream(node.now, stream.id, next.end);
      return;
    }
    case 'undeliverable': {
      const to = node.sent.at(-1 - next.which)?.to ?? HERE;
      node.swim.undeliverable(node.now, to, next.why);
      return;
    }
    case 'pass':
      node.pass(next.ms);
      return;
  }
}

/** Every name a run can bring: eight of ours, and at most one per vector and mutation. */
const MOST_MEMBERS = 8 + 200;

function survives(node: LoneSwim, steps: readonly Step[]): void {
  for (const next of steps) {
    const before = node.swim.self.incarnation;
    take(node, next);
    const { self } = node.swim;
    expect(self.status).toBe('alive');
    expect(self.facts.address).toEqual(HERE);
    // Our incarnation only rises; above the last one there is, 32 bits wrap as they do for every peer.
    expect(self.incarnation >= before || self.incarnation === 0).toBe(true);
    expect(node.swim.healthScore).toBeGreaterThanOrEqual(0);
    expect(node.swim.healthScore).toBeLessThanOrEqual(7);
    expect(node.swim.members.size).toBeLessThanOrEqual(MOST_MEMBERS);
  }
  for (const { facts } of node.swim.members.values()) {
    expect(facts.vsn).toHaveLength(6);
    expect([4, 16]).toContain(facts.addr.length);
  }
  // Whatever is still open is given up in time, and a good peer is still answered.
  node.pass(60_000);
  for (const stream of node.streams.values()) if (stream.to === undefined) expect(stream.closed).toBe(true);
  expect(node.swim.nextDeadline()).toBeGreaterThan(node.now);
  const sent = node.sent.length;
  node.hear(
    m.encodePing({ seqNo: 1, node: 'a', sourceAddr: new Uint8Array(0), sourcePort: 0, sourceNode: '' }),
  );
  expect(node.sent.length).toBe(sent + 1);
}

describe('whatever a peer sends, and in whatever order', () => {
  it('a node lives on, stays itself and answers', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.nat(1000), (steps, seed) => {
        survives(loneSwim({ pushPullIntervalMs: 5000, deadNodeReclaimTimeMs: 1000 }, seed), steps);
      }),
      { numRuns: 250 },
    );
  });

  it('a node with keys that also takes plaintext lives on', () => {
    const keyring = new Keyring([], Buffer.from('0123456789abcdef'));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
        survives(loneSwim({ keyring, gossipVerifyIncoming: false, gossipVerifyOutgoing: false }), steps);
      }),
      { numRuns: 60 },
    );
  });

  it('a node that insists on keys learns nothing from plaintext', () => {
    const keyring = new Keyring([], Buffer.from('0123456789abcdef'));
    fc.assert(
      fc.property(fc.array(packet, { maxLength: 40 }), (packets) => {
        const node = loneSwim({ keyring });
        for (const bytes of packets) node.hear(bytes);
        expect(node.swim.members.size).toBe(1);
        expect(node.received).toEqual([]);
        expect(node.sent).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });

  it('a flood of new members with news too large to tell leaves a bounded queue and bounded datagrams', () => {
    const node = loneSwim({ probeIntervalMs: 0, gossipNodes: 1, retransmitMult: 1, pushPullIntervalMs: 0 });
    const meta = Uint8Array.from({ length: 30_000 }, (_, i) => (i * 7919) >> 3);
    for (let i = 0; i < 20_000; i += 1) {
      const address = Uint8Array.of(10, 1, i >> 8, i & 255);
      const big = i % 100 === 0 ? meta : new Uint8Array(0);
      node.hear(
        m.encodeAlive({ node: `m${i}`, incarnation: 1, addr: address, port: 1, meta: big, vsn: VSN }),
      );
    }
    const counters = node.swim.counters;
    expect(counters.get('drop:broadcast-too-large')).toBe(200);
    expect(counters.get('drop:broadcast-overflow')).toBe(20_000 - 200 + 1 - 16_384);
    node.pass(10_000);
    for (const { bytes: sent } of node.sent) expect(sent.length).toBeLessThanOrEqual(1407);
  });
});
