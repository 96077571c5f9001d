import { bytesOfText, textOfBytes } from '../base/bytes.ts';
import { CodedError, messageOf } from '../base/errors.ts';
import { encode, mapOf, text } from '../wire/msgpack.ts';
import { Reader } from '../wire/msgpack-reader.ts';
import { TAGS_SIZE_LIMIT } from './config.ts';

/** First byte of metadata that holds a map of tags. */
const TAGS_MAGIC = 0xff;
/** Older protocols gossip the value of the tag `role` and nothing else. */
const FIRST_PROTOCOL_WITH_TAGS = 3;

const tagMap = mapOf(text);

/** Tags as SWIM metadata (serf.md 4.2). Throws a CodedError with Serf's text above 512 bytes. */
export function encodeTags(tags: ReadonlyMap<string, string>, protocolVersion: number): Uint8Array {
  const meta =
    protocolVersion < FIRST_PROTOCOL_WITH_TAGS
      ? bytesOfText(tags.get('role') ?? '')
      : encode(tagMap, tags, TAGS_MAGIC);
  if (meta.length > TAGS_SIZE_LIMIT) {
    throw new CodedError('ERR_TAGS_SIZE', `Encoded length of tags exceeds limit of ${TAGS_SIZE_LIMIT} bytes`);
  }
  return meta;
}

/** What metadata says, and why not all of it could be read. */
interface Reading {
  readonly tags: ReadonlyMap<string, string>;
  readonly fault: string | undefined;
}

/** Metadata is never changed in place, so what was read of it once holds; members of a process share both. */
const readings = new WeakMap<Uint8Array, Reading>();

/**
 * Tags from a peer's metadata; without the magic byte the whole of it is the role. `failed` is told why a map could
 * not be read; such a member has the tags before the damage.
 */
export function decodeTags(meta: Uint8Array, failed?: (why: string) => void): ReadonlyMap<string, string> {
  let reading = readings.get(meta);
  if (reading === undefined) {
    reading = readTags(meta);
    readings.set(meta, reading);
  }
  if (reading.fault !== undefined) failed?.(reading.fault);
  return reading.tags;
}

function readTags(meta: Uint8Array): Reading {
  if (meta[0] !== TAGS_MAGIC) return { tags: new Map([['role', textOfBytes(meta)]]), fault: undefined };
  const tags = new Map<string, string>();
  try {
    const reader = new Reader(meta, 1);
    for (let left = reader.mapLength(); left > 0; left -= 1) {
      const key = reader.text();
      tags.set(key, reader.text());
    }
  } catch (error) {
    return { tags, fault: messageOf(error) };
  }
  return { tags, fault: undefined };
}
