import { readFileSync } from 'node:fs';
import { type Random, seededRandom } from '../../src/base/random.ts';
import type { EnvelopeConfig } from '../../src/wire/envelope.ts';
import { Keyring } from '../../src/wire/keyring.ts';

/** One entry of a vector file: captured or library-made bytes with what they mean. */
export interface Vector {
  readonly name: string;
  readonly description: string;
  readonly origin: string;
  readonly hex: string;
  /** tcp-streams.json has both directions instead of `hex`. */
  readonly client: string;
  readonly server: string;
  readonly params: Readonly<Record<string, unknown>>;
  // biome-ignore lint/suspicious/noExplicitAny: free JSON, checked by what each test expects of it
  readonly decoded: any;
}

/** The entries of test/vectors/data/`name`.json. */
export function loadVectors(name: string): readonly Vector[] {
  return JSON.parse(readFileSync(new URL(`./data/${name}.json`, import.meta.url), 'utf8'));
}

/** Bytes of hex text, in a plain Uint8Array. */
export function unhex(hex: string): Uint8Array {
  return Uint8Array.from(Buffer.from(hex, 'hex'));
}

/** Hex text of bytes. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** A vector's JSON with `{"$hex"}` as bytes and `{"$bigint"}` as bigint. */
export function revive(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(revive);
  if (typeof value !== 'object' || value === null) return value;
  if ('$hex' in value) return unhex(String(value.$hex));
  if ('$bigint' in value) return BigInt(String(value.$bigint));
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, revive(inner)]));
}

/** Randomness whose next bytes are `nonce`. */
export function fixedNonce(nonce: Uint8Array): Random {
  return { ...seededRandom(1), bytes: () => nonce };
}

/** A plain envelope, changed by `changes`. */
export function envelope(changes: Partial<EnvelopeConfig> = {}): EnvelopeConfig {
  return {
    label: new Uint8Array(0),
    skipInboundLabelCheck: false,
    keyring: undefined,
    verifyIncoming: true,
    verifyOutgoing: true,
    compression: false,
    protocolVersion: 2,
    ...changes,
  };
}

/** A ring of hex keys, the first one primary. */
export function ring(...keys: readonly string[]): Keyring {
  return new Keyring(keys.map(unhex), keys[0] === undefined ? undefined : unhex(keys[0]));
}
