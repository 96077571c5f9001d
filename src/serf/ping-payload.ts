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

/** Dimensions of every coordinate there is; others are read and written by the general codec. */
const DIMENSIONS = 8;

/** The payload of such a coordinate: only its numbers vary, eight bytes each at places that do not. */
const template = encode(
  coordinate,
  { vec: new Array<number>(DIMENSIONS).fill(0), error: 0, adjustment: 0, height: 0 },
  PING_VERSION,
);
const work = new Uint8Array(template);
const workView = new DataView(work.buffer);
const NUMBER_BYTES = 8;
/** Where the numbers begin, each behind the byte that says what it is. */
const AT = {
  adjustment: 2 + '\xaaAdjustment\xcb'.length,
  error: 22 + '\xa5Error\xcb'.length,
  height: 37 + '\xa6Height\xcb'.length,
  vec: 53 + '\xa3Vec\x98\xcb'.length,
} as const;
const numberAt = (i: number): number => AT.vec + i * (NUMBER_BYTES + 1);

/** Everything but the numbers, as places in the payload. */
const fixed = template.reduce<number[]>((places, _byte, at) => {
  const starts = [
    AT.adjustment,
    AT.error,
    AT.height,
    ...Array.from({ length: DIMENSIONS }, (_, i) => numberAt(i)),
  ];
  if (!starts.some((start) => at >= start && at < start + NUMBER_BYTES)) places.push(at);
  return places;
}, []);

/** What an ack of ours carries; borrowed until the next call of a function here. */
export function encodePingPayload(own: Coordinate): Uint8Array {
  if (own.vec.length !== DIMENSIONS) return encode(coordinate, own, PING_VERSION);
  workView.setFloat64(AT.adjustment, own.adjustment);
  workView.setFloat64(AT.error, own.error);
  workView.setFloat64(AT.height, own.height);
  for (let i = 0; i < DIMENSIONS; i += 1) workView.setFloat64(numberAt(i), own.vec[i] as number);
  return work;
}

/**
 * The coordinate in a payload that is not empty; of any dimension, its numbers perhaps not finite. Throws WireError:
 * `ping-version` for another layout, and the codec's own.
 */
export function decodePingPayload(payload: Uint8Array): Coordinate {
  if (isUsual(payload)) {
    work.set(payload);
    const vec: number[] = [];
    for (let i = 0; i < DIMENSIONS; i += 1) vec.push(workView.getFloat64(numberAt(i)));
    return {
      vec,
      error: workView.getFloat64(AT.error),
      adjustment: workView.getFloat64(AT.adjustment),
      height: workView.getFloat64(AT.height),
    };
  }
  const version = payload[0];
  if (version !== PING_VERSION) {
    throw new WireError('ping-version', `Unsupported ping version: ${version}`);
  }
  return decode(coordinate, payload, 1);
}

/** True for a coordinate of eight dimensions as Go writes it. */
function isUsual(payload: Uint8Array): boolean {
  if (payload.length !== template.length) return false;
  for (let i = 0; i < fixed.length; i += 1) {
    const at = fixed[i] as number;
    if (payload[at] !== template[at]) return false;
  }
  return true;
}
