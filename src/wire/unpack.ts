import { WireError } from '../base/errors.ts';
import { decodeCompound } from './compound.ts';
import { decompressMessage, MAX_PACKET_PLAINTEXT } from './compress.ts';
import { MessageType } from './message-type.ts';

/** Takes a datagram's message apart into plain messages (memberlist.md 1.5, 1.6, 1.10). */

/** Containers inside containers; peers nest a compound in a compress, nothing deeper. */
export const MAX_PACKET_NESTING = 3;

/** Who takes the messages, in order, and hears of each part that was dropped. `message` is borrowed. */
export interface PacketSink {
  message(message: Uint8Array): void;
  dropped(error: WireError): void;
}

/** True for a message that holds others, or is none at all; any other is what it is. */
export function isContainer(message: Uint8Array): boolean {
  const type = message[0];
  return type === MessageType.compound || type === MessageType.compress || type === undefined;
}

/**
 * Gives each message found in `message` to `sink`, type byte first, compounds and compression removed. A part that
 * cannot be read is dropped alone. All decompressed bytes together stay below MAX_PACKET_PLAINTEXT. Drop codes:
 * `message-empty`, `packet-nesting`, `compound-truncated`, `compress-…`.
 */
export function unpackMessage(message: Uint8Array, sink: PacketSink): void {
  unpackPart(message, 0, { left: MAX_PACKET_PLAINTEXT }, sink);
}

function unpackPart(message: Uint8Array, depth: number, budget: { left: number }, sink: PacketSink): void {
  const type = message[0];
  if (type !== MessageType.compound && type !== MessageType.compress) {
    if (type === undefined) sink.dropped(new WireError('message-empty', 'missing message type byte'));
    else sink.message(message);
    return;
  }
  if (depth === MAX_PACKET_NESTING) {
    sink.dropped(new WireError('packet-nesting', `more than ${MAX_PACKET_NESTING} containers nested`));
    return;
  }
  for (const part of openContainer(message, type, budget, sink)) unpackPart(part, depth + 1, budget, sink);
}

function openContainer(
  message: Uint8Array,
  type: typeof MessageType.compound | typeof MessageType.compress,
  budget: { left: number },
  sink: PacketSink,
): readonly Uint8Array[] {
  try {
    const body = message.subarray(1);
    if (type === MessageType.compress) {
      const inner = decompressMessage(body, budget.left);
      budget.left -= inner.length;
      return [inner];
    }
    const { parts, truncated } = decodeCompound(body);
    if (truncated > 0) {
      sink.dropped(
        new WireError('compound-truncated', `compound request had ${truncated} truncated messages`),
      );
    }
    return parts;
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    sink.dropped(error);
    return [];
  }
}
