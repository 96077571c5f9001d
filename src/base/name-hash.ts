/** Hashes of names (FNV-1a with a finish of MurmurHash3's, both public domain), for tables that hold many. */

const FNV_PRIME = 0x0100_0193;

/** A 32-bit hash of a name's UTF-16 units. A random `seed` keeps peers from choosing names that collide. */
export function hashName(name: string, seed: number): number {
  let hash = seed;
  for (let i = 0; i < name.length; i += 1) hash = Math.imul(hash ^ name.charCodeAt(i), FNV_PRIME);
  return finished(hash);
}

/** The hash of the name that these bytes are, if they are ASCII; of other bytes some number. */
export function hashNameBytes(bytes: Uint8Array, from: number, to: number, seed: number): number {
  let hash = seed;
  for (let i = from; i < to; i += 1) hash = Math.imul(hash ^ (bytes[i] as number), FNV_PRIME);
  return finished(hash);
}

/** True when the bytes are this name, in ASCII. A name with other characters equals no bytes. */
export function isAsciiName(name: string, bytes: Uint8Array, from: number, to: number): boolean {
  const length = to - from;
  if (name.length !== length) return false;
  for (let i = 0; i < length; i += 1) {
    const unit = name.charCodeAt(i);
    if (unit !== bytes[from + i] || unit >= 0x80) return false;
  }
  return true;
}

function finished(hash: number): number {
  const mixed = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b);
  return mixed ^ (mixed >>> 13);
}
