import { hostPort, ipText } from '../base/address.ts';
import { assert } from '../base/assert.ts';
import { CodedError } from '../base/errors.ts';
import type { Address } from '../base/machine.ts';
import { shuffle } from '../base/random.ts';
import type { Coordinate } from '../coordinates/coordinate.ts';
import type { ClusterEvent, MemberInfo } from '../events/event.ts';
import { parseEventFilter } from '../events/filter.ts';
import type { SubscribeOptions } from '../events/subscription.ts';
import type { QueryTally } from '../serf/awaited.ts';
import type { Company } from '../serf/company.ts';
import type { KeyRequest } from '../serf/key-manager.ts';
import type { KeyReport } from '../serf/key-report.ts';
import type { SerfState } from '../serf/parts.ts';
import type { QueryParams } from '../serf/query-params.ts';
import type { PreviousNode } from '../serf/snapshot.ts';
import type { QueryReply } from './answers.ts';
import * as argument from './arguments.ts';
import type { ClusterOptions } from './cluster-options.ts';
import { joinError, nameTaken } from './join-error.ts';
import { SerfNode } from './node.ts';
import { checkOptions } from './option-checks.ts';
import { resolveJoinEntries } from './resolve.ts';
import { systemRandom } from './system.ts';

/** Events held for a reader of `events()` before the oldest go. */
const EVENT_CAPACITY = 1_024;

/** Addresses contacted at once by `reach`; the others have their turn another time. */
const REACH_AT_ONCE = 64;

export interface JoinOptions {
  /** Also deliver user events from before; default false. */
  readonly replay?: boolean;
  /** Told, in a sentence, what may yet part this node from those that answered. */
  readonly onWarning?: (text: string) => void;
}

/** What came of looking for members that should be there. */
export interface ReachReport {
  /** Addresses where no live member is, and entries that have no address. */
  readonly missing: readonly string[];
  /** How many of them were reached now. */
  readonly contacted: number;
}

export interface EventsOptions {
  /** Ends the iteration. */
  readonly signal?: AbortSignal | undefined;
  /** A filter such as `member-join,user:deploy`; absent means all. */
  readonly filter?: string | undefined;
}

/** The replies to a query as they come, and in the end who gave them. */
export interface QueryReplies extends AsyncIterableIterator<QueryReply> {
  /** Undefined while the query runs, and for ever when the node broke meanwhile. */
  readonly tally: QueryTally | undefined;
}

/** What a query asks; everything but the name has a default. */
export type ClusterQuery = Pick<QueryParams, 'name'> & Partial<QueryParams>;

/**
 * One node of a Serf cluster. Methods throw, or reject with, a CodedError in Serf's words; after a broken invariant
 * every command is ERR_BROKEN. Ends with `shutdown`, with `await using`, or with the signal it was started with.
 */
export class Cluster {
  readonly #node: SerfNode;

  /**
   * Binds and announces this node. Rejects with ERR_BIND when the address cannot be had, and with other codes for
   * settings that cannot work; nothing is left open then.
   */
  static async start(options: ClusterOptions): Promise<Cluster> {
    checkOptions(options);
    const node = new SerfNode(options);
    await node.start();
    return new Cluster(node);
  }

  private constructor(node: SerfNode) {
    this.#node = node;
  }

  /** Where this node listens. */
  get bindAddress(): Address {
    return this.#node.bindAddress;
  }

  /** Where this node is in its life. */
  get state(): SerfState {
    return this.#node.isClosing ? 'shutdown' : this.#node.serf.state;
  }

  /** Aborted when this node ends, however it ends. */
  get signal(): AbortSignal {
    return this.#node.signal;
  }

  /** Milliseconds a query runs that names no timeout. */
  get defaultQueryTimeoutMs(): number {
    return this.#node.serf.defaultQueryTimeoutMs;
  }

  /**
   * Contacts each address (`[name/]host[:port]`), one after another and one join at a time; resolves to how many
   * answered. Rejects with ERR_JOIN_FAILED when none did. With `replay`, older user events are delivered too.
   * `onWarning` is called before that when another member uses this node's name.
   */
  async join(addresses: readonly string[], options: JoinOptions = {}): Promise<number> {
    if (this.state !== 'alive') {
      throw new CodedError('ERR_NOT_ALIVE', "Serf can't Join after Leave or Shutdown");
    }
    const named = argument.texts('addresses', addresses);
    const { signal, bindAddress, lookup } = this.#node;
    const entries = await resolveJoinEntries(named, { defaultPort: bindAddress.port, signal, lookup });
    const targets = entries.flatMap((entry) => (typeof entry === 'string' ? [] : entry));
    if (targets.length === 0) {
      if (entries.length === 0) return 0;
      throw joinError(entries, []);
    }
    const ignoreOld = options.replay !== true;
    const outcome = await this.#node.operate((now, serf, operation) =>
      serf.join(now, operation, targets, { ignoreOld }),
    );
    assert(outcome.type === 'joined', 'a join settles as joined');
    if (outcome.contacted > 0) {
      if (outcome.rival !== undefined) options.onWarning?.(nameTaken(this.localMember().name, outcome.rival));
      return outcome.contacted;
    }
    throw joinError(entries, outcome.failures);
  }

  /**
   * Contacts those of the addresses (as of `join`) where no live member is, all at once, quietly: nobody else's join
   * waits, and whatever fails is only counted. Meant to be called again and again.
   */
  async reach(addresses: readonly string[]): Promise<ReachReport> {
    const { signal, bindAddress, serf, lookup } = this.#node;
    const entries = await resolveJoinEntries(addresses, { defaultPort: bindAddress.port, signal, lookup });
    const live = serf.members().filter(({ status }) => status === 'alive');
    const places = new Set(live.map(({ addr, port }) => hostPort({ ip: ipText(addr) ?? '', port })));
    const absent = entries
      .flatMap((entry) => (typeof entry === 'string' ? [] : entry))
      .filter(({ address }) => !places.has(hostPort(address)));
    const missing = [
      ...absent.map(({ label }) => label),
      ...entries.filter((entry) => typeof entry === 'string'),
    ];
    shuffle(absent, systemRandom());
    const targets = absent.slice(0, REACH_AT_ONCE);
    if (targets.length === 0) return { missing, contacted: 0 };
    const outcome = await this.#node.operate((now, machine, operation) =>
      machine.reach(now, operation, targets),
    );
    assert(outcome.type === 'joined', 'reaching settles as joined');
    return { missing, contacted: outcome.contacted };
  }

  /** Leaves in good order, which takes a second and more; the node answers on until `shutdown`. */
  async leave(): Promise<void> {
    await this.#node.operate((now, serf, operation) => serf.leave(now, operation));
  }

  /** Declares that a failed member has left; with `prune` it is forgotten at once. */
  async forceLeave(name: string, options: { readonly prune?: boolean } = {}): Promise<void> {
    const prune = options.prune === true;
    const member = argument.text('name', name);
    const outcome = await this.#node.operate((now, serf, id) => serf.forceLeave(now, id, member, prune));
    if (outcome.type === 'timeout') {
      throw new CodedError('ERR_BROADCAST_TIMEOUT', 'timed out broadcasting node removal');
    }
  }

  /** Replaces this node's tags; resolves when the others have been told. */
  async setTags(map: ReadonlyMap<string, string>): Promise<void> {
    const tags = argument.tags('tags', map);
    const outcome = await this.#node.operate((now, serf, operation) => serf.setTags(now, operation, tags));
    if (outcome.type === 'timeout') {
      throw new CodedError('ERR_BROADCAST_TIMEOUT', 'timeout waiting for update broadcast');
    }
  }

  /** Broadcasts a user event, which this node sees first. With `coalesce`, receivers may merge it with later ones. */
  userEvent(
    name: string,
    payload: Uint8Array | null = null,
    options: { readonly coalesce?: boolean } = {},
  ): void {
    argument.text('name', name);
    if (payload !== null) argument.bytes('payload', payload);
    this.#node.run((now, serf) => serf.userEvent(now, name, payload, options.coalesce === true));
  }

  /**
   * Asks every member, or those the filters choose, this node included. The replies end at the deadline, earlier if
   * `until` says so, or when the node stops; then `tally` says who answered. Throws at once when it cannot start.
   */
  query(query: ClusterQuery): QueryReplies {
    return this.#node.query(argument.query(query));
  }

  /**
   * Installs, uses, removes or lists keys on every member. Resolves also when members refused or did not answer: the
   * report's `error` says so. Rejects with ERR_KEYS_BUSY when too many such operations wait.
   */
  async keys(asked: KeyRequest): Promise<KeyReport> {
    const request = argument.keyRequest(asked);
    const outcome = await this.#node.operate((now, serf, operation) => serf.keys(now, operation, request));
    assert(outcome.type === 'keys', 'a key operation settles as keys');
    return outcome.report;
  }

  /** Answers a query event by its id, once and before its deadline. */
  respond(queryId: number, payload: Uint8Array): void {
    this.#node.run((now, serf) => serf.respond(now, queryId, argument.bytes('payload', payload)));
  }

  /** Every known member, failed and left ones included, sorted by name. */
  members(): readonly MemberInfo[] {
    return this.#node.serf.members();
  }

  /** What can be told of the others before any is called failed; times are of the process's monotonic clock. */
  company(): Company {
    return this.#node.serf.company();
  }

  /** Members this node knew once, those last known alive first; empty without a snapshot. Worth trying when alone. */
  remembered(): readonly PreviousNode[] {
    return this.#node.remembered;
  }

  localMember(): MemberInfo {
    return this.#node.serf.localMember();
  }

  /**
   * Where a node is in round-trip space, by default this one; undefined before its first answer to a ping of ours.
   * Throws ERR_COORDINATES_DISABLED.
   */
  coordinate(node: string = this.localMember().name): Coordinate | undefined {
    return this.#node.serf.coordinate(node);
  }

  /** Serf's statistics (serf.md 18). */
  stats(): ReadonlyMap<string, string> {
    return this.#node.serf.stats();
  }

  /** Counts since the start: messages, and everything dropped, by reason. */
  counters(): ReadonlyMap<string, number> {
    const { published, dropped } = this.#node.bus.stats;
    return new Map([
      ...this.#node.serf.counters,
      ...this.#node.hostCounters,
      ['events-published', published],
      ['drop:event-subscriber', dropped],
    ]);
  }

  /**
   * Events from this call on, with a buffer of the reader's own choice. Called before the turn in which `start`
   * resolved is over, it also brings this node's own member-join.
   */
  subscribe(options: SubscribeOptions): AsyncIterableIterator<ClusterEvent> {
    return this.#node.bus.subscribe(options);
  }

  /** Events from this call on; a reader that falls far behind loses the oldest. Throws ERR_EVENT_FILTER. */
  events(options: EventsOptions = {}): AsyncIterableIterator<ClusterEvent> {
    const text = argument.text('filter', options.filter ?? '');
    const filter = parseEventFilter(text);
    if ('invalid' in filter) {
      throw new CodedError(
        'ERR_EVENT_FILTER',
        `Invalid event filter: "${filter.invalid}" in "${text}"; write member-join, user:NAME, query:NAME or *`,
      );
    }
    return this.subscribe({
      capacity: EVENT_CAPACITY,
      overflow: 'drop-oldest',
      signal: options.signal,
      filter,
    });
  }

  /**
   * Stops at once, without a leave; any number of times. Resolves when every socket is closed. Events end after those
   * already out, queries end, operations under way reject with ERR_SHUTDOWN.
   */
  shutdown(): Promise<void> {
    return this.#node.shutdown();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.shutdown();
  }
}
