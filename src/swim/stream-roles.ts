import { hostPort } from '../base/address.ts';
import type { Counters } from '../base/counters.ts';
import { WireError } from '../base/errors.ts';
import type { Millis } from '../base/machine.ts';
import type { Random } from '../base/random.ts';
import type { Trace } from '../base/trace.ts';
import { type EnvelopeConfig, labelHeader, sealStream } from '../wire/envelope.ts';
import { explainTrouble, withCause } from './causes.ts';
import type { SwimConfig } from './config.ts';
import type { SwimDelegate, SwimOutcome } from './delegate.ts';
import type { ExchangeFailure } from './joins.ts';
import type { MemberTable } from './members.ts';
import {
  decodeAck,
  decodeErrorReply,
  decodePing,
  decodeUserStream,
  encodeAck,
  encodeErrorReply,
  encodePing,
  encodeUserStream,
  MessageType,
} from './messages.ts';
import { pingFor } from './pings.ts';
import { decodeState } from './state-codec.ts';
import type { StateExchange } from './state-exchange.ts';
import type { StreamHandle, StreamRole } from './streams.ts';

export interface RoleParts {
  readonly config: SwimConfig;
  readonly envelope: EnvelopeConfig;
  readonly exchange: StateExchange;
  readonly members: MemberTable;
  readonly delegate: SwimDelegate;
  readonly random: Random;
  readonly counters: Counters;
  readonly trace: Trace | undefined;
}

/** The accepting side: one request, at most one answer (memberlist.md 2.1–2.4). */
export function inboundRole(parts: RoleParts): StreamRole {
  const { config, envelope, exchange, delegate, members, random, counters, trace } = parts;
  const complain = (stream: StreamHandle, why: string): void => {
    trace?.note({
      level: 'ERR',
      source: 'memberlist',
      message: 'failed to receive',
      text: `failed to receive: ${why} from=${hostPort(stream.peer)}`,
      fields: { from: hostPort(stream.peer), why },
    });
  };
  const answer = (stream: StreamHandle, message: Uint8Array): void =>
    stream.write(sealStream(message, envelope, random));
  const pushPull = (now: Millis, stream: StreamHandle, body: Uint8Array): void => {
    counters.metrics?.sample('memberlist.size.remote', body.length);
    const remote = decodeState(body, config);
    answer(stream, exchange.localState(remote.join));
    stream.close();
    const problem = exchange.merge(now, remote, remote.join);
    if (problem !== undefined) complain(stream, `push/pull merge refused: ${problem}`);
    // A caller that knows only itself has told us nothing about the cluster.
    else if (remote.members.length > 1) {
      members.heard(now);
      counters.add('push-pull-completed');
    }
  };
  const ping = (now: Millis, stream: StreamHandle, body: Uint8Array): void => {
    const { node, seqNo } = decodePing(body);
    if (node !== '' && node !== config.name) {
      counters.add('drop:ping-for-another');
      complain(stream, `got ping for unexpected node ${node}`);
    } else {
      members.heard(now);
      answer(stream, encodeAck({ seqNo, payload: null }));
    }
  };
  return {
    message(now, stream, message) {
      const body = message.subarray(1);
      try {
        if (message[0] === MessageType.pushPull) pushPull(now, stream, body);
        else if (message[0] === MessageType.ping) ping(now, stream, body);
        else if (message[0] === MessageType.user) {
          const payload = decodeUserStream(body);
          if (payload.length > 0) delegate.receive(now, payload);
        } else throw new WireError('stream-type', `received invalid msgType (${message[0]})`);
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
        counters.add(`drop:${error.code}`);
        complain(stream, error.message);
      }
      stream.close();
    },
    broken(_now, stream, trouble) {
      if (trouble.error === undefined) return;
      complain(stream, trouble.error.message);
      if (trouble.answer === true) answer(stream, encodeErrorReply({ error: trouble.error.message }));
    },
  };
}

/** The dialling side of a push/pull; `done` is called once, when it is over. */
export function exchangeRole(
  parts: RoleParts,
  joining: boolean,
  done: (now: Millis, stream: StreamHandle, failure: ExchangeFailure | undefined) => void,
): StreamRole {
  const { config, envelope, exchange, random } = parts;
  return {
    opened(now, stream) {
      stream.expectBy(now + config.tcpTimeoutMs);
      if (envelope.label.length > 0) stream.write(labelHeader(envelope));
      stream.write(sealStream(exchange.localState(joining), envelope, random));
    },
    message(now, stream, message) {
      stream.close();
      const failure = readReply(now, parts, joining, message);
      done(now, stream, failure);
    },
    broken(now, stream, trouble) {
      done(now, stream, explainTrouble(stream.peer, trouble));
    },
  };
}

/** A ping over a stream: `contact` is called when the right node answered the right question. */
export function pingRole(parts: RoleParts, node: string, seq: number, contact: () => void): StreamRole {
  const { config, envelope, members, random, counters } = parts;
  return {
    opened(_now, stream) {
      if (envelope.label.length > 0) stream.write(labelHeader(envelope));
      stream.write(sealStream(encodePing(pingFor(config, node, seq)), envelope, random));
    },
    message(now, stream, message) {
      stream.close();
      try {
        if (message[0] === MessageType.ack && decodeAck(message.subarray(1)).seqNo === seq) {
          members.heard(now);
          contact();
        } else counters.add('drop:stream-ping-reply');
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
        counters.add(`drop:${error.code}`);
      }
    },
    broken() {},
  };
}

/** A user message over a stream; nothing answers it, so written is all that is known (memberlist.md 2.4). */
export function messageRole(
  parts: RoleParts,
  payload: Uint8Array,
  done: (now: Millis, outcome: SwimOutcome) => void,
): StreamRole {
  const { envelope, random } = parts;
  return {
    opened(now, stream) {
      if (envelope.label.length > 0) stream.write(labelHeader(envelope));
      stream.write(sealStream(encodeUserStream(payload), envelope, random));
      stream.close();
      done(now, { type: 'sent' });
    },
    message(now, stream) {
      stream.close();
      done(now, { type: 'sent' });
    },
    broken(now, stream, trouble) {
      done(now, { type: 'undelivered', ...explainTrouble(stream.peer, trouble) });
    },
  };
}

function readReply(
  now: Millis,
  { config, exchange, counters, members }: Pick<RoleParts, 'config' | 'exchange' | 'counters' | 'members'>,
  joining: boolean,
  message: Uint8Array,
): ExchangeFailure | undefined {
  const body = message.subarray(1);
  try {
    if (message[0] === MessageType.error) {
      return withCause({ code: 'remote-error', text: `remote error: ${decodeErrorReply(body).error}` });
    }
    if (message[0] !== MessageType.pushPull) {
      return {
        code: 'invalid-reply',
        text: `received invalid msgType (${message[0]}), expected pushPullMsg (6)`,
      };
    }
    counters.metrics?.sample('memberlist.size.remote', body.length);
    const remote = decodeState(body, config);
    const problem = exchange.merge(now, remote, joining);
    if (problem !== undefined) return withCause({ code: 'refused-state', text: problem });
    // Our own address may be among those to be joined: whoever answers there is nobody else.
    if (remote.members.some(({ facts }) => facts.name !== config.name)) {
      members.heard(now);
      counters.add('push-pull-completed');
    }
    return undefined;
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return { code: error.code, text: error.message };
  }
}
