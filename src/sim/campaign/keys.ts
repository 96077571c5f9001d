import { encodeBase64 } from '../../base/base64.ts';
import { seededRandom } from '../../base/random.ts';

/** The `n`-th key of a scenario: 16 bytes for AES-128. */
export function keyOf(seed: number, n: number): { readonly bytes: Uint8Array; readonly base64: string } {
  const bytes = seededRandom(seed, `key ${n}`).bytes(16);
  return { bytes, base64: encodeBase64(bytes) };
}
