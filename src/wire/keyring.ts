import { copyBytes, equalBytes } from '../base/bytes.ts';
import { CodedError } from '../base/errors.ts';

/** Key lengths in bytes: AES-128, AES-192, AES-256. */
export const KEY_SIZES: readonly number[] = [16, 24, 32];

/** Throws CodedError `ERR_KEY_SIZE` unless `key` has the length of an AES key. */
export function validateKey(key: Uint8Array): void {
  if (KEY_SIZES.includes(key.length)) return;
  throw new CodedError('ERR_KEY_SIZE', 'key size must be 16, 24 or 32 bytes');
}

/**
 * The keys of a cluster (memberlist.md 7). The first is primary: it alone encrypts, every key decrypts. Changes take
 * effect at once for everything sent and received later; an empty ring means encryption is off.
 */
export class Keyring {
  #keys: readonly Uint8Array[] = [];

  /**
   * @param primary becomes the first key, also when `keys` does not hold it
   * @throws CodedError `ERR_KEY_PRIMARY_MISSING` for keys without a primary one, `ERR_KEY_SIZE`
   */
  constructor(keys: readonly Uint8Array[] = [], primary?: Uint8Array) {
    if (primary === undefined || primary.length === 0) {
      if (keys.length > 0) {
        throw new CodedError('ERR_KEY_PRIMARY_MISSING', 'empty primary key not allowed');
      }
      return;
    }
    this.add(primary);
    for (const key of keys) this.add(key);
  }

  /** How many keys are installed. */
  get size(): number {
    return this.#keys.length;
  }

  /** The key that encrypts; undefined while the ring is empty. */
  get primary(): Uint8Array | undefined {
    return this.#keys[0];
  }

  /** All keys, the primary first; a snapshot that later changes do not touch. */
  list(): readonly Uint8Array[] {
    return this.#keys;
  }

  /** Installs a key behind the others; does nothing when it is there. Throws CodedError `ERR_KEY_SIZE`. */
  add(key: Uint8Array): void {
    validateKey(key);
    if (this.#indexOf(key) < 0) this.#keys = [...this.#keys, copyBytes(key)];
  }

  /** Makes an installed key the primary one. Throws CodedError `ERR_KEY_UNKNOWN`. */
  use(key: Uint8Array): void {
    const index = this.#indexOf(key);
    const chosen = this.#keys[index];
    if (chosen === undefined) {
      throw new CodedError('ERR_KEY_UNKNOWN', 'requested key is not in the keyring');
    }
    this.#keys = [chosen, ...this.#keys.filter((_, i) => i !== index)];
  }

  /** Removes a key; an absent one is no error. Throws CodedError `ERR_KEY_PRIMARY`, `ERR_KEYRING_EMPTY`. */
  remove(key: Uint8Array): void {
    if (this.#keys.length === 0) throw new CodedError('ERR_KEYRING_EMPTY', 'keyring is empty');
    const index = this.#indexOf(key);
    if (index === 0) throw new CodedError('ERR_KEY_PRIMARY', 'removing the primary key is not allowed');
    this.#keys = this.#keys.filter((_, i) => i !== index);
  }

  #indexOf(key: Uint8Array): number {
    return this.#keys.findIndex((installed) => equalBytes(installed, key));
  }
}
