import type { Address, Millis, NetworkEffects, OperationId } from '../../src/base/machine.ts';
import type { Random } from '../../src/base/random.ts';
import type { TraceRecord } from '../../src/base/trace.ts';
import type { ClusterEvent, MemberInfo, QueryEvent } from '../../src/events/event.ts';
import type { QueryTally } from '../../src/serf/awaited.ts';
import { SERF_DEFAULTS, type SerfConfig } from '../../src/serf/config.ts';
import type { Outcome, QueryAnswer, SerfEffects } from '../../src/serf/effects.ts';
import { plainQuery, type QueryParams } from '../../src/serf/query-params.ts';
import { Serf } from '../../src/serf/serf.ts';
import type { World } from '../../src/sim/world.ts';
import type { SwimConfig } from '../../src/swim/config.ts';
import { swimConfig } from './swim-node.ts';

/** What a Serf machine did to the world around it. */
export interface Recording {
  readonly events: ClusterEvent[];
  readonly outcomes: Map<OperationId, Outcome>;
  readonly answers: Map<OperationId, (QueryAnswer | undefined)[]>;
  /** Who answered, of queries that are over. */
  readonly tallies: Map<OperationId, QueryTally>;
  readonly records: string[];
  readonly evictions: string[];
  readonly log: TraceRecord[];
}

export type SerfSettings = Partial<Omit<SerfConfig, 'swim' | 'tags'>> & {
  readonly swim?: Partial<SwimConfig>;
  readonly tags?: Readonly<Record<string, string>>;
};

/** A node's settings at an address; protocol 5 as the agent's. */
export function serfConfig(name: string, address: Address, settings: SerfSettings = {}): SerfConfig {
  const { swim, tags, ...rest } = settings;
  return {
    ...SERF_DEFAULTS,
    protocolVersion: 5,
    ...rest,
    swim: swimConfig(name, address, swim),
    tags: new Map(Object.entries(tags ?? {})),
  };
}

/** Effects that write everything down, in front of a network. */
export function recording(network: NetworkEffects): { effects: SerfEffects; seen: Recording } {
  const seen: Recording = {
    events: [],
    outcomes: new Map(),
    answers: new Map(),
    tallies: new Map(),
    records: [],
    evictions: [],
    log: [],
  };
  const effects: SerfEffects = {
    ...network,
    publish: (event) => void seen.events.push(event),
    settle(operation, outcome) {
      if (seen.outcomes.has(operation)) throw new Error(`operation ${operation} settled twice`);
      seen.outcomes.set(operation, outcome);
    },
    answer(query, answer, tally) {
      if (tally !== undefined) seen.tallies.set(query, tally);
      const known = seen.answers.get(query) ?? [];
      if (known.length > 0 && known.at(-1) === undefined) throw new Error(`answer after the end of ${query}`);
      seen.answers.set(query, [...known, answer]);
    },
    record: (line) => void seen.records.push(line),
    evict: (reason) => void seen.evictions.push(reason),
  };
  return { effects, seen };
}

/** A Serf node in a world. */
export interface SerfNode extends Recording {
  readonly name: string;
  readonly address: Address;
  readonly serf: Serf;
  /** `name:status` of every member. */
  view(): string[];
  member(name: string): MemberInfo | undefined;
  /** Types of the member events about `name`, in order. */
  story(name: string): string[];
  userEvents(): string[];
  queries(): QueryEvent[];
  texts(): string[];
  /** Calls the machine as its owner would; returns the number of the operation. */
  run(call: (now: Millis, operation: OperationId) => void): OperationId;
  join(to: SerfNode, ignoreOld?: boolean): OperationId;
  ask(params: Partial<QueryParams> & { readonly name: string }): OperationId;
}

let operations = 0;

/** Starts a node at 127.0.0.`host`:7946. */
export function addSerf(world: World, name: string, host: number, settings: SerfSettings = {}): SerfNode {
  const address = { ip: `127.0.0.${host}`, port: 7946 };
  let seen: Recording | undefined;
  const serf = world.add(address, (network: NetworkEffects, random: Random) => {
    const recorded = recording(network);
    seen = recorded.seen;
    const trace = { note: (record: TraceRecord) => void recorded.seen.log.push(record) };
    return new Serf({
      config: serfConfig(name, address, settings),
      random,
      effects: recorded.effects,
      trace,
    });
  });
  const recorded = seen!;
  const run: SerfNode['run'] = (call) => {
    operations += 1;
    const operation = operations;
    world.command(address, (now) => call(now, operation));
    return operation;
  };
  return {
    ...recorded,
    name,
    address,
    serf,
    run,
    view: () => serf.members().map((member) => `${member.name}:${member.status}`),
    member: (wanted) => serf.members().find((member) => member.name === wanted),
    story: (wanted) =>
      recorded.events.flatMap((event) =>
        'members' in event && event.members.some((member) => member.name === wanted) ? [event.type] : [],
      ),
    userEvents: () => recorded.events.flatMap((event) => (event.type === 'user' ? [event.name] : [])),
    queries: () => recorded.events.filter((event) => event.type === 'query'),
    texts: () => recorded.log.map((record) => record.text ?? record.message),
    join: (to, ignoreOld = false) =>
      run((now, operation) =>
        serf.join(now, operation, [{ address: to.address, label: to.name }], { ignoreOld }),
      ),
    ask: (params) =>
      run((now, operation) => serf.query(now, operation, { ...plainQuery(params.name, null), ...params })),
  };
}

/** A cluster of nodes n1… joined through n1 and settled. */
export function serfCluster(world: World, count: number, settings: SerfSettings = {}): SerfNode[] {
  const nodes = Array.from({ length: count }, (_, i) => addSerf(world, `n${i + 1}`, i + 1, settings));
  for (const node of nodes.slice(1)) node.join(nodes[0]!);
  world.run(5_000);
  return nodes;
}
