import { WireError } from '../base/errors.ts';
import type { Coordinate } from '../coordinates/coordinate.ts';
import { arrayOf, decode, encode, f64, struct } from '../wire/msgpack.ts';

/** The first byte of an ack's payload: the one layout there has ever been (serf.md 17.2). */
const PING_VERSION = 1;

const coordinate = struct<Coordinate>({
  vec: ['Vec', arrayOf(f64)],
  error: ['Error', f64],
  adjustment: ['Adjustment', f64],
  height: ['Height', f64],
});

/** What an ack of ours carries. */
export function encodePingPayload(own: Coordinate): Uint8Array {
  return encode(coordinate, own, PING_VERSION);
}

/**
 * The coordinate in a payload that is not empty; of any dimension, its numbers perhaps not finite. Throws WireError:
 * `ping-version` for another layout, and the codec's own.
 */
export function decodePingPayload(payload: Uint8Array): Coordinate {
  const version = payload[0];
  if (version !== PING_VERSION) {
    throw new WireError('ping-version', `Unsupported ping version: ${version}`);
  }
  return decode(coordinate, payload, 1);
}
