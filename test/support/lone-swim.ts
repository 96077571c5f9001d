import { ipBytes } from '../../src/base/address.ts';
import type { Address, Millis, OperationId, StreamId } from '../../src/base/machine.ts';
import { seededRandom } from '../../src/base/random.ts';
import type { SwimConfig } from '../../src/swim/config.ts';
import type { MemberFacts, SwimNotice, SwimOutcome } from '../../src/swim/delegate.ts';
import { type Alive, encodeAlive, MessageType } from '../../src/swim/messages.ts';
import { Swim } from '../../src/swim/swim.ts';
import { decodeCompound } from '../../src/wire/compound.ts';
import { openPacket } from '../../src/wire/envelope.ts';
import { unpackMessage } from '../../src/wire/unpack.ts';
import { envelope } from '../vectors/load.ts';
import { keepable, swimConfig } from './swim-node.ts';

/** Versions every Serf agent announces. */
export const VSN = Uint8Array.of(1, 5, 2, 2, 5, 5);
/** Where the machine under test lives. */
export const HERE: Address = { ip: '10.0.0.1', port: 7946 };
/** A peer that is nobody in particular. */
export const THERE: Address = { ip: '10.0.0.99', port: 999 };

/** A stream as the machine treated it. */
export interface LoneStream {
  readonly id: StreamId;
  readonly to: Address | undefined;
  readonly written: Uint8Array[];
  closed: boolean;
}

/** One gossip machine stepped by hand: whatever it does to the world is written down, nothing answers by itself. */
export interface LoneSwim {
  readonly swim: Swim;
  readonly sent: { readonly to: Address; readonly bytes: Uint8Array }[];
  readonly streams: Map<StreamId, LoneStream>;
  readonly notices: SwimNotice[];
  readonly received: string[];
  readonly outcomes: Map<OperationId, SwimOutcome>;
  readonly outbox: Uint8Array[];
  meta: Uint8Array;
  localState: Uint8Array;
  admit: (members: readonly MemberFacts[], merging: boolean) => string | undefined;
  now: Millis;
  /** Lets time pass, firing every deadline on the way. */
  pass(ms: Millis): void;
  /** A datagram from THERE. */
  hear(bytes: Uint8Array, from?: Address): void;
  /** Tells it of members b, c, … at 10.0.0.2, 10.0.0.3, …. */
  meet(...names: readonly string[]): void;
  /** A stream somebody opened, with these bytes in one piece. */
  accept(bytes: Uint8Array, from?: Address): LoneStream;
  /** Messages sent since the last call, with where to. Compounds, checksums and compression are opened. */
  said(): { readonly to: Address; readonly message: Uint8Array }[];
  story(name: string): string[];
}

/** Every probe, gossip and push/pull off: only what the test does happens. */
export const STILL = {
  probeIntervalMs: 0,
  gossipIntervalMs: 0,
  pushPullIntervalMs: 0,
  enableCompression: false,
} as const satisfies Partial<SwimConfig>;

/** An alive message; what `options` leaves out is usual. */
export function aliveOf(node: string, host: number, options: Partial<Alive> = {}): Uint8Array {
  const addr = ipBytes(`10.0.0.${host}`) ?? new Uint8Array(0);
  return encodeAlive({
    node,
    incarnation: 1,
    addr,
    port: 7946,
    meta: new Uint8Array(0),
    vsn: VSN,
    ...options,
  });
}

/** The messages in a datagram of a node without keys or label. */
export function messagesOf(bytes: Uint8Array): Uint8Array[] {
  const found: Uint8Array[] = [];
  unpackMessage(openPacket(bytes, envelope()), {
    message: (message) => void found.push(Uint8Array.from(message)),
    dropped: (error) => {
      throw error;
    },
  });
  return found;
}

/** True for a datagram that holds a compound of several messages. */
export function partsOf(bytes: Uint8Array): number {
  return bytes[0] === MessageType.compound ? decodeCompound(bytes.subarray(1)).parts.length : 1;
}

/** A started machine named a at HERE. */
export function loneSwim(options: Partial<SwimConfig> = {}, seed = 1): LoneSwim {
  const sent: LoneSwim['sent'] = [];
  const streams = new Map<StreamId, LoneStream>();
  let nextStream = 1;
  let told = 0;
  const addStream = (to: Address | undefined): LoneStream => {
    const stream: LoneStream = { id: nextStream, to, written: [], closed: false };
    nextStream += 1;
    streams.set(stream.id, stream);
    return stream;
  };
  const lone: LoneSwim = {
    swim: undefined as unknown as Swim,
    sent,
    streams,
    notices: [],
    received: [],
    outcomes: new Map(),
    outbox: [],
    meta: new Uint8Array(0),
    localState: new Uint8Array(0),
    admit: () => undefined,
    now: 0,
    pass(ms) {
      // The layer above may have filled its outbox.
      lone.swim.attend(lone.now);
      const until = lone.now + ms;
      for (let at = lone.swim.nextDeadline(); at <= until; at = lone.swim.nextDeadline()) {
        lone.now = Math.max(lone.now, at);
        lone.swim.tick(lone.now);
      }
      lone.now = until;
    },
    hear: (bytes, from = THERE) => lone.swim.datagram(lone.now, from, bytes),
    meet: (...names) =>
      names.forEach((name, i) => {
        lone.hear(aliveOf(name, i + 2));
      }),
    accept(bytes, from = THERE) {
      const stream = addStream(undefined);
      lone.swim.stream(lone.now, stream.id, { type: 'accepted', from });
      lone.swim.stream(lone.now, stream.id, { type: 'data', bytes });
      return stream;
    },
    said() {
      const fresh = sent.slice(told);
      told = sent.length;
      return fresh.flatMap(({ to, bytes }) => messagesOf(bytes).map((message) => ({ to, message })));
    },
    story: (name) =>
      lone.notices.flatMap((n) =>
        'member' in n && n.type !== 'rtt' && n.member.facts.name === name ? [n.type] : [],
      ),
  };
  const swim = new Swim({
    config: swimConfig('a', HERE, options),
    random: seededRandom(seed),
    effects: {
      sendDatagram: (to, bytes) => void sent.push({ to, bytes }),
      openStream: (to) => addStream(to).id,
      writeStream: (id, bytes) => void streams.get(id)?.written.push(bytes),
      closeStream: (id) => {
        const stream = streams.get(id);
        if (stream !== undefined) stream.closed = true;
      },
    },
    delegate: {
      meta: () => lone.meta,
      receive: (_now, payload) => void lone.received.push(Buffer.from(payload).toString()),
      hasBroadcasts: () => lone.outbox.length > 0,
      contribute(packer) {
        while (lone.outbox.length > 0 && (lone.outbox[0]?.length ?? 0) <= packer.freeForUser) {
          packer.addUser(lone.outbox.shift() ?? new Uint8Array(0));
        }
      },
      localState: () => lone.localState,
      mergeRemoteState: (_now, state) => void lone.received.push(`state ${Buffer.from(state).toString()}`),
      ackPayload: () => Buffer.from('payload of a'),
      admit: (members, merging) => lone.admit(members, merging),
      notice: (_now, notice) => void lone.notices.push(keepable(notice)),
      settled: (_now, operation, outcome) => void lone.outcomes.set(operation, outcome),
    },
  });
  (lone as { swim: Swim }).swim = swim;
  swim.start(0);
  return lone;
}
