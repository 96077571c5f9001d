import { describe, expect, it } from 'vitest';
import * as m from '../../src/serf/messages.ts';
import { encodeFilters } from '../../src/serf/query-filter.ts';
import { decodeTags, encodeTags } from '../../src/serf/tags.ts';
import { decodePushPull } from '../../src/swim/messages.ts';
import { hex, loadVectors, revive, unhex } from './load.ts';

type Json = Readonly<Record<string, unknown>>;

/** Go's name of each of our fields. */
const GO_NAMES: Readonly<Record<string, string>> = {
  ltime: 'LTime',
  id: 'ID',
  timeoutNs: 'Timeout',
  coalesce: 'CC',
  statusLTimes: 'StatusLTimes',
  eventLTime: 'EventLTime',
  queryLTime: 'QueryLTime',
  dest: 'DestAddr',
  ip: 'IP',
};

/** Fields that are byte strings, whatever JSON made of them. */
const BYTE_FIELDS = new Set(['payload', 'addr', 'key', 'ip']);

/** One of our messages in the words of the vectors. */
function goFields(value: unknown): unknown {
  if (value instanceof Uint8Array) return Uint8Array.from(value);
  if (value instanceof Map) return Object.fromEntries(value);
  if (Array.isArray(value)) return value.map(goFields);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      GO_NAMES[key] ?? key.charAt(0).toUpperCase() + key.slice(1),
      BYTE_FIELDS.has(key) && inner !== null ? Uint8Array.from(inner as Uint8Array) : goFields(inner),
    ]),
  );
}

/** A nil slice and an empty one mean the same. */
function withEmptyLists(fields: Json): Json {
  const out: Record<string, unknown> = { ...fields };
  for (const key of ['Filters', 'Keys']) if (out[key] === null) out[key] = [];
  return out;
}

// biome-ignore lint/suspicious/noExplicitAny: the table pairs each kind with its own codec
const CODECS: Readonly<Record<string, m.MessageCodec<any>>> = {
  join: m.joinCodec,
  leave: m.leaveCodec,
  userEvent: m.userEventCodec,
  query: m.queryCodec,
  queryResponse: m.queryResponseCodec,
  keyRequest: m.keyRequestCodec,
  keyResponse: m.keyResponseCodec,
  pushPull: m.pushPullCodec,
};

const USER_FRAME = 8;

describe("real Serf's messages decode to their values and encode back to the same bytes", () => {
  for (const vector of loadVectors('serf-messages')) {
    const { decoded } = vector;
    const raw = unhex(vector.hex);
    const bytes = decoded.type === 'user' ? raw.subarray(1) : raw;
    if (decoded.type === 'user')
      it(`${vector.name} is framed as a user message`, () => expect(raw[0]).toBe(USER_FRAME));
    const codec = CODECS[decoded.serf];
    if (vector.name === 'join_huge_ltime') {
      it('a Lamport time above 2^53-1 is the wire error lamport-too-large', () => {
        expect(() => m.joinCodec.decode(bytes)).toThrow(
          expect.objectContaining({ code: 'lamport-too-large' }),
        );
      });
    } else if (decoded.serf === 'relay') {
      it(vector.name, () => expectRelay(bytes, decoded.fields));
    } else if (codec !== undefined) {
      it(vector.name, () => {
        const message = codec.decode(bytes);
        const { serf: _, type: __, ...bare } = decoded;
        expect(goFields(message)).toEqual(revive(withEmptyLists(decoded.fields ?? bare)));
        expect(hex(codec.encode(message))).toBe(hex(bytes));
      });
    } else {
      it(vector.name, () => {
        expect(decoded.type).toBe('filter');
        const [filter] = encodeFilters(
          decoded.node ?? [],
          new Map(decoded.Tag === undefined ? [] : [[decoded.Tag, decoded.Expr]]),
        );
        expect(hex(filter!)).toBe(hex(bytes));
      });
    }
  }
});

function expectRelay(bytes: Uint8Array, fields: Json): void {
  const { header, inner } = m.decodeRelay(bytes);
  const { inner: wantedInner, ...wantedHeader } = revive(fields) as Json;
  expect(goFields(header)).toEqual(wantedHeader);
  expect(hex(inner)).toBe(hex(wantedInner as Uint8Array));
  expect(hex(m.encodeRelay(header, inner))).toBe(hex(bytes));
}

describe('states and tags of captured push/pulls decode to their values', () => {
  for (const vector of loadVectors('tcp-streams')) {
    for (const side of ['client', 'server'] as const) {
      const decoded = vector.decoded[side];
      if (decoded?.type !== 'pushPull' || decoded.userState === undefined) continue;
      it(`${vector.name}, ${side}`, () => {
        const exchange = decodePushPull(unhex(vector[side]).subarray(1));
        const state = m.pushPullCodec.decode(exchange.userState);
        expect(goFields(state)).toEqual(revive(decoded.userState.fields));
        const again = m.pushPullCodec.decode(m.pushPullCodec.encode(state));
        expect(again).toEqual(state);
        expect(m.pushPullCodec.encode(state)).toHaveLength(exchange.userState.length);
        for (const [i, node] of exchange.nodes.entries()) {
          const tags = decodeTags(node.meta, (why) => expect.fail(why));
          expect(Object.fromEntries(tags)).toEqual(decoded.nodes[i].tags);
          expect(hex(encodeTags(tags, 5))).toBe(hex(node.meta));
        }
      });
    }
  }
});

/** Messages encoded by Serf's own encoder; spaces only for reading. */
const GOLD: readonly (readonly [title: string, encoded: Uint8Array, hex: string])[] = [
  [
    'join',
    m.joinCodec.encode({ ltime: 1, node: 'node-a' }),
    '01 82 a54c54696d65 01 a44e6f6465 a66e6f64652d61',
  ],
  [
    'leave with prune',
    m.leaveCodec.encode({ ltime: 300, node: 'node-a', prune: true }),
    '00 83 a54c54696d65 cd012c a44e6f6465 a66e6f64652d61 a55072756e65 c3',
  ],
  [
    'event with an empty payload',
    m.userEventCodec.encode({ ltime: 5, name: 'deploy', payload: new Uint8Array(0), coalesce: false }),
    '03 84 a24343 c2 a54c54696d65 05 a44e616d65 a66465706c6f79 a75061796c6f6164 a0',
  ],
  ['conflict about an unknown name', m.conflictCodec.encode(null), '06 c0'],
  [
    'conflict about a member',
    m.conflictCodec.encode({
      name: 'n1',
      addr: Uint8Array.of(127, 0, 0, 1),
      port: 7946,
      tags: new Map([['role', 'web']]),
      status: 1,
      protocolMin: 1,
      protocolMax: 5,
      protocolCur: 2,
      delegateMin: 2,
      delegateMax: 5,
      delegateCur: 4,
    }),
    '06 8b a441646472 a47f000001 ab44656c6567617465437572 04 ab44656c65676174654d6178 05 ab44656c65676174654d696e 02' +
      'a44e616d65 a26e31 a4506f7274 cd1f0a ab50726f746f636f6c437572 02 ab50726f746f636f6c4d6178 05' +
      'ab50726f746f636f6c4d696e 01 a6537461747573 01 a454616773 81 a4726f6c65 a3776562',
  ],
  [
    'push/pull with empty slots',
    m.pushPullCodec.encode({
      ltime: 3,
      statusLTimes: new Map([['a', 1]]),
      leftMembers: [],
      eventLTime: 2,
      events: [null, { ltime: 1, events: [{ name: 'deploy', payload: Buffer.from('x') }] }, null],
      queryLTime: 1,
    }),
    '02 86 aa4576656e744c54696d65 02 a64576656e7473 93 c0 82 a64576656e7473 91 82 a44e616d65 a66465706c6f79' +
      'a75061796c6f6164 a178 a54c54696d65 01 c0 a54c54696d65 03 ab4c6566744d656d62657273 90' +
      'aa51756572794c54696d65 01 ac5374617475734c54696d6573 81 a161 01',
  ],
  ['tags', encodeTags(new Map([['role', 'web']]), 3), 'ff 81 a4726f6c65 a3776562'],
  ['no tags', encodeTags(new Map(), 5), 'ff 80'],
  [
    'a text of 40 bytes as raw16',
    encodeTags(new Map([['k', 'x'.repeat(40)]]), 4),
    `ff 81 a16b da0028 ${'78'.repeat(40)}`,
  ],
  [
    'tags of protocol 2',
    encodeTags(
      new Map([
        ['role', 'db'],
        ['x', 'y'],
      ]),
      2,
    ),
    '6462',
  ],
  [
    'key request',
    m.keyRequestCodec.encode({ key: new Uint8Array(16) }),
    `07 81 a34b6579 b0 ${'00'.repeat(16)}`,
  ],
  [
    'key response',
    m.keyResponseCodec.encode({ result: true, message: '', keys: ['AAAA'], primaryKey: 'AAAA' }),
    '08 84 a44b657973 91 a441414141 a74d657373616765 a0 aa5072696d6172794b6579 a441414141 a6526573756c74 c3',
  ],
];

describe("our messages are the bytes of Serf's own encoder", () => {
  it.each(GOLD)('%s', (_title, encoded, wanted) => {
    expect(hex(encoded)).toBe(wanted.replaceAll(' ', ''));
  });
});

describe('fields that only newer or older releases send', () => {
  it('a signed timeout and relay port are read like unsigned ones', () => {
    const head =
      '048ba441646472a47f000001a746696c74657273c0a5466c61677301a24944ce12345678a54c54696d6507a44e616d65a6757074696d65' +
      'a75061796c6f6164c0a4506f7274cd1f0aab52656c6179466163746f7200aa536f757263654e6f6465a66e6f64652d61a754696d656f7574';
    const signed = m.queryCodec.decode(unhex(`${head}d3000000037e11d600`));
    expect(signed).toEqual(m.queryCodec.decode(unhex(`${head}cf000000037e11d600`)));
    expect(signed.timeoutNs).toBe(15e9);
    const relay =
      '0982a8446573744164647283a24950a47f000001a4506f7274d11f0aa45a6f6e65a0a8446573744e616d65a66e6f64652d61';
    expect(m.decodeRelay(unhex(`${relay}05ff`))).toMatchObject({
      header: { dest: { port: 7946 } },
      inner: Uint8Array.of(5, 0xff),
    });
  });

  it('a leave without Prune and a query without SourceNode or RelayFactor mean their zero values', () => {
    expect(m.leaveCodec.decode(unhex('0082a54c54696d6501a44e6f6465a161')).prune).toBe(false);
    const query = m.queryCodec.decode(unhex('0481a54c54696d6505'));
    expect(query).toMatchObject({ ltime: 5, sourceNode: '', relayFactor: 0, filters: [] });
  });

  it('metadata without the magic byte is the role, even when empty', () => {
    expect([...decodeTags(Buffer.from('db'), expect.fail)]).toEqual([['role', 'db']]);
    expect([...decodeTags(new Uint8Array(0), expect.fail)]).toEqual([['role', '']]);
  });

  it('a damaged tag map gives the tags before the damage and says why', () => {
    const why: string[] = [];
    expect(decodeTags(unhex('ff81a4'), (text) => why.push(text)).size).toBe(0);
    expect([...decodeTags(unhex('ff82a161a162a1'), (text) => why.push(text))]).toEqual([['a', 'b']]);
    expect(why).toHaveLength(2);
  });
});
