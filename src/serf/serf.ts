import { unreachable } from '../base/assert.ts';
import { Counters } from '../base/counters.ts';
import { Deadlines } from '../base/deadlines.ts';
import { CodedError } from '../base/errors.ts';
import type {
  Address,
  DatagramFailure,
  Machine,
  Millis,
  OperationId,
  StreamId,
  StreamInput,
} from '../base/machine.ts';
import type { Trace } from '../base/trace.ts';
import type { Coordinate } from '../coordinates/coordinate.ts';
import type { MemberInfo } from '../events/event.ts';
import type { JoinTarget, SwimMember } from '../swim/delegate.ts';
import { Swim } from '../swim/swim.ts';
import { type Company, companyOf } from './company.ts';
import { checkSerfConfig, PROTOCOL_MAX, PROTOCOL_MIN, type SerfConfig, SWIM_PROTOCOL } from './config.ts';
import type { SerfDeadline } from './deadline.ts';
import type { SerfEffects } from './effects.ts';
import { fire } from './fire.ts';
import type { KeyRequest } from './key-manager.ts';
import { infoOf, memberInfo, sortedInfos } from './members.ts';
import type { SerfOptions } from './options.ts';
import { buildParts, type SerfParts, type SerfState } from './parts.ts';
import type { QueryParams } from './query-params.ts';
import { serfLoads, serfStats } from './stats.ts';
import type { SwimPort } from './swim-port.ts';
import { encodeTags } from './tags.ts';

/**
 * A Serf node as a synchronous machine: SWIM below, and above it members with tags, intents, user events and queries.
 * This facade routes inputs and deadlines to the parts; the rules are theirs.
 */
export class Serf implements Machine {
  readonly #config: SerfConfig;
  readonly #effects: SerfEffects;
  readonly #trace: Trace | undefined;
  readonly #deadlines = new Deadlines<SerfDeadline>();
  readonly #counters: Counters;
  readonly #swim: SwimPort;
  readonly #parts: SerfParts;
  #tags: ReadonlyMap<string, string>;
  #state: SerfState = 'alive';

  /** Performs no effect. Throws a CodedError with Serf's text when the configuration cannot work. */
  constructor(options: SerfOptions) {
    const { config, random, effects, trace } = options;
    checkSerfConfig(config);
    encodeTags(config.tags, config.protocolVersion);
    this.#counters = new Counters(options.metrics);
    this.#config = config;
    this.#effects = effects;
    this.#trace = trace;
    this.#tags = config.tags;
    const createSwim = options.createSwim ?? ((swimOptions) => new Swim(swimOptions));
    const built = buildParts({
      config,
      random,
      effects,
      trace,
      deadlines: this.#deadlines,
      counters: this.#counters,
      swim: () => this.#swim,
      tags: () => this.#tags,
      state: () => this.#state,
      left: () => {
        if (this.#state === 'leaving') this.#state = 'left';
      },
      evict: (now, reason) => {
        if (this.#state === 'shutdown') return;
        this.shutdown(now);
        effects.evict(reason);
      },
    });
    this.#parts = built;
    this.#swim = createSwim({
      ...options,
      config: {
        ...config.swim,
        protocolVersion: SWIM_PROTOCOL,
        delegateVersion: [PROTOCOL_MIN, PROTOCOL_MAX, config.protocolVersion],
      },
      delegate: built.delegate,
    });
  }

  /** Where this node is in its life. */
  get state(): SerfState {
    return this.#state;
  }

  /** Drops by reason and Serf's own counts, of both layers. */
  get counters(): ReadonlyMap<string, number> {
    return new Map([...this.#swim.counters, ...this.#counters.values]);
  }

  /** Milliseconds a query runs that leaves its timeout to us. */
  get defaultQueryTimeoutMs(): number {
    return this.#parts.asking.defaultTimeoutMs();
  }

  /** Announces ourselves and starts every schedule. */
  start(now: Millis): void {
    this.#parts.upkeep.start(now);
    this.#parts.recorder.start(now);
    this.#swim.start(now);
    this.#parts.rejoin.start(now);
    this.#fireDue(now);
  }

  /**
   * Takes members as known and alive since before it started: nobody is told of them, neither peers nor the application.
   * Worlds too big to form begin so.
   */
  preload(now: Millis, members: readonly SwimMember[]): void {
    this.#swim.preload(now, members);
    this.#parts.table.load(members.map(({ facts }) => facts));
  }

  datagram(now: Millis, from: Address, bytes: Uint8Array): void {
    this.#swim.datagram(now, from, bytes);
    this.#fireDue(now);
  }

  stream(now: Millis, id: StreamId, input: StreamInput): void {
    this.#swim.stream(now, id, input);
    this.#fireDue(now);
  }

  undeliverable(now: Millis, to: Address, why: DatagramFailure): void {
    this.#swim.undeliverable(now, to, why);
    this.#fireDue(now);
  }

  /** The host woke us `lateMs` after our deadline; a slow node distrusts itself. */
  lagged(now: Millis, lateMs: Millis): void {
    this.#swim.lagged(now, lateMs);
  }

  tick(now: Millis): void {
    this.#swim.tick(now);
    this.#fireDue(now);
    if (this.#state !== 'shutdown') this.#parts.pipeline.tick(now);
  }

  nextDeadline(): Millis {
    if (this.#state === 'shutdown') return Number.POSITIVE_INFINITY;
    return Math.min(this.#swim.nextDeadline(), this.#deadlines.next(), this.#parts.pipeline.nextDeadline());
  }

  /** Joins through any of the targets; settles as `joined`. One join runs at a time, others wait. */
  join(
    now: Millis,
    operation: OperationId,
    targets: readonly JoinTarget[],
    options: { readonly ignoreOld: boolean },
  ): void {
    if (this.#state !== 'alive') {
      throw new CodedError('ERR_NOT_ALIVE', "Serf can't Join after Leave or Shutdown");
    }
    this.#parts.joins.start(now, operation, targets, options.ignoreOld);
    this.#fireDue(now);
  }

  /** Contacts members that should be there: all at once, with no join intent; settles as `joined` or `aborted`. */
  reach(now: Millis, operation: OperationId, targets: readonly JoinTarget[]): void {
    this.#parts.reaching.start(now, operation, targets);
    this.#fireDue(now);
  }

  /** Leaves the cluster in good order; settles as `done`, also when some broadcast was not sent in time. */
  leave(now: Millis, operation: OperationId): void {
    switch (this.#state) {
      case 'left':
        this.#effects.settle(operation, { type: 'done' });
        return;
      case 'leaving':
        throw new CodedError('ERR_LEAVING', 'Leave already in progress');
      case 'shutdown':
        throw new CodedError('ERR_SHUTDOWN', 'Leave called after Shutdown');
      case 'alive':
        this.#state = 'leaving';
        this.#parts.recorder.leave();
        this.#parts.leaving.leave(now, operation);
        this.#fireDue(now);
        return;
      default:
        unreachable(this.#state);
    }
  }

  /** Declares that a member has left; settles as `done`, or `timeout` if the broadcast was not sent in time. */
  forceLeave(now: Millis, operation: OperationId, name: string, prune: boolean): void {
    this.#refuseAfterShutdown();
    this.#parts.leaving.remove(now, operation, name, prune);
    this.#fireDue(now);
  }

  /** Replaces our tags; settles as `done` or `timeout`. Throws when they are too big, and keeps the old ones. */
  setTags(now: Millis, operation: OperationId, tags: ReadonlyMap<string, string>): void {
    this.#refuseAfterShutdown();
    encodeTags(tags, this.#config.protocolVersion);
    this.#tags = new Map(tags);
    const id = this.#parts.operations.begin((_at, outcome) => {
      if (this.#state === 'shutdown') this.#effects.settle(operation, { type: 'aborted' });
      else this.#effects.settle(operation, { type: outcome.type === 'timeout' ? 'timeout' : 'done' });
    });
    this.#swim.update(now, id, this.#config.broadcastTimeoutMs);
    this.#fireDue(now);
  }

  /** Broadcasts a user event, delivering it here first. Throws a CodedError with Serf's text when it is too big. */
  userEvent(now: Millis, name: string, payload: Uint8Array | null, coalesce: boolean): void {
    this.#refuseAfterShutdown();
    this.#parts.userEvents.send(now, name, payload, coalesce);
    this.#swim.attend(now);
  }

  /** Asks the cluster; what comes back goes to `effects.answer`, `undefined` last. Throws a CodedError with Serf's text. */
  query(now: Millis, operation: OperationId, params: QueryParams): void {
    this.#refuseAfterShutdown();
    this.#parts.asking.ask(now, params, (_at, ...said) => this.#effects.answer(operation, ...said));
    this.#swim.attend(now);
  }

  /** Changes or lists the keys of every member; settles as `keys`. Throws when too many such operations wait. */
  keys(now: Millis, operation: OperationId, request: KeyRequest): void {
    this.#refuseAfterShutdown();
    this.#parts.keyManager.start(now, operation, request);
    this.#swim.attend(now);
  }

  /** Answers a query event by its id. Throws a CodedError with Serf's text. */
  respond(now: Millis, queryId: number, payload: Uint8Array): void {
    this.#refuseAfterShutdown();
    this.#parts.queries.respond(now, queryId, payload);
    this.#swim.attend(now);
  }

  /** Every member of every status, sorted by name. */
  members(): MemberInfo[] {
    return sortedInfos(this.#parts.membership.members);
  }

  /** Ourselves; only after `start`. */
  localMember(): MemberInfo {
    const { facts } = this.#swim.self;
    const member = this.#parts.membership.members.get(facts.name);
    return member === undefined ? memberInfo(facts, this.#tags, 'alive') : infoOf(member);
  }

  /** Serf's statistics (serf.md 18). */
  stats(): Map<string, string> {
    return serfStats(this.#parts, this.#swim);
  }

  /** How full every queue and table is, and its limit; and what can be told of the others before they fail. */
  readonly loads = (): ReturnType<typeof serfLoads> => serfLoads(this.#parts, this.#swim);
  readonly company = (): Company => companyOf(this.#swim);

  /** Where a member is in round-trip space; undefined while unknown. Throws ERR_COORDINATES_DISABLED. */
  coordinate(name: string): Coordinate | undefined {
    return this.#parts.coordinates.get(name);
  }

  /** Stops at once. Held events come out, running operations are aborted, later inputs are ignored. */
  shutdown(now: Millis): void {
    if (this.#state === 'shutdown') return;
    if (this.#state !== 'left') {
      this.#trace?.note({ level: 'WARN', source: 'serf', message: 'Shutdown without a Leave' });
    }
    this.#state = 'shutdown';
    const { joins, reaching, leaving, asking, keyManager, operations, pipeline, recorder } = this.#parts;
    joins.abort();
    reaching.abort();
    leaving.abort();
    keyManager.abort();
    this.#swim.shutdown(now);
    operations.abort(now);
    asking.endAll(now);
    pipeline.flush(now);
    recorder.stop();
  }

  #refuseAfterShutdown(): void {
    if (this.#state === 'shutdown') throw new CodedError('ERR_SHUTDOWN', 'the node was shut down');
  }

  #fireDue(now: Millis): void {
    while (this.#state !== 'shutdown') {
      const due = this.#deadlines.take(now);
      if (due === undefined) break;
      fire(now, this.#parts, due);
    }
    this.#swim.attend(now);
  }
}
