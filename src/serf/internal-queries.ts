import { asBuffer, NO_BYTES, textOfBytes } from '../base/bytes.ts';
import { CodedError, messageOf, WireError } from '../base/errors.ts';
import type { Millis } from '../base/machine.ts';
import type { Trace, TraceLevel } from '../base/trace.ts';
import type { QueryEvent } from '../events/event.ts';
import type { Keyring } from '../wire/keyring.ts';
import type { SerfConfig } from './config.ts';
import { infoOf, type SerfMemberView } from './members.ts';
import {
  conflictCodec,
  type KeyResponseMessage,
  keyRequestCodec,
  keyResponseCodec,
  STATUS_NUMBERS,
} from './messages.ts';

/** Queries whose name starts so are answered here and never reach an application (serf.md 11). */
export const INTERNAL_PREFIX = '_serf_';

/** Names of the internal queries, prefix included. */
export const InternalQuery = {
  ping: '_serf_ping',
  conflict: '_serf_conflict',
  installKey: '_serf_install-key',
  useKey: '_serf_use-key',
  removeKey: '_serf_remove-key',
  listKeys: '_serf_list-keys',
} as const satisfies Readonly<Record<string, string>>;

/** Keys of 32 bytes that surely fit one listing. Serf 0.9.4 agents panic when theirs do not fit (serf.md 11.2). */
export const LISTABLE_KEYS = 17;

/** Bytes of an answer one listed key takes at least; bounds how many a listing may hold. */
const MIN_ENCODED_KEY_BYTES = 25;

export interface InternalQueryParts {
  readonly self: string;
  readonly config: Pick<SerfConfig, 'queryResponseSizeLimit' | 'persistKeyring'>;
  readonly members: SerfMemberView;
  readonly keyring: Keyring | undefined;
  readonly trace: Trace | undefined;
  /** Answers a query; throws a CodedError. */
  readonly respond: (now: Millis, id: number, payload: Uint8Array) => void;
  /** True when the answer would not be too big. */
  readonly fits: (id: number, payload: Uint8Array) => boolean;
}

/** One change of the keyring and the words Serf logs about it. */
interface KeyChange {
  readonly received: string;
  readonly failed: string;
  readonly apply: (keyring: Keyring, key: Uint8Array) => void;
}

const KEY_CHANGES: Readonly<Record<string, KeyChange>> = {
  [InternalQuery.installKey]: {
    received: 'Received install-key query',
    failed: 'Failed to install key',
    apply: (keyring, key) => keyring.add(key),
  },
  [InternalQuery.useKey]: {
    received: 'Received use-key query',
    failed: 'Failed to change primary key',
    apply: (keyring, key) => keyring.use(key),
  },
  [InternalQuery.removeKey]: {
    received: 'Received remove-key query',
    failed: 'Failed to remove key',
    apply: (keyring, key) => keyring.remove(key),
  },
};

const NO_KEYS: KeyResponseMessage = { result: false, message: '', keys: [], primaryKey: '' };

/** Answers the queries nodes ask each other on their own account (serf.md 11). */
export class InternalQueries {
  readonly #parts: InternalQueryParts;

  constructor(parts: InternalQueryParts) {
    this.#parts = parts;
  }

  handle(now: Millis, query: QueryEvent): void {
    switch (query.name) {
      case InternalQuery.ping:
        return;
      case InternalQuery.conflict:
        this.#conflict(now, query);
        return;
      case InternalQuery.listKeys:
        this.#listKeys(now, query);
        return;
    }
    const change = Object.hasOwn(KEY_CHANGES, query.name) ? KEY_CHANGES[query.name] : undefined;
    if (change === undefined) {
      const suffix = query.name.slice(INTERNAL_PREFIX.length);
      this.#log('WARN', 'Unhandled internal query', `Unhandled internal query '${suffix}'`);
      return;
    }
    const response = this.#changeKeys(query, change);
    this.#respond(now, query, keyResponseCodec.encode(response), 'key');
  }

  /** Says whom we know under a name; a node never votes about its own. */
  #conflict(now: Millis, query: QueryEvent): void {
    const name = textOfBytes(query.payload ?? NO_BYTES);
    if (name === this.#parts.self) return;
    this.#log('DEBUG', 'Got conflict resolution query', `Got conflict resolution query for '${name}'`);
    const member = this.#parts.members.get(name);
    const answer =
      member === undefined ? null : { ...infoOf(member), status: STATUS_NUMBERS.indexOf(member.status) };
    this.#respond(now, query, conflictCodec.encode(answer), 'conflict');
  }

  #changeKeys(query: QueryEvent, change: KeyChange): KeyResponseMessage {
    let key: Uint8Array;
    try {
      if (query.payload === null || query.payload.length === 0)
        return { ...NO_KEYS, message: 'key request is empty' };
      key = keyRequestCodec.decode(query.payload).key;
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      const message = 'Failed to decode key request';
      this.#log('ERR', message, `${message}: ${messageOf(error)}`);
      return NO_KEYS;
    }
    const { keyring, config } = this.#parts;
    if (keyring === undefined) {
      const message = 'No keyring to modify (encryption not enabled)';
      this.#log('ERR', message, message);
      return { ...NO_KEYS, message };
    }
    this.#log('INFO', change.received, change.received);
    try {
      change.apply(keyring, key);
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      this.#log('ERR', change.failed, `${change.failed}: ${error.message}`);
      return { ...NO_KEYS, message: error.message };
    }
    const fault = config.persistKeyring?.(keyring.list());
    if (fault === undefined) return { ...NO_KEYS, result: true, message: this.#sizeWarning(query, keyring) };
    this.#log('ERR', 'Failed to write keyring file', `Failed to write keyring file: ${fault}`);
    return { ...NO_KEYS, message: fault };
  }

  /** Asker and log hear of a ring that cannot be listed whole; the key is installed all the same. */
  #sizeWarning(query: QueryEvent, { size }: Keyring): string {
    if (query.name !== InternalQuery.installKey || size <= LISTABLE_KEYS) return '';
    const text = `keyring now holds ${size} keys; listing more than ${LISTABLE_KEYS} may end Serf 0.9.4 agents`;
    this.#log('WARN', 'keyring holds more keys than can be listed', text);
    return text;
  }

  #listKeys(now: Millis, query: QueryEvent): void {
    const { keyring } = this.#parts;
    if (keyring === undefined) {
      const message = 'Keyring is empty (encryption not enabled)';
      this.#log('ERR', message, message);
      this.#respond(now, query, keyResponseCodec.encode({ ...NO_KEYS, message }), 'key');
      return;
    }
    this.#log('INFO', 'Received list-keys query', 'Received list-keys query');
    const keys = keyring.list().map(base64);
    const primaryKey = keyring.primary === undefined ? '' : base64(keyring.primary);
    const listing = this.#fittingListing(query.id, { result: true, message: '', keys, primaryKey });
    if (listing === undefined) {
      const message = 'Failed to truncate response so that it fits into message';
      this.#log('ERR', message, message);
      return;
    }
    this.#respond(now, query, listing, 'key');
  }

  /** The listing with as many keys as the answer has room for, or undefined when not even none fit. */
  #fittingListing(id: number, whole: KeyResponseMessage): Uint8Array | undefined {
    const total = whole.keys.length;
    const atMost = Math.floor(this.#parts.config.queryResponseSizeLimit / MIN_ENCODED_KEY_BYTES);
    let encoded = keyResponseCodec.encode(whole);
    if (this.#parts.fits(id, encoded)) return encoded;
    for (let shown = Math.min(total, atMost); shown >= 0; shown -= 1) {
      const message = `truncated key list response, showing first ${shown} of ${total} keys`;
      encoded = keyResponseCodec.encode({ ...whole, message, keys: whole.keys.slice(0, shown) });
      if (!this.#parts.fits(id, encoded)) continue;
      this.#log('WARN', 'truncated key list response', message);
      return encoded;
    }
    return undefined;
  }

  #respond(now: Millis, query: QueryEvent, payload: Uint8Array, kind: 'key' | 'conflict'): void {
    try {
      this.#parts.respond(now, query.id, payload);
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      const message = `Failed to respond to ${kind} query`;
      this.#log('ERR', message, `${message}: ${error.message}`);
    }
  }

  #log(level: TraceLevel, message: string, text: string): void {
    this.#parts.trace?.note({ level, source: 'serf', message, text });
  }
}

function base64(key: Uint8Array): string {
  return asBuffer(key).toString('base64');
}
