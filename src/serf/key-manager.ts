import { decodeBase64, encodeBase64 } from '../base/base64.ts';
import { NO_BYTES } from '../base/bytes.ts';
import { CodedError } from '../base/errors.ts';
import type { Load } from '../base/load.ts';
import type { Millis, OperationId } from '../base/machine.ts';
import type { Trace } from '../base/trace.ts';
import type { Keyring } from '../wire/keyring.ts';
import type { Asking, RunningQuery } from './asking.ts';
import type { SerfEffects } from './effects.ts';
import { InternalQuery, LISTABLE_KEYS } from './internal-queries.ts';
import { lockedOutBy, lockOutText } from './key-guard.ts';
import { type KeyReport, KeyTally, unasked } from './key-report.ts';
import type { SerfMemberView } from './members.ts';
import { keyRequestCodec } from './messages.ts';
import { plainQuery } from './query-params.ts';

/** Key operations that may wait at once; each lasts as long as a query, so more would wait for minutes. */
export const WAITING_KEY_OPERATIONS = 64;

/** A change of every member's keyring, or the question what is in them. */
export interface KeyRequest {
  readonly action: 'install' | 'use' | 'remove' | 'list';
  /** Base64; not looked at for a listing. */
  readonly key?: string;
  /** Removes a key also when that may lock members out. */
  readonly force?: boolean;
  /** Random members that forward a copy of each answer, 0..255. */
  readonly relayFactor?: number;
}

export interface KeyManagerParts {
  readonly asking: Pick<Asking, 'ask' | 'over'>;
  readonly keyring: Keyring | undefined;
  readonly members: Pick<SerfMemberView, 'values'>;
  /** Members SWIM holds for live, ourselves and suspects included. */
  readonly liveCount: () => number;
  readonly trace: Trace | undefined;
  readonly settle: SerfEffects['settle'];
}

type Action = KeyRequest['action'];

interface Job {
  readonly operation: OperationId;
  readonly action: Action;
  readonly key: Uint8Array;
  readonly force: boolean;
  readonly relayFactor: number;
}

const QUERIES = {
  install: InternalQuery.installKey,
  use: InternalQuery.useKey,
  remove: InternalQuery.removeKey,
  list: InternalQuery.listKeys,
} as const satisfies Record<Action, string>;

/**
 * Changes the keyrings of the whole cluster by query and reports what each member said (serf.md 12). A change runs
 * alone, listings may run together, and everything else waits its turn. A removal first makes sure by a listing that
 * nobody is locked out.
 */
export class KeyManager {
  readonly #parts: KeyManagerParts;
  readonly #running = new Set<Job>();
  readonly #waiting: Job[] = [];

  constructor(parts: KeyManagerParts) {
    this.#parts = parts;
  }

  /**
   * Starts an operation; settles as `keys`, also when it failed. Throws CodedError `ERR_KEYS_BUSY` when too many
   * operations wait.
   */
  start(now: Millis, operation: OperationId, request: KeyRequest): void {
    const { action, force = false, relayFactor = 0 } = request;
    let key: Uint8Array = NO_BYTES;
    try {
      if (action !== 'list') key = decodeBase64(request.key ?? '');
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      this.#parts.settle(operation, { type: 'keys', report: unasked(error.message) });
      return;
    }
    if (this.#waiting.length >= WAITING_KEY_OPERATIONS) {
      throw new CodedError('ERR_KEYS_BUSY', `${WAITING_KEY_OPERATIONS} key operations are waiting already`);
    }
    this.#waiting.push({ operation, action, key, force, relayFactor });
    this.#startDue(now);
  }

  get load(): Load {
    return { what: 'waiting key operations', size: this.#waiting.length, limit: WAITING_KEY_OPERATIONS };
  }

  /** Ends every operation: the node stops. */
  abort(): void {
    const jobs = [...this.#running, ...this.#waiting];
    this.#running.clear();
    this.#waiting.length = 0;
    for (const { operation } of jobs) this.#parts.settle(operation, { type: 'aborted' });
  }

  #startDue(now: Millis): void {
    for (let job = this.#waiting[0]; job !== undefined && this.#mayRun(job); job = this.#waiting[0]) {
      this.#waiting.shift();
      this.#running.add(job);
      this.#run(now, job);
    }
  }

  #mayRun(job: Job): boolean {
    return job.action === 'list' ? [...this.#running].every(isListing) : this.#running.size === 0;
  }

  #run(now: Millis, job: Job): void {
    const primary = this.#parts.keyring?.primary;
    if (job.action !== 'remove' || job.force || primary === undefined) {
      this.#ask(now, job, job.action, (at, report) => this.#finish(at, job, report));
      return;
    }
    this.#removeGuarded(now, job, encodeBase64(primary));
  }

  /** Without keys of our own there is no primary one to confirm, so only a keyring guards removals. */
  #removeGuarded(now: Millis, job: Job, primary: string): void {
    const held = this.#parts.keyring?.size ?? 0;
    if (held > LISTABLE_KEYS) {
      const text =
        `key not removed: the keyring holds ${held} keys, and listing more than ${LISTABLE_KEYS} to see who has ` +
        'confirmed the primary key may end Serf 0.9.4 agents; override with -force';
      this.#finish(now, job, unasked(text));
      return;
    }
    this.#ask(now, job, 'list', (at, listing, answers) => {
      const removed = encodeBase64(job.key);
      const members = this.#parts.members.values();
      const faults = lockedOutBy({ removed, primary, members, listings: answers });
      if (faults.size === 0) {
        this.#ask(at, job, 'remove', (end, report) => this.#finish(end, job, report));
        return;
      }
      const { numNodes, numResp } = listing;
      const refusal = { ...unasked(lockOutText(faults)), numNodes, numResp };
      this.#finish(at, job, { ...refusal, numErr: faults.size, messages: faults });
    });
  }

  /** Asks every member; ends at the deadline or as soon as all have answered. */
  #ask(
    now: Millis,
    job: Job,
    action: Action,
    done: (now: Millis, report: KeyReport, answers: KeyTally['answers']) => void,
  ): void {
    const { asking, liveCount, trace } = this.#parts;
    const tally = new KeyTally(trace);
    const key = action === 'list' ? NO_BYTES : job.key;
    const params = {
      ...plainQuery(QUERIES[action], keyRequestCodec.encode({ key })),
      relayFactor: job.relayFactor,
    };
    let query: RunningQuery | undefined;
    let numNodes = 0;
    try {
      query = asking.ask(now, params, (at, answer) => {
        if (answer !== undefined) {
          tally.accept(answer.from, answer.payload);
          if (query !== undefined && tally.numResp === numNodes) asking.over(at, query.ltime);
        } else if (this.#running.has(job)) {
          done(at, tally.report(numNodes), tally.answers);
        }
      });
      numNodes = liveCount();
    } catch (error) {
      if (!(error instanceof CodedError)) throw error;
      this.#finish(now, job, unasked(error.message));
    }
  }

  #finish(now: Millis, job: Job, report: KeyReport): void {
    this.#running.delete(job);
    this.#parts.settle(job.operation, { type: 'keys', report });
    this.#startDue(now);
  }
}

function isListing(job: Job): boolean {
  return job.action === 'list';
}
