import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ipBytes } from '../../src/base/address.ts';
import { seededRandom } from '../../src/base/random.ts';
import { Cluster } from '../../src/runtime/cluster.ts';
import { userEventCodec } from '../../src/serf/messages.ts';
import * as m from '../../src/swim/messages.ts';
import { encodeCompound } from '../../src/wire/compound.ts';
import { compressMessage } from '../../src/wire/compress.ts';
import { type EnvelopeConfig, sealPacket, sealStream } from '../../src/wire/envelope.ts';
import { Keyring } from '../../src/wire/keyring.ts';
import { SERF_BIN } from '../support/interop.ts';
import { envelope, hex } from '../vectors/load.ts';
import { GossipPeer, type Heard, type Reply, serfState } from './gossip-peer.ts';
import { startSerf, stopAll, waitFor } from './helpers.ts';

/**
 * The same raw probes against a real Serf agent and against one of our nodes, both called target: every answer is
 * compared field by field. With REEVE_SERF_NEWER, a second Serf is compared too.
 */

const NAME = 'target';
const KEY = Buffer.from('0123456789abcdef');
const OTHER_KEY = Buffer.from('fedcba9876543210');
const NOTHING = new Uint8Array(0);
type Source = Pick<m.Ping, 'sourceAddr' | 'sourcePort' | 'sourceNode'>;
const NOWHERE: Source = { sourceAddr: NOTHING, sourcePort: 0, sourceNode: '' };
const VSN = Uint8Array.of(1, 5, 2, 2, 5, 5);
/** How long silence must last to count as such. */
const SILENCE_MS = 400;

/** One node under test, and the raw peer that talks to it. */
interface Subject {
  readonly ip: string;
  readonly peer: GossipPeer;
  leave(): Promise<void>;
}

const closing: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  while (closing.length > 0) await closing.pop()?.();
});
afterAll(stopAll);

/** Starts one of each kind; `group` chooses addresses nobody else uses. */
async function subjects(
  binary: string,
  group: number,
  options: { keys?: readonly Uint8Array[]; peer?: Partial<EnvelopeConfig> } = {},
): Promise<readonly [real: Subject, ours: Subject]> {
  const { keys, peer = {} } = options;
  const ip = (host: number): string => `127.96.${group}.${host}`;
  const args = keys?.[0] === undefined ? [] : [`-encrypt=${Buffer.from(keys[0]).toString('base64')}`];
  const [daemon, cluster, realPeer, ourPeer] = await Promise.all([
    startSerf({ name: NAME, ip: ip(1), args, binary }),
    Cluster.start({ nodeName: NAME, bind: { ip: ip(2) }, profile: 'local', keys }),
    GossipPeer.open(ip(11), peer),
    GossipPeer.open(ip(12), peer),
  ]);
  closing.push(
    () => realPeer.close(),
    () => ourPeer.close(),
    () => cluster.shutdown(),
    () => daemon.stop().then(() => undefined),
  );
  return [
    { ip: ip(1), peer: realPeer, leave: async () => daemon.kill('SIGINT') },
    { ip: ip(2), peer: ourPeer, leave: () => cluster.leave().catch(() => undefined) },
  ];
}

/** Runs `probe` on both and expects the same; returns it for what else must hold. */
async function same<T>(
  pair: readonly [Subject, Subject],
  probe: (subject: Subject) => Promise<T>,
): Promise<T> {
  const [real, ours] = await Promise.all(pair.map(probe));
  expect(ours).toEqual(real);
  return real as T;
}

/** Bytes as hex and this subject's addresses by role, so that the two can be compared. */
function neutral(value: unknown, { ip, peer }: Subject): unknown {
  const roles = new Map([
    [hex(ipBytes(ip) ?? NOTHING), 'TARGET'],
    [hex(ipBytes(peer.ip) ?? NOTHING), 'PEER'],
  ]);
  const walk = (inner: unknown): unknown => {
    if (inner instanceof Uint8Array) return roles.get(hex(inner)) ?? hex(inner);
    if (Array.isArray(inner)) return inner.map(walk);
    if (typeof inner !== 'object' || inner === null) return inner;
    return Object.fromEntries(Object.entries(inner).map(([key, field]) => [key, walk(field)]));
  };
  return walk(value);
}

/** The first letter's case differs between releases of Serf. */
function uncapitalised(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}

function replyOf({ closed, message }: Reply, subject: Subject): unknown {
  if (message === undefined) return { closed };
  const { type, canonical } = message;
  const body = 'error' in message.body ? { error: uncapitalised(message.body.error) } : message.body;
  return { closed, type, canonical, body: neutral(body, subject) };
}

const isAnswer =
  (seq: number) =>
  ({ type, body }: Heard) =>
    (type === m.MessageType.ack || type === m.MessageType.nack) && body.seqNo === seq;

/** The answer to a datagram that asks under `seq`: its type, or silence. */
async function ask(
  { ip, peer }: Subject,
  message: (seq: number) => Uint8Array,
  options: { raw?: boolean; ms?: number } = {},
): Promise<unknown> {
  const { raw = false, ms = SILENCE_MS } = options;
  const seq = peer.nextSeq();
  if (raw) peer.sendRaw(ip, message(seq));
  else peer.send(ip, message(seq));
  const answer = await peer.hear(isAnswer(seq), ms);
  if (answer === undefined) return 'silence';
  return {
    type: answer.type,
    canonical: answer.canonical,
    hasPayload: answer.body.payload instanceof Uint8Array,
  };
}

const ping =
  (node: string, source: Source = NOWHERE) =>
  (seqNo: number) =>
    m.encodePing({ seqNo, node, ...source });

/** A member's entry in the target's push/pull. */
async function stateOf(subject: Subject, join = false): Promise<m.PushPull> {
  const request = m.encodePushPull({ join, nodes: [], userState: NOTHING });
  const { message } = await subject.peer.exchange(subject.ip, request);
  if (message?.type !== m.MessageType.pushPull) throw new Error(`no push/pull but ${message?.type}`);
  return message.body;
}

/** Name, status number, incarnation and so on of all members, by name. */
async function members(subject: Subject): Promise<unknown> {
  const { nodes } = await stateOf(subject);
  const sorted = [...nodes].sort((a, b) => (a.name < b.name ? -1 : 1));
  return neutral(sorted, subject);
}

async function incarnation(subject: Subject): Promise<number | undefined> {
  return (await stateOf(subject)).nodes.find(({ name }) => name === NAME)?.incarnation;
}

function alive(node: string, ip: string, changes: Partial<m.Alive> = {}): Uint8Array {
  const addr = ipBytes(ip) ?? NOTHING;
  return m.encodeAlive({ node, incarnation: 1, addr, port: 7946, meta: NOTHING, vsn: VSN, ...changes });
}

/** Sends claims one by one, each in a datagram of its own, waiting until each has been handled. */
async function tell(subject: Subject, ...messages: readonly Uint8Array[]): Promise<void> {
  for (const message of messages) {
    subject.peer.send(subject.ip, message);
    await ask(subject, ping(NAME));
  }
  // Serf handles claims on another task than pings.
  await new Promise((resolve) => setTimeout(resolve, 50));
}

const NEWER = process.env['REEVE_SERF_NEWER'];
const BINARIES: readonly (readonly [string, string, number])[] = [
  ['serf', SERF_BIN ?? '', 0],
  ...(NEWER === undefined ? [] : [['the newer serf', NEWER, 100] as const]),
];

if (SERF_BIN === undefined) {
  process.stdout.write('gossip-wire: skipped, as no serf is on the PATH to compare with\n');
}

describe.skipIf(SERF_BIN === undefined).each(BINARIES)('plain gossip beside %s', (_name, binary, first) => {
  let pair: readonly [Subject, Subject];
  const kept: (typeof closing)[number][] = [];
  beforeAll(async () => {
    pair = await subjects(binary, first + 1);
    kept.push(...closing.splice(0));
  });
  afterAll(async () => {
    for (const close of kept.reverse()) await close();
  });

  it.each([
    ['no name', '', m.MessageType.ack],
    ['the right name', NAME, m.MessageType.ack],
    ['another name', 'nobody', undefined],
  ])('a ping for %s', async (_case, node, type) => {
    for (const withSource of [true, false]) {
      const answer = await same(pair, (subject) =>
        ask(subject, ping(node, withSource ? subject.peer.source('raw') : NOWHERE)),
      );
      if (type === undefined) expect(answer).toBe('silence');
      else expect(answer).toMatchObject({ type, canonical: true });
    }
  });

  it('a ping in every wrapping', async () => {
    const one = ping(NAME);
    const squeezed = (seq: number): Uint8Array => compressMessage(one(seq)) ?? one(seq);
    const wrappings: Record<string, (seq: number) => Uint8Array> = {
      compound: (seq) => encodeCompound([one(seq)]),
      compressed: squeezed,
      'compound in compressed': (seq) => compressMessage(encodeCompound([one(seq)])) ?? NOTHING,
      'compressed in compound': (seq) => encodeCompound([squeezed(seq)]),
      'after an unknown type': (seq) => encodeCompound([Uint8Array.of(99, 1), one(seq)]),
      'cut off behind': (seq) => encodeCompound([one(seq), new Uint8Array(9)]).subarray(0, -3),
      'with bytes behind': (seq) => Buffer.concat([encodeCompound([one(seq)]), Buffer.from('more')]),
      'with fields nobody knows': (seq) =>
        Buffer.concat([
          Buffer.from('0083a44e6f6465a0a3466f6f93010203a55365714e6fcd', 'hex'),
          Buffer.of(seq >> 8, seq),
        ]),
      'as an array': (seq) =>
        Buffer.concat([Buffer.from('0092cd', 'hex'), Buffer.of(seq >> 8, seq), Buffer.of(0xa0)]),
    };
    for (const [wrapping, message] of Object.entries(wrappings)) {
      const answer = await same(pair, (subject) => ask(subject, message));
      expect([wrapping, answer]).toMatchObject([wrapping, { type: m.MessageType.ack }]);
    }
    const plain = envelope();
    const withCrc = (seq: number): Uint8Array => sealPacket(one(seq), plain, { crc: true }, seededRandom(1));
    expect(await same(pair, (subject) => ask(subject, withCrc, { raw: true }))).toMatchObject({
      type: m.MessageType.ack,
    });
    const badCrc = (seq: number): Uint8Array => withCrc(seq).fill(0, 1, 5);
    expect(await same(pair, (subject) => ask(subject, badCrc, { raw: true }))).toBe('silence');
    const inner = (seq: number): Uint8Array => encodeCompound([withCrc(seq)]);
    expect(await same(pair, (subject) => ask(subject, inner))).toBe('silence');
    const labelled = (seq: number): Uint8Array => Buffer.concat([Buffer.from('f40162', 'hex'), one(seq)]);
    expect(await same(pair, (subject) => ask(subject, labelled, { raw: true }))).toBe('silence');
  });

  it('a compound of 127 pings brings 127 acks', async () => {
    const acks = await same(pair, async (subject) => {
      const seqs = Array.from({ length: 127 }, () => subject.peer.nextSeq());
      subject.peer.send(subject.ip, encodeCompound(seqs.map((seq) => ping('')(seq))));
      await subject.peer.hear(isAnswer(seqs.at(-1) ?? 0), 2000);
      return seqs.filter((seq) => subject.peer.heard.some(isAnswer(seq))).length;
    });
    expect(acks).toBe(127);
  });

  it('pings on another’s behalf: ack, nack, and silence where no nack is wanted', async () => {
    const request =
      (subject: Subject, ip: string, nack: boolean, node = 'raw') =>
      (seqNo: number) =>
        m.encodeIndirectPing({
          seqNo,
          target: ipBytes(ip) ?? NOTHING,
          port: 7946,
          node,
          nack,
          ...subject.peer.source('raw'),
        });
    const relayed = await same(pair, async (subject) => {
      const { peer } = subject;
      peer.answers = true;
      const since = performance.now();
      const ack = await ask(subject, request(subject, peer.ip, true), { ms: 1000 });
      const seen = await peer.hear(({ type }) => type === m.MessageType.ping, 0, since);
      peer.answers = false;
      const { seqNo, ...body } = seen?.body ?? {};
      return {
        ack,
        seen: neutral(body, subject),
        isOwnNumber: seqNo > 0 && seqNo < 1000,
        canonical: seen?.canonical,
      };
    });
    expect(relayed).toMatchObject({
      ack: { type: m.MessageType.ack, hasPayload: false },
      isOwnNumber: true,
      canonical: true,
    });
    const dead = '127.96.250.250';
    expect(
      await same(pair, (subject) => ask(subject, request(subject, dead, true), { ms: 1000 })),
    ).toMatchObject({
      type: m.MessageType.nack,
      canonical: true,
    });
    expect(await same(pair, (subject) => ask(subject, request(subject, dead, false), { ms: 1000 }))).toBe(
      'silence',
    );
  });

  it.each([
    ['no name', '', true],
    ['the right name', NAME, true],
    ['another name', 'nobody', false],
  ])('a ping over a stream for %s', async (_case, node, answered) => {
    const reply = await same(pair, async (subject) =>
      replyOf(await subject.peer.exchange(subject.ip, ping(node)(77)), subject),
    );
    expect(reply).toEqual(
      answered
        ? { closed: true, type: m.MessageType.ack, canonical: true, body: { seqNo: 77, payload: null } }
        : { closed: true },
    );
  });

  it('streams compressed, in pieces, and not at all', async () => {
    const whole = ping(NAME)(5);
    const squeezed = compressMessage(whole) ?? NOTHING;
    const twice = compressMessage(squeezed) ?? NOTHING;
    const cases: readonly (readonly [string, Uint8Array, number])[] = [
      ['compressed', squeezed, 1],
      ['in pieces', whole, whole.length],
      ['compressed in pieces', squeezed, squeezed.length],
      ['compressed twice', twice, 1],
      ['a type streams do not have', Uint8Array.of(m.MessageType.suspect, 0x80), 1],
      ['a type nobody has', Uint8Array.of(99), 1],
      ['a nack', m.encodeNack({ seqNo: 1 }), 1],
      ['an ack', m.encodeAck({ seqNo: 1, payload: null }), 1],
      ['an error', m.encodeErrorReply({ error: 'x' }), 1],
      ['a compound', encodeCompound([whole]), 1],
    ];
    for (const [title, bytes, chunks] of cases) {
      await same(pair, async (subject) => [
        title,
        replyOf(await subject.peer.exchange(subject.ip, bytes, { raw: true, chunks }), subject),
      ]);
    }
  });

  it('an encrypted stream gets the error reply', async () => {
    const sealed = sealStream(ping(NAME)(5), envelope({ keyring: new Keyring([], KEY) }), seededRandom(1));
    const reply = await same(pair, async (subject) =>
      replyOf(await subject.peer.exchange(subject.ip, sealed, { raw: true }), subject),
    );
    expect(reply).toMatchObject({
      type: m.MessageType.error,
      body: { error: 'remote state is encrypted and encryption is not configured' },
    });
  });

  it('a push/pull of nothing brings the whole state, compressed', async () => {
    for (const join of [true, false]) {
      const state = await same(pair, async (subject) => {
        const request = m.encodePushPull({ join, nodes: [], userState: NOTHING });
        const { message, closed, bytes } = await subject.peer.exchange(subject.ip, request);
        const { userState, ...rest } = message?.body ?? {};
        const swim = neutral(rest, subject);
        return { closed, wrap: bytes[0], canonical: message?.canonical, swim, serf: serfState(userState) };
      });
      const { nodes } = state.swim as { nodes: unknown[] };
      expect(nodes).toEqual([
        {
          name: NAME,
          addr: 'TARGET',
          port: 7946,
          meta: 'ff80',
          incarnation: 1,
          state: 0,
          vsn: '010502020505',
        },
      ]);
      expect(state).toMatchObject({
        closed: true,
        wrap: m.MessageType.compress,
        canonical: true,
        swim: { join },
      });
    }
  });

  it('false claims about the node are refuted one above', async () => {
    const from = 'x';
    const claims: readonly (readonly [Uint8Array, number])[] = [
      [m.encodeSuspect({ node: NAME, incarnation: 7, from }), 8],
      [m.encodeSuspect({ node: NAME, incarnation: 7, from }), 8],
      [m.encodeSuspect({ node: NAME, incarnation: 8, from }), 9],
      [m.encodeDead({ node: NAME, incarnation: 12, from }), 13],
      [m.encodeDead({ node: NAME, incarnation: 20, from: NAME }), 21],
    ];
    for (const [claim, expected] of claims) {
      const now = await same(pair, async (subject) => {
        await tell(subject, claim);
        return incarnation(subject);
      });
      expect(now).toBe(expected);
    }
    const forged = await same(pair, async (subject) => {
      await tell(subject, alive(NAME, subject.ip, { incarnation: 21, meta: Buffer.from('forged') }));
      await tell(subject, alive(NAME, subject.ip, { incarnation: 30 }));
      await tell(subject, alive(NAME, subject.peer.ip, { incarnation: 90 }));
      return members(subject);
    });
    expect(forged).toMatchObject([{ name: NAME, incarnation: 31, meta: 'ff80', state: 0 }]);
  });

  it('the same claims leave the same members behind', async () => {
    const far = '127.96.250.9';
    const other = '127.96.250.10';
    const mapped = Uint8Array.from([...new Uint8Array(10), 255, 255, ...(ipBytes(far) ?? [])]);
    const entry = (name: string, state: number, incarnation: number): m.PushPullNode => ({
      name,
      addr: ipBytes(far) ?? NOTHING,
      port: 7946,
      meta: NOTHING,
      incarnation,
      state,
      vsn: VSN,
    });
    const left = await same(pair, async (subject) => {
      const steps: unknown[] = [];
      await tell(subject, alive('zero', far, { incarnation: 0 }));
      await tell(
        subject,
        alive('one', far, { incarnation: 4 }),
        alive('one', far, { incarnation: 4, meta: KEY }),
      );
      await tell(
        subject,
        alive('one', other, { incarnation: 9 }),
        alive('one', far, { incarnation: 9, addr: mapped }),
      );
      await tell(
        subject,
        alive('gone', far, { incarnation: 20 }),
        m.encodeDead({ node: 'gone', incarnation: 20, from: 'gone' }),
      );
      steps.push(await members(subject));
      await tell(subject, alive('gone', far, { incarnation: 20 }), alive('gone', other, { incarnation: 3 }));
      await tell(subject, alive('port', far, { port: 0 }));
      await tell(subject, alive('dead', far), m.encodeDead({ node: 'dead', incarnation: 1, from: 'x' }));
      await tell(subject, m.encodeDead({ node: 'dead', incarnation: 5, from: 'dead' }), alive('dead', far));
      await tell(subject, alive('dead', other, { incarnation: 9 }));
      steps.push(await members(subject));
      const nodes = [
        entry('one', 2, 4),
        entry('port', 3, 1),
        entry('new', 0, 2),
        entry('never', 2, 2),
        entry('odd', 7, 1),
      ];
      await subject.peer.exchange(subject.ip, m.encodePushPull({ join: false, nodes, userState: NOTHING }));
      await tell(subject);
      steps.push(await members(subject));
      return steps;
    });
    const summary = (step: unknown): string[] =>
      (step as m.PushPullNode[]).map((node) => `${node.name} ${node.incarnation} ${node.state}`);
    expect(summary(left[2])).toEqual([
      'dead 1 2',
      'gone 3 0',
      'new 2 0',
      'one 4 1',
      'port 1 3',
      `${NAME} 31 0`,
      'zero 0 2',
    ]);
  });

  it('an incompatible push/pull is answered and not merged', async () => {
    const strange = { name: 'strange', addr: ipBytes('127.96.250.11') ?? NOTHING, port: 7946, meta: NOTHING };
    const nodes = [{ ...strange, incarnation: 1, state: 0, vsn: Uint8Array.of(1, 5, 2, 6, 9, 7) }];
    const seen = await same(pair, async (subject) => {
      const { closed, message } = await subject.peer.exchange(
        subject.ip,
        m.encodePushPull({ join: true, nodes, userState: NOTHING }),
      );
      await tell(subject);
      const names = (await stateOf(subject)).nodes.map(({ name }) => name);
      return { closed, type: message?.type, known: names.includes('strange') };
    });
    expect(seen).toEqual({ closed: true, type: m.MessageType.pushPull, known: false });
  });

  it('a user message is taken from a datagram and from a stream', async () => {
    const event = (name: string, ltime: number): Uint8Array =>
      userEventCodec.encode({ ltime, name, payload: Buffer.from('p'), coalesce: false });
    const events = await same(pair, async (subject) => {
      await tell(subject, Uint8Array.of(m.MessageType.user, ...event('by-datagram', 100)));
      const { closed, bytes } = await subject.peer.exchange(
        subject.ip,
        m.encodeUserStream(event('by-stream', 101)),
      );
      await tell(subject, Uint8Array.of(m.MessageType.user));
      const state = serfState((await stateOf(subject)).userState) as { events: unknown; eventLTime: number };
      return { closed, answer: bytes.length, events: neutral(state.events, subject), time: state.eventLTime };
    });
    expect(JSON.stringify(events)).toMatch(/by-datagram.*by-stream/);
    expect(events).toMatchObject({ closed: true, answer: 0, time: 102 });
  });
});

describe.skipIf(SERF_BIN === undefined).each(BINARIES)(
  'a silent member beside %s',
  (_name, binary, first) => {
    it('is pinged, told of its suspicion, told of its death; and the node says when it leaves', async () => {
      const pair = await subjects(binary, first + 2);
      const story = await same(pair, async (subject) => {
        const { peer } = subject;
        const plain = (heard: Heard | undefined): unknown => {
          const { seqNo, ...body } = heard?.body ?? {};
          return { type: heard?.type, canonical: heard?.canonical, body: neutral(body, subject) };
        };
        peer.answers = true;
        await tell(subject, alive('raw', peer.ip));
        const ping = await peer.hear(({ type }) => type === m.MessageType.ping, 5000);
        const news = await peer.hear(
          ({ type, body }) => type === m.MessageType.alive && body.node === NAME,
          2000,
        );
        const gossip = {
          ...(plain(news) as object),
          wrap: news?.wrap === 7 || news?.wrap === 9 ? 'ack' : news?.wrap,
        };
        peer.answers = false;
        const silentSince = performance.now();
        const suspect = await peer.hear(
          ({ type, together }) => type === m.MessageType.suspect && together === 2,
          8000,
          silentSince,
        );
        const beside = peer.heard.filter(
          ({ at }) => at === suspect?.at || Math.abs(at - (suspect?.at ?? 0)) < 0.5,
        );
        const overStream = peer.streams.find(({ type }) => type === m.MessageType.ping);
        const dead = await peer.hear(
          ({ type, body }) => type === m.MessageType.dead && body.node === 'raw',
          15_000,
        );
        const gone = await members(subject);
        await tell(subject, alive('raw', peer.ip, { incarnation: 2 }));
        peer.answers = true;
        const back = await members(subject);
        void subject.leave();
        const left = await peer.hear(
          ({ type, body }) => type === m.MessageType.dead && body.node === NAME,
          8000,
        );
        const named = beside.map(({ type }) => type);
        const { seqNo, ...streamBody } = overStream?.body ?? {};
        return {
          ping: plain(ping),
          gossip: { ...gossip, wrap: undefined },
          suspect: { ...(plain(suspect) as object), wrap: suspect?.wrap, named },
          stream: { body: neutral(streamBody, subject), canonical: overStream?.canonical },
          dead: plain(dead),
          left: plain(left),
          gone,
          back,
        };
      });
      expect(story).toMatchObject({
        ping: {
          type: m.MessageType.ping,
          canonical: true,
          body: { node: 'raw', sourceNode: NAME, sourceAddr: 'TARGET' },
        },
        suspect: {
          type: m.MessageType.suspect,
          named: [m.MessageType.ping, m.MessageType.suspect],
          wrap: m.MessageType.crc,
        },
        stream: { canonical: true, body: { node: 'raw' } },
        dead: { body: { from: NAME, incarnation: 1 } },
        left: { body: { from: NAME } },
        gone: [{ name: 'raw', state: 2 }, {}],
        back: [{ name: 'raw', state: 0 }, {}],
      });
    });
  },
);

describe.skipIf(SERF_BIN === undefined).each(BINARIES)(
  'encrypted gossip beside %s',
  (_name, binary, first) => {
    it('is answered in version 1, whichever version asks; plaintext and strangers are not', async () => {
      const keyring = new Keyring([], KEY);
      const pair = await subjects(binary, first + 3, { keys: [KEY], peer: { keyring } });
      const sealing = (key: Uint8Array, protocolVersion: number): EnvelopeConfig =>
        envelope({ keyring: new Keyring([], key), protocolVersion });
      const random = seededRandom(Date.now() >>> 0);
      const packet = (config: EnvelopeConfig) => (seq: number) =>
        sealPacket(ping(NAME)(seq), config, { crc: false }, random);
      const expected: readonly (readonly [string, EnvelopeConfig, unknown])[] = [
        ['version 0', sealing(KEY, 1), { type: m.MessageType.ack }],
        ['version 1', sealing(KEY, 2), { type: m.MessageType.ack }],
        ['another key', sealing(OTHER_KEY, 2), 'silence'],
        ['plaintext', envelope(), 'silence'],
      ];
      for (const [title, config, answer] of expected) {
        const got = await same(pair, (subject) => ask(subject, packet(config), { raw: true }));
        expect([title, got]).toMatchObject([title, answer]);
      }
      const replies: unknown[] = [];
      for (const [title, config] of expected) {
        const bytes = sealStream(ping(NAME)(9), config, random);
        replies.push(
          await same(pair, async (subject) => {
            const reply = await subject.peer.exchange(subject.ip, bytes, { raw: true });
            return { title, start: [reply.bytes[0], reply.bytes[5]], ...(replyOf(reply, subject) as object) };
          }),
        );
      }
      const sealed = { start: [m.MessageType.encrypt, 1], closed: true };
      expect(replies).toMatchObject([
        { ...sealed, type: m.MessageType.ack, body: { seqNo: 9 } },
        { ...sealed, type: m.MessageType.ack, body: { seqNo: 9 } },
        {
          ...sealed,
          type: m.MessageType.error,
          body: { error: 'no installed keys could decrypt the message' },
        },
        {
          ...sealed,
          type: m.MessageType.error,
          body: { error: 'encryption is configured but remote state is not encrypted' },
        },
      ]);
      await same(pair, async (subject) => members(subject));
    });
  },
);

describe.skipIf(SERF_BIN === undefined).each(BINARIES)('IPv6 beside %s', (_name, binary, first) => {
  it.each(['we join them', 'they join us'])('%s, and both list both at ::1', async (direction) => {
    const group = first + (direction === 'we join them' ? 4 : 5);
    const port = 17_000 + 10 * group;
    const daemon = await startSerf({
      name: 'real',
      ip: `127.96.${group}.1`,
      args: [`-bind=[::1]:${port}`],
      binary,
    });
    closing.push(() => daemon.stop().then(() => undefined));
    const cluster = await Cluster.start({
      nodeName: 'ours',
      bind: { ip: '::1', port: port + 1 },
      profile: 'local',
    });
    closing.push(() => cluster.shutdown());
    if (direction === 'we join them') expect(await cluster.join([`[::1]:${port}`])).toBe(1);
    else expect((await daemon.cli(['join', `[::1]:${port + 1}`])).code).toBe(0);
    const theirs = await waitFor('both to list both', async () => {
      const seen = await daemon.members();
      return seen.get('ours')?.status === 'alive' && cluster.members().length === 2 && seen;
    });
    expect(theirs.get('ours')?.addr).toBe(`[::1]:${port + 1}`);
    expect(cluster.members().map(({ name, status }) => `${name} ${status}`)).toEqual([
      'ours alive',
      'real alive',
    ]);
    await new Promise((resolve) => setTimeout(resolve, 4000));
    expect((await daemon.members()).get('ours')?.status).toBe('alive');
    expect(cluster.counters().get('probe:succeeded')).toBeGreaterThan(0);
    expect(cluster.counters().get('probe:failed') ?? 0).toBe(0);
  });
});
