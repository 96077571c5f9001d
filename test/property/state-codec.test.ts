import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import { aliveMessage, recognisedAlive } from '../../src/swim/alive-message.ts';
import { factsOf } from '../../src/swim/claims.ts';
import { FactsPool } from '../../src/swim/facts-pool.ts';
import { MemberTable } from '../../src/swim/members.ts';
import { decodeAlive, decodePushPull, encodePushPull, type PushPullNode } from '../../src/swim/messages.ts';
import { decodeState, encodeState } from '../../src/swim/state-codec.ts';

const CONFIG = { bindPort: 7946, protocolVersion: 2 };
const STATES = ['alive', 'suspect', 'dead', 'left'] as const;

const bytesOf = (text: string): Uint8Array => Buffer.from(text);
const bytes = (maxLength: number) => fc.uint8Array({ maxLength });
/** Few names, addresses and metadata, so that members come up again as they were and changed. */
const node = fc.record<PushPullNode>({
  name: fc.oneof(fc.constantFrom('a', 'b', 'node-3', 'nöde', 'x'.repeat(40), 'State'), fc.string()),
  addr: fc.oneof(fc.constantFrom(Uint8Array.of(10, 0, 0, 1), Uint8Array.of(10, 0, 0, 2)), bytes(16)),
  port: fc.constantFrom(7946, 7947, 0),
  meta: fc.oneof(fc.constant(new Uint8Array(0)), fc.constant(Buffer.from('Incarnation')), bytes(600)),
  incarnation: fc.oneof(fc.nat({ max: 200 }), fc.nat({ max: 0xffff_ffff })),
  state: fc.integer({ min: 0, max: 3 }),
  vsn: fc.oneof(fc.constant(Uint8Array.of(1, 5, 2, 2, 5, 5)), bytes(8)),
});

describe('a state read with what was heard before', () => {
  it('is what the plain decoder reads, the first time and again', () => {
    fc.assert(
      fc.property(fc.array(node, { maxLength: 8 }), fc.boolean(), bytes(20), (nodes, join, userState) => {
        const body = encodePushPull({ join, nodes, userState }).subarray(1);
        const plain = decodePushPull(body);
        const expected = plain.nodes.map((read) => ({
          facts: factsOf(read, read.name, CONFIG),
          incarnation: read.incarnation,
          state: read.state,
        }));
        for (let round = 0; round < 2; round += 1) {
          const state = decodeState(body, CONFIG);
          expect({ ...state, userState: [...state.userState] }).toEqual({
            join,
            members: expected,
            userState: [...userState],
          });
        }
      }),
    );
  });

  it('shares the facts of a member between two reads, and no longer once they changed', () => {
    const read = (meta: string) => {
      const entry: PushPullNode = {
        name: 'shared-once',
        addr: Uint8Array.of(10, 1, 2, 3),
        port: 7946,
        meta: Buffer.from(meta),
        incarnation: 1,
        state: 0,
        vsn: Uint8Array.of(1, 5, 2, 2, 5, 5),
      };
      const body = encodePushPull({ join: false, nodes: [entry], userState: new Uint8Array(0) }).subarray(1);
      return decodeState(body, CONFIG).members[0]!.facts;
    };
    const first = read('one');
    expect(read('one')).toBe(first);
    expect(Buffer.from(read('two').meta).toString()).toBe('two');
    expect(Buffer.from(first.meta).toString()).toBe('one');
  });

  it('has our own port where a member gives none, however often it was heard', () => {
    const entry: PushPullNode = {
      name: 'portless',
      addr: Uint8Array.of(10, 1, 2, 3),
      port: 0,
      meta: new Uint8Array(0),
      incarnation: 1,
      state: 0,
      vsn: Uint8Array.of(1, 5, 2, 2, 5, 5),
    };
    const body = encodePushPull({ join: false, nodes: [entry], userState: new Uint8Array(0) }).subarray(1);
    for (const bindPort of [7946, 8000, 7946]) {
      expect(decodeState(body, { bindPort, protocolVersion: 2 }).members[0]!.facts.port).toBe(bindPort);
      expect(decodeState(body, { bindPort, protocolVersion: 1 }).members[0]!.facts.port).toBe(bindPort);
    }
  });
});

describe('a state written from what members said once', () => {
  it('is what the plain encoder writes', () => {
    fc.assert(
      fc.property(fc.uniqueArray(node, { selector: ({ name }) => name, maxLength: 8 }), (nodes) => {
        const members = new MemberTable(seededRandom(1));
        for (const { name, incarnation, state, ...fields } of nodes) {
          const record = members.insert(factsOf(fields, name, CONFIG));
          record.incarnation = incarnation;
          members.setStatus(record, STATES[state]!, 1);
        }
        const listed = Array.from(members.values(), ({ facts, incarnation, status }) => {
          return { ...facts, incarnation, state: STATES.indexOf(status) };
        });
        const userState = Buffer.from('user');
        const plain = encodePushPull({ join: true, nodes: listed, userState });
        for (let round = 0; round < 2; round += 1) {
          expect(Buffer.from(encodeState(true, members, userState)).equals(plain)).toBe(true);
        }
      }),
    );
  });
});

describe('FactsPool', () => {
  const facts = (name: string, host: number) => ({
    name,
    addr: Uint8Array.of(10, 0, host >> 8, host & 255),
    port: 7946,
    meta: new Uint8Array(0),
    vsn: new Uint8Array(6),
    address: { ip: `10.0.${host >> 8}.${host & 255}`, port: 7946 },
  });

  it('keeps what fits, gives up what does not, and never takes one member for another', () => {
    const pool = new FactsPool();
    const first = Array.from({ length: 20_000 }, (_, i) => pool.share(facts(`node-${i}`, i)));
    let kept = 0;
    for (const [i, known] of first.entries()) {
      const again = pool.share(facts(`node-${i}`, i));
      expect(again.name).toBe(`node-${i}`);
      if (again === known) kept += 1;
    }
    expect(kept).toBeGreaterThan(19_900);
    for (let i = 0; i < 120_000; i += 1) pool.share(facts(`flood-${i}`, i & 0xffff));
    const name = Buffer.from('flood-119999');
    expect(pool.name(name, 0, name.length)).toBe('flood-119999');
  });

  it('keeps no name or metadata that no ordinary member has', () => {
    const pool = new FactsPool();
    for (const odd of [facts('x'.repeat(256), 1), { ...facts('meta', 1), meta: new Uint8Array(513) }]) {
      expect(pool.share({ ...odd })).not.toBe(pool.share({ ...odd }));
    }
  });
});

describe('an alive message that was made here before', () => {
  const claimed = (body: Uint8Array) => {
    const read = decodeAlive(body);
    return { facts: factsOf(read, read.node, CONFIG), incarnation: read.incarnation, bootstrap: false };
  };

  it('is recognised, and means what the decoder reads', () => {
    fc.assert(
      fc.property(node, (member) => {
        const facts = factsOf(member, member.name, CONFIG);
        const body = aliveMessage(facts, member.incarnation).subarray(1);
        const recognised = recognisedAlive(body);
        if (recognised !== undefined) expect(recognised).toEqual(claimed(body));
      }),
    );
    const facts = factsOf(
      {
        addr: Uint8Array.of(10, 0, 0, 9),
        port: 7946,
        meta: bytesOf('m'),
        vsn: Uint8Array.of(1, 5, 2, 2, 5, 5),
      },
      'once-more',
      CONFIG,
    );
    const body = Uint8Array.from(aliveMessage(facts, 300).subarray(1));
    expect(recognisedAlive(body)?.facts).toBe(facts);
  });

  it('is not recognised with any byte changed, cut or added', () => {
    const facts = factsOf(
      {
        addr: Uint8Array.of(10, 0, 0, 8),
        port: 7946,
        meta: bytesOf('m'),
        vsn: Uint8Array.of(1, 5, 2, 2, 5, 5),
      },
      'changed',
      CONFIG,
    );
    const body = Uint8Array.from(aliveMessage(facts, 7).subarray(1));
    for (let at = 0; at < body.length; at += 1) {
      for (let flip = 1; flip < 256; flip += 1) {
        const changed = Uint8Array.from(body);
        changed[at] = (changed[at] as number) ^ flip;
        expect(recognisedAlive(changed)).toBeUndefined();
      }
      expect(recognisedAlive(body.subarray(0, at))).toBeUndefined();
    }
    expect(recognisedAlive(Uint8Array.from([...body, 0]))).toBeUndefined();
  });
});
