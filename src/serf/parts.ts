import type { Counters } from '../base/counters.ts';
import type { Deadlines } from '../base/deadlines.ts';
import type { Millis } from '../base/machine.ts';
import type { Random } from '../base/random.ts';
import type { Trace } from '../base/trace.ts';
import { admissionFault } from './admission.ts';
import { Asking } from './asking.ts';
import type { SerfConfig } from './config.ts';
import { NameConflict } from './conflict.ts';
import { Coordinates } from './coordinates.ts';
import type { SerfDeadline } from './deadline.ts';
import { SerfDelegate } from './delegate.ts';
import type { SerfEffects } from './effects.ts';
import { InternalQueries } from './internal-queries.ts';
import { SerfJoins } from './joins.ts';
import { KeyManager } from './key-manager.ts';
import { type SerfClocks, startClocks } from './lamport.ts';
import { Leaving } from './leaving.ts';
import { LostMembers } from './lost-members.ts';
import { SerfMembers } from './members.ts';
import { Membership } from './membership.ts';
import { NameClaims } from './name-claims.ts';
import { EventPipeline } from './pipeline.ts';
import { Queries } from './queries.ts';
import { QueryFilter } from './query-filter.ts';
import { QueryReplies } from './query-replies.ts';
import { SerfQueues } from './queues.ts';
import { Reaching } from './reaching.ts';
import { Recorder } from './recorder.ts';
import { Rejoin } from './rejoin.ts';
import { SwimOperations } from './swim-operations.ts';
import type { SendUser, SwimPort } from './swim-port.ts';
import { encodeTags } from './tags.ts';
import { Upkeep } from './upkeep.ts';
import { UserEvents } from './user-events.ts';

/** A node's own run state (serf.md 6.1). */
export type SerfState = 'alive' | 'leaving' | 'left' | 'shutdown';

/** What the parts are built from. Functions are asked each time, because their answers change or come later. */
export interface PartsSources {
  readonly config: SerfConfig;
  readonly random: Random;
  readonly effects: SerfEffects;
  readonly trace: Trace | undefined;
  readonly deadlines: Deadlines<SerfDeadline>;
  readonly counters: Counters;
  readonly swim: () => SwimPort;
  readonly tags: () => ReadonlyMap<string, string>;
  readonly state: () => SerfState;
  /** Our leave is complete. */
  readonly left: () => void;
  /** The vote over our name was lost. */
  readonly evict: (now: Millis, reason: string) => void;
}

/** The parts of the Serf layer, wired together. */
export interface SerfParts {
  readonly clocks: SerfClocks;
  readonly queues: SerfQueues;
  readonly operations: SwimOperations;
  readonly pipeline: EventPipeline;
  readonly membership: Membership;
  /** What `membership` keeps; to be filled at start by nobody but worlds. */
  readonly table: SerfMembers;
  readonly lost: LostMembers;
  readonly claims: NameClaims;
  readonly coordinates: Coordinates;
  readonly userEvents: UserEvents;
  readonly queries: Queries;
  readonly asking: Asking;
  readonly keyManager: KeyManager;
  readonly joins: SerfJoins;
  readonly reaching: Reaching;
  readonly leaving: Leaving;
  readonly upkeep: Upkeep;
  readonly recorder: Recorder;
  readonly rejoin: Rejoin;
  readonly delegate: SerfDelegate;
}

/** Builds and wires the parts; each gets only what it uses. */
export function buildParts(sources: PartsSources): SerfParts {
  const { config, trace } = sources;
  const clocks = startClocks(config);
  const queues = new SerfQueues(config.swim.retransmitMult, config, trace);
  const operations = new SwimOperations();
  const recorder = buildRecorder(sources, clocks);
  const pipeline: EventPipeline = new EventPipeline({
    config,
    tee: (_now, event) => recorder.event(event),
    internal: (now, query) => internal.handle(now, query),
    publish: (event) => sources.effects.publish(event),
  });
  const standing = buildMembership(sources, { clocks, queues, pipeline, recorder });
  const { membership } = standing;
  const userEvents = new UserEvents({
    ...sources,
    clock: clocks.event,
    emit: (now, event) => pipeline.accept(now, event),
    broadcast: (message) => queues.add(queues.events, message, membership.members.size, sources.counters),
  });
  const { queries, asking } = buildQueries(sources, { clocks, queues, pipeline, membership });
  const internal = new InternalQueries({
    self: config.swim.name,
    config,
    members: membership.members,
    keyring: config.swim.keyring,
    trace,
    respond: (now, id, payload) => queries.respond(now, id, payload),
    fits: (id, payload) => queries.fits(id, payload),
  });
  const keyManager = new KeyManager({
    asking,
    keyring: config.swim.keyring,
    members: membership.members,
    liveCount: () => sources.swim().members.liveCount,
    trace,
    settle: (operation, outcome) => sources.effects.settle(operation, outcome),
  });
  const conflict = buildConflict(sources, asking, standing.claims);
  const comings = buildComings(sources, { clocks, queues, operations, ...standing }, conflict);
  const delegate = new SerfDelegate({
    ...sources,
    ...standing,
    clocks,
    userEvents,
    queries,
    asking,
    queues,
    conflict,
    meta: () => encodeTags(sources.tags(), config.protocolVersion),
    ...ofSwim(sources),
    admit: (members, merging) => admissionFault(config, members, merging),
    ignoresOld: () => comings.joins.ignoresOld ?? comings.reaching.ignoresOld,
    settled: (...outcome) => operations.settled(...outcome),
  });
  return {
    clocks,
    queues,
    operations,
    pipeline,
    ...standing,
    userEvents,
    queries,
    asking,
    keyManager,
    ...comings,
    recorder,
    delegate,
  };
}

type Built<K extends keyof SerfParts> = Pick<SerfParts, K>;

function buildRecorder(sources: PartsSources, clocks: SerfClocks): Recorder {
  return new Recorder({
    ...sources,
    clock: clocks.member,
    record: (line) => sources.effects.record(line),
  });
}

function buildMembership(
  sources: PartsSources,
  { clocks, queues, pipeline, recorder }: Built<'clocks' | 'queues' | 'pipeline' | 'recorder'>,
): Built<'membership' | 'table' | 'lost' | 'claims' | 'coordinates'> {
  const self = sources.config.swim.name;
  const lost = new LostMembers();
  const table = new SerfMembers(sources.random.below(2 ** 32));
  const membership = new Membership({
    ...sources,
    table,
    self,
    clock: clocks.member,
    staying: () => sources.state() === 'alive',
    emit: (now, event) => {
      if (event.type === 'member-reap') for (const { name } of event.members) coordinates.forget(name);
      lost.see(now, event);
      pipeline.accept(now, event);
    },
    bury: (now, name, remains, keepMs) => sources.swim().bury(now, name, remains, keepMs),
    strangerLeft: (name) => {
      if (lost.forget(name)) recorder.forget(name);
    },
    broadcast: (message) => queues.intents.enqueue(message),
  });
  const coordinates = new Coordinates({
    ...sources,
    self,
    knows: (name) => membership.members.get(name) !== undefined,
  });
  return { membership, table, lost, claims: new NameClaims(), coordinates };
}

function buildQueries(
  sources: PartsSources,
  built: Built<'clocks' | 'queues' | 'pipeline' | 'membership'>,
): Built<'queries' | 'asking'> {
  const { config, random, counters, trace } = sources;
  const { clocks, queues, pipeline, membership } = built;
  const self = config.swim.name;
  const replies = new QueryReplies({
    self,
    sizeLimit: config.queryResponseSizeLimit,
    members: membership.members,
    random,
    sendUser: sendUserOf(sources),
  });
  const queries = new Queries({
    ...sources,
    clock: clocks.query,
    filter: new QueryFilter(self, counters, trace),
    replies,
    emit: (now, event) => pipeline.accept(now, event),
  });
  const asking = new Asking({
    ...sources,
    gossipIntervalMs: config.swim.gossipIntervalMs,
    clock: clocks.query,
    self: () => sources.swim().self.facts,
    liveCount: () => sources.swim().members.liveCount,
    members: membership.members,
    receive: (now, message) => queries.receive(now, message),
    broadcast: (message) => queues.add(queues.queries, message, membership.members.size, sources.counters),
  });
  return { queries, asking };
}

function buildComings(
  sources: PartsSources,
  built: Built<'clocks' | 'queues' | 'operations' | 'membership' | 'lost' | 'claims'>,
  conflict: NameConflict,
): Built<'joins' | 'reaching' | 'leaving' | 'upkeep' | 'rejoin'> {
  const { config, effects, deadlines, trace } = sources;
  const { clocks, queues, operations, membership, lost } = built;
  const swim: Pick<SwimPort, 'join' | 'leave' | 'contact'> = {
    join: (now, operation, targets) => sources.swim().join(now, operation, targets),
    contact: (to, name, answered) => sources.swim().contact(to, name, answered),
    leave: (now, operation, timeoutMs) => sources.swim().leave(now, operation, timeoutMs),
  };
  const settle: SerfEffects['settle'] = (operation, outcome) => effects.settle(operation, outcome);
  const joins = new SerfJoins({
    swim,
    operations,
    conflict,
    announce: (now) => membership.announceJoin(now),
    settle,
  });
  const leaving = new Leaving({
    self: config.swim.name,
    config,
    clock: clocks.member,
    deadlines,
    membership,
    swim,
    operations,
    trace,
    broadcast: (message, finished) => queues.intents.enqueue(message, { finished }),
    settle,
    left: sources.left,
  });
  const staying = (): boolean => sources.state() === 'alive';
  const reaching = new Reaching({ swim, operations, members: membership.members, staying, settle });
  const upkeep = new Upkeep({ ...sources, ...built, swim, known: knownOf(sources), staying });
  const rejoin = new Rejoin({ ...sources, operations, swim, lost, staying });
  return { joins, reaching, leaving, upkeep, rejoin };
}

function buildConflict(sources: PartsSources, asking: Asking, claims: NameClaims): NameConflict {
  return new NameConflict({
    resolve: sources.config.enableNameConflictResolution,
    self: () => sources.swim().self.facts,
    ask: (now, params, sink) => asking.ask(now, params, sink),
    evict: sources.evict,
    claims,
    trace: sources.trace,
  });
}

const LIVE: readonly unknown[] = ['alive', 'suspect'];

/** What the delegate asks of SWIM. */
function ofSwim(sources: PartsSources): { sendUser: SendUser; isUp: (name: string) => boolean } {
  const { config } = sources;
  const known = knownOf(sources);
  const isUp = (name: string): boolean => name !== config.swim.name && LIVE.includes(known(name)?.status);
  return { sendUser: sendUserOf(sources), isUp };
}

const knownOf =
  ({ swim }: Pick<PartsSources, 'swim'>) =>
  (name: string) =>
    swim().members.get(name);

function sendUserOf(sources: Pick<PartsSources, 'swim'>): SendUser {
  return (to, payload, peer) => sources.swim().sendUser(to, payload, peer);
}
