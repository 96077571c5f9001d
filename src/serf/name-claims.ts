import type { Load } from '../base/load.ts';
import type { Address, Millis } from '../base/machine.ts';

/** Claims remembered; the one heard first gives way. */
export const CLAIMS_LIMIT = 128;
/** How long a claim counts that is not repeated: longer than any profile's push/pull interval. */
export const CLAIM_AGE_MS = 5 * 60_000;

interface Claim {
  readonly address: Address;
  readonly at: Millis;
}

/** Where else the names of other members were last claimed from: two nodes of one name, or one that has moved. */
export class NameClaims {
  /** The one heard of longest ago first. */
  readonly #claims = new Map<string, Claim>();

  get load(): Load {
    return { what: 'claimed names', size: this.#claims.size, limit: CLAIMS_LIMIT };
  }

  add(now: Millis, name: string, address: Address): void {
    this.#claims.delete(name);
    this.#claims.set(name, { address, at: now });
    const oldest = this.#claims.keys().next();
    if (this.#claims.size > CLAIMS_LIMIT && oldest.done !== true) this.#claims.delete(oldest.value);
  }

  /** True when there was such a claim. */
  forget(name: string): boolean {
    return this.#claims.delete(name);
  }

  /** Every claim that still counts: name and address. */
  all(now: Millis): [string, Address][] {
    for (const [name, { at }] of this.#claims) if (now - at > CLAIM_AGE_MS) this.#claims.delete(name);
    return [...this.#claims].map(([name, { address }]) => [name, address]);
  }
}
