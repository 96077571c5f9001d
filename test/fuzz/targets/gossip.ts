import { isDeepStrictEqual } from 'node:util';
import { Counters } from '../../../src/base/counters.ts';
import type { WireError } from '../../../src/base/errors.ts';
import * as serf from '../../../src/serf/messages.ts';
import { decodePingPayload, encodePingPayload } from '../../../src/serf/ping-payload.ts';
import { decodePushPull as decodeSerfState } from '../../../src/serf/push-pull.ts';
import { QueryFilter } from '../../../src/serf/query-filter.ts';
import { decodeTags, encodeTags } from '../../../src/serf/tags.ts';
import * as swim from '../../../src/swim/messages.ts';
import { decodeState } from '../../../src/swim/state-codec.ts';
import { openPacket } from '../../../src/wire/envelope.ts';
import { unpackMessage } from '../../../src/wire/unpack.ts';
import { envelope, loadVectors, unhex } from '../../vectors/load.ts';
import { hold, refusable, type Target } from '../target.ts';

/** The decoders of SWIM's and Serf's messages. What can be read must come out the same after being written and read again. */

const PACKETS = ['gossip-packets', 'captured-gossip', 'serf-messages'].flatMap((file) =>
  loadVectors(file).map((vector) => unhex(vector.hex)),
);

/** Every plain message in the captured packets. */
function plainMessages(): Uint8Array[] {
  const found: Uint8Array[] = [];
  const ignore = (_error: WireError): void => undefined;
  for (const packet of PACKETS) {
    refusable(() =>
      unpackMessage(openPacket(packet, envelope()), {
        message: (message) => void found.push(Uint8Array.from(message)),
        dropped: ignore,
      }),
    );
    found.push(packet);
  }
  return found;
}

const MESSAGES = plainMessages();
const ofType = (type: number): Uint8Array[] => MESSAGES.filter((message) => message[0] === type);
/** Serf's messages travel inside SWIM's user messages. */
const SERF_MESSAGES = [...MESSAGES, ...ofType(swim.MessageType.user).map((message) => message.subarray(1))];

/** Peers' 64-bit numbers beyond 2^53 are read as the nearest double and never sent on; nobody can write them. */
function isWritable(value: unknown): boolean {
  if (typeof value === 'number') return !Number.isInteger(value) || Number.isSafeInteger(value);
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return true;
  return [...(value instanceof Map ? value.values() : Object.values(value))].every(isWritable);
}

function again<T>(
  name: string,
  read: (bytes: Uint8Array) => T,
  write: (value: T) => Uint8Array,
  seeds: readonly Uint8Array[],
): Target {
  return {
    name,
    seeds: () => seeds,
    run: (input) => {
      const value = refusable(() => read(input));
      if (value === undefined || !isWritable(value)) return;
      hold(isDeepStrictEqual(read(write(value)), value), `${name} reads what it writes`);
    },
  };
}

/** A SWIM message: its decoder takes the body after the type byte, which its encoder writes. */
function swimTarget<T>(
  name: string,
  type: number,
  read: (body: Uint8Array) => T,
  write: (value: T) => Uint8Array,
): Target {
  const seeds = ofType(type).map((message) => message.subarray(1));
  return again(name, read, (value) => write(value).subarray(1), seeds);
}

function serfTarget<T>(name: string, type: number, codec: serf.MessageCodec<T>): Target {
  const seeds = SERF_MESSAGES.filter((message) => message[0] === type);
  return again(
    name,
    (bytes) => codec.decode(bytes),
    (value) => codec.encode(value),
    seeds,
  );
}

const { MessageType } = swim;
const { SerfType } = serf;

export const GOSSIP_TARGETS: readonly Target[] = [
  swimTarget('swim-ping', MessageType.ping, swim.decodePing, swim.encodePing),
  swimTarget(
    'swim-indirect-ping',
    MessageType.indirectPing,
    swim.decodeIndirectPing,
    swim.encodeIndirectPing,
  ),
  swimTarget('swim-ack', MessageType.ack, swim.decodeAck, swim.encodeAck),
  swimTarget('swim-nack', MessageType.nack, swim.decodeNack, swim.encodeNack),
  swimTarget('swim-error', MessageType.error, swim.decodeErrorReply, swim.encodeErrorReply),
  swimTarget('swim-suspect', MessageType.suspect, swim.decodeSuspect, swim.encodeSuspect),
  swimTarget('swim-dead', MessageType.dead, swim.decodeDead, swim.encodeDead),
  swimTarget('swim-alive', MessageType.alive, swim.decodeAlive, swim.encodeAlive),
  swimTarget('swim-push-pull', MessageType.pushPull, swim.decodePushPull, swim.encodePushPull),
  swimTarget('swim-user-stream', MessageType.user, swim.decodeUserStream, swim.encodeUserStream),
  {
    name: 'swim-state',
    seeds: () =>
      loadVectors('tcp-streams').flatMap(({ client, server }) => [
        unhex(client).subarray(1),
        unhex(server).subarray(1),
      ]),
    run: (input) => {
      const config = { bindPort: 7946, protocolVersion: 2 };
      const quick = refusable(() => decodeState(input, config));
      const plain = refusable(() => swim.decodePushPull(input));
      hold((quick === undefined) === (plain === undefined), 'both decoders of a state refuse the same');
      hold(quick?.members.length === plain?.nodes.length, 'both decoders of a state find as many members');
    },
  },
  serfTarget('serf-leave', SerfType.leave, serf.leaveCodec),
  serfTarget('serf-join', SerfType.join, serf.joinCodec),
  serfTarget('serf-push-pull', SerfType.pushPull, serf.pushPullCodec),
  serfTarget('serf-user-event', SerfType.userEvent, serf.userEventCodec),
  serfTarget('serf-query', SerfType.query, serf.queryCodec),
  serfTarget('serf-query-response', SerfType.queryResponse, serf.queryResponseCodec),
  serfTarget('serf-conflict', SerfType.conflictResponse, serf.conflictCodec),
  serfTarget('serf-key-request', SerfType.keyRequest, serf.keyRequestCodec),
  serfTarget('serf-key-response', SerfType.keyResponse, serf.keyResponseCodec),
  again(
    'serf-relay',
    (bytes) => {
      const { header, inner } = serf.decodeRelay(bytes);
      return { header, inner: Buffer.from(inner).toString('hex') };
    },
    ({ header, inner }) => serf.encodeRelay(header, unhex(inner)),
    SERF_MESSAGES.filter((message) => message[0] === SerfType.relay),
  ),
  {
    name: 'serf-remote-state',
    seeds: () => SERF_MESSAGES.filter((message) => message[0] === SerfType.pushPull),
    run: (input) => {
      let refusals = 0;
      const state = decodeSerfState(input, () => {
        refusals += 1;
      });
      hold((state === undefined) === (refusals === 1), 'a refused state is told once');
    },
  },
  {
    name: 'serf-query-filter',
    seeds: () => ['00a161', '0091a161', '0182a3546167a4726f6c65a445787072a3776562'].map(unhex),
    run: (input) => {
      const counters = new Counters();
      const filter = new QueryFilter('a', counters, undefined);
      const tags = new Map([['role', 'web']]);
      const once = filter.matches([input], tags);
      hold(filter.matches([input], tags) === once, 'a filter answers the same twice');
    },
  },
  {
    name: 'serf-tags',
    seeds: () => [encodeTags(new Map([['role', 'web']]), 5), Uint8Array.of(0x77, 0x65, 0x62)],
    run: (input) => {
      const tags = decodeTags(input, () => undefined);
      hold(tags instanceof Map, 'tags are a map');
    },
  },
  {
    name: 'serf-coordinate',
    seeds: () => [
      encodePingPayload({ vec: [0, 1, 2, 3, 4, 5, 6, 7], error: 1.5, adjustment: 0, height: 1e-5 }),
    ],
    run: (input) => void refusable(() => decodePingPayload(input)),
  },
];
