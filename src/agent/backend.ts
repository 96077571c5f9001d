import { availableParallelism, cpus } from 'node:os';
import { messageOf } from '../base/errors.ts';
import type { ClusterEvent, MemberInfo } from '../events/event.ts';
import type { HandlerSpec } from '../handlers/spec.ts';
import type {
  EventSubscription,
  KeyReport,
  KeyRequest,
  LogSubscription,
  QueryRequest,
  QueryRun,
  RpcBackend,
  WireCoordinate,
} from '../rpc/backend.ts';
import type { HandlerOperations } from '../rpc/handler-records.ts';
import { joinAdvice } from '../rpc/join-advice.ts';
import type { PreviewRecord, RendererRecord, RenderRunRecord } from '../rpc/render-records.ts';
import type { Cluster } from '../runtime/cluster.ts';
import type { AgentTags } from './agent-tags.ts';
import { oneLine } from './log-line.ts';
import type { AgentLog } from './logging.ts';
import type { Renderers } from './renderers.ts';

/** What the commands of the RPC port act on. */
export interface BackendParts {
  readonly cluster: Cluster;
  readonly log: AgentLog;
  readonly tags: AgentTags;
  readonly nodeName: string;
  /** The handlers in force. */
  readonly handlers: () => readonly HandlerSpec[];
  readonly renderers: Pick<Renderers, 'summaries' | 'reports' | 'preview' | 'run'>;
  readonly supervision: HandlerOperations;
  /** Counts of the RPC server, once it runs. */
  readonly rpcCounters: () => ReadonlyMap<string, number>;
  /** A leave by RPC is over and answered: the agent ends. */
  readonly onLeft: () => void;
}

/** Serf's words in the log for key operations. */
const KEY_WORDS = {
  install: 'key installation',
  use: 'primary key change',
  remove: 'key removal',
  list: 'key listing',
} as const satisfies Record<KeyRequest['action'], string>;

/** Serf's operating system and processor names are Go's. */
const GO_NAMES: Readonly<Record<string, string>> = { win32: 'windows', x64: 'amd64', ia32: '386' };

/** The agent as the RPC server and the start sequence see it: the cluster, with Serf's log lines (agent.md 11). */
export class AgentBackend implements RpcBackend {
  readonly #parts: BackendParts;

  constructor(parts: BackendParts) {
    this.#parts = parts;
  }

  get supervision(): HandlerOperations {
    return this.#parts.supervision;
  }

  members(): readonly MemberInfo[] {
    return this.#parts.cluster.members();
  }

  async join(
    addresses: readonly string[],
    replay: boolean,
    onWarning?: (text: string) => void,
  ): Promise<number> {
    const { cluster, log } = this.#parts;
    log.write('INFO', 'agent', `joining: [${oneLine(addresses.join(' '))}] replay: ${replay}`);
    try {
      const joined = await cluster.join(addresses, {
        replay,
        onWarning: (text) => {
          log.write('WARN', 'agent', `joined, but ${oneLine(text)}`);
          onWarning?.(text);
        },
      });
      if (joined > 0) log.write('INFO', 'agent', `joined: ${joined} nodes`);
      return joined;
    } catch (error) {
      const text = messageOf(error);
      log.write('WARN', 'agent', `error joining: ${text}`);
      for (const advice of joinAdvice(text)) log.write('INFO', 'agent', advice);
      throw error;
    }
  }

  async leave(): Promise<void> {
    const { cluster, log } = this.#parts;
    log.write('INFO', 'agent', 'requesting graceful leave from Serf');
    await cluster.leave();
  }

  afterLeave(): void {
    this.#parts.onLeft();
  }

  async forceLeave(node: string, prune: boolean): Promise<void> {
    const { cluster, log } = this.#parts;
    log.write('INFO', 'agent', `Force leaving node${prune ? ' (prune)' : ''}: ${oneLine(node)}`);
    try {
      await cluster.forceLeave(node, { prune });
    } catch (error) {
      log.write('WARN', 'agent', `failed to remove node: ${messageOf(error)}`);
      throw error;
    }
  }

  userEvent(name: string, payload: Uint8Array | null, coalesce: boolean): void {
    const { cluster, log } = this.#parts;
    const what = `${oneLine(name)}. Coalesced: ${coalesce}. Payload: ${payload?.length ?? 0} bytes`;
    log.write('DEBUG', 'agent', `Requesting user event send: ${what}`);
    try {
      cluster.userEvent(name, payload, { coalesce });
    } catch (error) {
      log.write('WARN', 'agent', `failed to send user event: ${messageOf(error)}`);
      throw error;
    }
  }

  query(request: QueryRequest): QueryRun {
    const { cluster, log } = this.#parts;
    const what = `${oneLine(request.name)}. Payload: ${request.payload?.length ?? 0} bytes`;
    log.write('DEBUG', 'agent', `Requesting query send: ${what}`);
    try {
      return cluster.query({ ...request, until: request.until ?? 'deadline' });
    } catch (error) {
      log.write('WARN', 'agent', `failed to start user query: ${messageOf(error)}`);
      throw error;
    }
  }

  respond(queryId: number, payload: Uint8Array): void {
    this.#parts.cluster.respond(queryId, payload);
  }

  async updateTags(set: ReadonlyMap<string, string>, remove: readonly string[]): Promise<void> {
    await this.#parts.tags.update(set, remove);
  }

  stats(): ReadonlyMap<string, ReadonlyMap<string, string>> {
    const { cluster, nodeName, tags, handlers, renderers, rpcCounters } = this.#parts;
    const rendering = renderers.summaries();
    const counters = new Map([...cluster.counters(), ...rpcCounters()]);
    return new Map<string, ReadonlyMap<string, string>>([
      ['agent', new Map([['name', nodeName]])],
      ['runtime', runtimeStats()],
      ['serf', cluster.stats()],
      ['tags', tags.current],
      ['event_handlers', new Map(handlers().flatMap(handlerStats))],
      // No group at all without renderers, so that the output of a node that has none is Serf's.
      ...(rendering.size === 0 ? [] : [['renderers', rendering] as const]),
      ...dropStats(counters),
      ...snapshotStats(counters),
    ]);
  }

  events(options: EventSubscription): AsyncIterable<ClusterEvent> {
    return this.#parts.cluster.subscribe({ ...options, overflow: 'drop-newest' });
  }

  logs(options: LogSubscription): AsyncIterable<string> {
    return this.#parts.log.follow(options);
  }

  coordinate(node: string): WireCoordinate | undefined {
    return this.#parts.cluster.coordinate(node);
  }

  renderers(): readonly RendererRecord[] {
    return this.#parts.renderers.reports();
  }

  previewRenderer(name: string): Promise<PreviewRecord> {
    return this.#parts.renderers.preview(name);
  }

  runRenderer(name: string): Promise<RenderRunRecord> {
    this.#parts.log.write('INFO', 'agent', `Rendering by request: ${oneLine(name)}`);
    return this.#parts.renderers.run(name);
  }

  keys(request: KeyRequest): Promise<KeyReport> {
    const { cluster, log } = this.#parts;
    log.write('INFO', 'agent', `Initiating ${KEY_WORDS[request.action]}`);
    return cluster.keys(request);
  }

  defaultQueryTimeoutMs(): number {
    return this.#parts.cluster.defaultQueryTimeoutMs;
  }
}

/** Serf's `runtime` group; there are no goroutines here. */
function runtimeStats(): ReadonlyMap<string, string> {
  return new Map([
    ['os', GO_NAMES[process.platform] ?? process.platform],
    ['arch', GO_NAMES[process.arch] ?? process.arch],
    ['version', `node${process.versions.node}`],
    ['max_procs', String(availableParallelism())],
    ['goroutines', '0'],
    ['cpu_count', String(cpus().length)],
  ]);
}

/** One `EVENT:NAME` entry for each filter of a handler; the name is empty where there is none. */
function handlerStats(handler: HandlerSpec): readonly (readonly [string, string])[] {
  return handler.filters.map((filter) => {
    const name = 'name' in filter ? filter.name : '';
    return [`${filter.type}:${name}`, handler.command] as const;
  });
}

/** Counters of these kinds name a reason for which input was dropped, and what the snapshot file went through. */
const DROP_PREFIX = 'drop:';
const SNAPSHOT_PREFIX = 'snapshot-';

/** What was dropped, by reason; no group at all while nothing was, so that a healthy node's output is Serf's. */
function dropStats(counters: ReadonlyMap<string, number>): [string, ReadonlyMap<string, string>][] {
  const drops = countersOf(DROP_PREFIX, counters).filter(([, count]) => count !== '0');
  return drops.length === 0 ? [] : [['drops', new Map(drops)]];
}

/** What went wrong with the snapshot, and whether the file lacks something now; no group while nothing ever did. */
function snapshotStats(counters: ReadonlyMap<string, number>): [string, ReadonlyMap<string, string>][] {
  const errors = (counters.get('snapshot-errors') ?? 0) + (counters.get('snapshot-overflows') ?? 0);
  return errors === 0 ? [] : [['snapshot', new Map(countersOf(SNAPSHOT_PREFIX, counters))]];
}

/** Counters of one kind as texts, by name. */
function countersOf(prefix: string, counters: ReadonlyMap<string, number>): [string, string][] {
  return [...counters]
    .filter(([name]) => name.startsWith(prefix))
    .map(([name, count]): [string, string] => [name.slice(prefix.length), String(count)])
    .sort(([a], [b]) => (a < b ? -1 : 1));
}
