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

/**
 * Tags from a peer's metadata; without the magic byte the whole of it is the role. `failed` is told why a map could
 * not be read; such a member has the tags before the damage.
 */
export function decodeTags(meta: Uint8Array, failed: (why: string) => void): ReadonlyMap<string, string> {
  if (meta[0] !== TAGS_MAGIC) return new Map([['role', textOfBytes(meta)]]);
  const tags = new Map<string, string>();
  try {
    const reader = new Reader(meta, 1);
    for (let left = reader.mapLength(); left > 0; left -= 1) {
      const key = reader.text();
      tags.set(key, reader.text());
    }
  } catch (error) {
    failed(messageOf(error));
  }
  return tags;
}
