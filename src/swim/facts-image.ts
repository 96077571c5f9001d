import { hashNameBytes } from '../base/name-hash.ts';
import { bytesEmptyAsNil } from '../wire/msgpack.ts';
import { Writer } from '../wire/msgpack-writer.ts';
import type { MemberFacts } from './delegate.ts';

/**
 * How a push/pull writes a member (memberlist.md 2.2), its two changing values left out: the incarnation, which comes
 * after the first part, and the state, which comes after the second. Go sorts the keys of a map, and so do we.
 */
export interface FactsImage {
  readonly bytes: Uint8Array;
  readonly afterIncarnation: number;
  readonly afterState: number;
}

/** What stands before each value; the head of the map with the first. */
const LITERALS = {
  addr: Buffer.from('\x87\xa4Addr', 'latin1'),
  incarnation: Buffer.from('\xabIncarnation', 'latin1'),
  meta: Buffer.from('\xa4Meta', 'latin1'),
  name: Buffer.from('\xa4Name', 'latin1'),
  port: Buffer.from('\xa4Port', 'latin1'),
  state: Buffer.from('\xa5State', 'latin1'),
  vsn: Buffer.from('\xa3Vsn', 'latin1'),
} as const;

const imager = new Writer();

/** Makes the image of a member. */
export function imageOf(facts: MemberFacts): FactsImage {
  imager.reset();
  imager.raw(LITERALS.addr);
  imager.bytes(facts.addr);
  imager.raw(LITERALS.incarnation);
  const afterIncarnation = imager.length;
  imager.raw(LITERALS.meta);
  bytesEmptyAsNil.write(imager, facts.meta);
  imager.raw(LITERALS.name);
  imager.text(facts.name);
  imager.raw(LITERALS.port);
  imager.integer(facts.port);
  imager.raw(LITERALS.state);
  const afterState = imager.length;
  imager.raw(LITERALS.vsn);
  imager.bytes(facts.vsn);
  return { bytes: imager.result(), afterIncarnation, afterState };
}

/** Nothing seen yet. */
export function newSighting(): Sighting {
  return { hash: 0, nameAt: 0, nameEnd: 0, incarnation: 0, incarnationAt: 0, restAt: 0 };
}

/** Where the changing parts of a member in a message may be, if it is written as an image is. */
export interface Sighting {
  /** The hash of the name, as `hashName` with seed 0, and where the name is. */
  hash: number;
  nameAt: number;
  nameEnd: number;
  incarnation: number;
  /** Where the incarnation begins, and where what follows it does. */
  incarnationAt: number;
  restAt: number;
}

const NIL = 0xc0;

/**
 * Looks at a member in a message, a push/pull or the body of an alive message, by lengths alone, and takes its name's hash: whether the bytes between them are what
 * they should be is for the caller to find out. False when lengths or the incarnation have forms that no image has.
 */
export function sight(bytes: Uint8Array, at: number, seen: Sighting): boolean {
  const addrHead = bytes[at + LITERALS.addr.length] as number;
  if ((addrHead & 0xe0) !== 0xa0) return false;
  const incarnationAt = at + LITERALS.addr.length + 1 + (addrHead & 0x1f) + LITERALS.incarnation.length;
  const head = bytes[incarnationAt] as number;
  const size = head < 0x80 ? 0 : head >= 0xcc && head <= 0xce ? 1 << (head - 0xcc) : -1;
  if (size < 0) return false;
  let incarnation = size === 0 ? head : 0;
  for (let i = 1; i <= size; i += 1) incarnation = 256 * incarnation + (bytes[incarnationAt + i] as number);
  const restAt = incarnationAt + 1 + size;
  const metaEnd = endOfRaw(bytes, restAt + LITERALS.meta.length);
  if (metaEnd < 0) return false;
  const nameHeadAt = metaEnd + LITERALS.name.length;
  const nameEnd = endOfRaw(bytes, nameHeadAt);
  if (nameEnd < 0 || nameEnd > bytes.length) return false;
  const nameAt = nameHeadAt + (bytes[nameHeadAt] === 0xda ? 3 : 1);
  seen.hash = hashNameBytes(bytes, nameAt, nameEnd, 0);
  seen.nameAt = nameAt;
  seen.nameEnd = nameEnd;
  seen.incarnation = incarnation;
  seen.incarnationAt = incarnationAt;
  seen.restAt = restAt;
  return true;
}

/** Where text or bytes of the forms an image has end, nil among them; -1 for others. */
function endOfRaw(bytes: Uint8Array, at: number): number {
  const head = bytes[at] as number;
  if ((head & 0xe0) === 0xa0) return at + 1 + (head & 0x1f);
  if (head === NIL) return at + 1;
  if (head !== 0xda) return -1;
  return at + 3 + (((bytes[at + 1] as number) << 8) | (bytes[at + 2] as number));
}
