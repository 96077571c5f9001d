import { randomFillSync } from 'node:crypto';
import type { Millis } from '../base/machine.ts';
import type { Random } from '../base/random.ts';

/** The clock and the chance of this host. */

/** Reads a monotonic clock. */
export type Clock = () => Millis;

/** Monotonic milliseconds since the process started; never steps when the wall clock is set. */
export const systemClock: Clock = () => performance.now();

/** Bytes drawn from the operating system at once: a nonce costs 12 of them, a system call each would dominate. */
const POOL_BYTES = 4096;

/**
 * Chance from the operating system. `bytes` is cryptographic because nonces depend on it, and throws when the system
 * gives none (a send without a fresh nonce must not happen, memberlist.md 8 #18); picks of members need only speed.
 */
export function systemRandom(): Random {
  const pool = Buffer.allocUnsafeSlow(POOL_BYTES);
  let used = POOL_BYTES;
  return {
    float: () => Math.random(),
    below: (bound) => Math.floor(Math.random() * bound),
    bytes: (length) => {
      const out = new Uint8Array(length);
      if (length > POOL_BYTES) return randomFillSync(out);
      if (used + length > POOL_BYTES) {
        randomFillSync(pool);
        used = 0;
      }
      out.set(pool.subarray(used, used + length));
      pool.fill(0, used, used + length);
      used += length;
      return out;
    },
  };
}
