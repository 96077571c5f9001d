import { messageOf } from '../base/errors.ts';
import type { Metrics } from '../base/metrics.ts';
import { type ClusterEvent, describeEvent } from '../events/event.ts';
import type { HandlerRunner } from '../handlers/runner.ts';
import type { PreparedRenderer } from '../render/runner.ts';
import type { RpcServer } from '../rpc/server.ts';
import type { Cluster, ReachReport } from '../runtime/cluster.ts';
import { AgentTags } from './agent-tags.ts';
import { AgentBackend } from './backend.ts';
import { readStartState, refuseConflicts, startCluster } from './cluster-start.ts';
import type { AgentSettings } from './config/settings.ts';
import { AgentHandlerOperations } from './handler-operations.ts';
import { startHandlers } from './handlers-start.ts';
import { oneLine } from './log-line.ts';
import type { AgentLog } from './logging.ts';
import type { Mdns } from './mdns/mdns.ts';
import { startMdns } from './mdns/start.ts';
import type { Announcer } from './output.ts';
import { prepareRenderers, Renderers } from './renderers.ts';
import { startRpc } from './rpc-start.ts';
import { lockStateDirectory, type StateDirectory } from './state-dir.ts';
import type { AgentWorld } from './world.ts';

/** Events between the node and the handlers' own queues; handing over never waits, so few are ever held. */
const EVENT_CAPACITY = 4_096;

export interface RunningParts {
  readonly world: AgentWorld;
  readonly log: AgentLog;
  readonly ui: Announcer;
  /** Told of measurements; undefined where nobody wants them. */
  readonly metrics?: Metrics | undefined;
}

/** A node with everything around it: handlers, RPC, files. Made by `start`, ended by `stop`. */
export class RunningAgent {
  readonly #log: AgentLog;
  readonly #metrics: Metrics | undefined;
  /** In the order of their start; ended in reverse. */
  readonly #cleanups: (() => Promise<void> | void)[] = [];
  readonly #ended: Promise<number>;
  #end: (code: number) => void = () => undefined;
  #settings: AgentSettings;
  #cluster: Cluster | undefined;
  #backend: AgentBackend | undefined;
  #rpc: RpcServer | undefined;
  #tags: AgentTags | undefined;
  #handlers: HandlerRunner | undefined;
  #mdns: Mdns | undefined;
  #renderers: Renderers | undefined;
  /** Templates read by the last `check`, for the `apply` that follows it. */
  #prepared: readonly PreparedRenderer[] = [];

  /**
   * Starts node, handlers and RPC, in Serf's order and with its announcements (agent.md 10.1).
   *
   * @throws CodedError with the line to print; nothing is left running then
   */
  static async start(settings: AgentSettings, parts: RunningParts): Promise<RunningAgent> {
    const agent = new RunningAgent(settings, parts);
    try {
      await agent.#start(parts);
      return agent;
    } catch (error) {
      await agent.#release();
      throw error;
    }
  }

  private constructor(settings: AgentSettings, { log, metrics }: RunningParts) {
    this.#metrics = metrics;
    this.#settings = settings;
    this.#log = log;
    this.#ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /** Settles with the exit code when the agent ends without a signal. */
  get ended(): Promise<number> {
    return this.#ended;
  }

  get settings(): AgentSettings {
    return this.#settings;
  }

  get encrypted(): boolean {
    return this.#cluster?.stats().get('encrypted') === 'true';
  }

  /** Joins with Serf's log lines; rejects when nobody answered. */
  async join(addresses: readonly string[], replay: boolean): Promise<number> {
    return (await this.#backend?.join(addresses, replay)) ?? 0;
  }

  /** Contacts those addresses where no live member is. */
  async reach(addresses: readonly string[]): Promise<ReachReport> {
    return (await this.#cluster?.reach(addresses)) ?? { missing: [], contacted: 0 };
  }

  /** False once the agent is leaving: then nobody need be looked for. */
  get isStaying(): boolean {
    return this.#cluster?.state === 'alive';
  }

  /** True when nobody else is alive here. */
  get isAlone(): boolean {
    return (this.#cluster?.members() ?? []).filter(({ status }) => status === 'alive').length <= 1;
  }

  async leave(): Promise<void> {
    await this.#mdns?.close();
    await this.#backend?.leave();
  }

  /** Ends the agent from outside a signal. */
  finish(code: number): void {
    this.#end(code);
  }

  /** Counters and statistics, for people. */
  figures(): ReadonlyMap<string, string | number> {
    return new Map<string, string | number>([
      ...(this.#cluster?.stats() ?? []),
      ...(this.#cluster?.counters() ?? []),
      ...(this.#renderers?.counters() ?? []),
    ]);
  }

  /** Rejects with a CodedError when `apply` would be refused, before anything has been changed. */
  async check(settings: AgentSettings): Promise<void> {
    refuseConflicts(settings);
    this.#tags?.reconfigured(this.#settings.tags, settings.tags);
    this.#prepared = await prepareRenderers(settings.renderers);
  }

  /**
   * Puts the reloadable part of checked settings in force. Rejects when the new tags could not be told to the others;
   * everything else has been applied then.
   */
  async apply(settings: AgentSettings): Promise<void> {
    const tags = this.#tags?.reconfigured(this.#settings.tags, settings.tags);
    this.#settings = settings;
    this.#log.setLevel(settings.logLevel);
    this.#handlers?.replace(settings.handlers, settings.supervised);
    await this.#renderers?.replace(this.#prepared);
    if (tags !== undefined) await this.#tags?.replace(tags);
  }

  /** Stops everything. Gracefully, handlers may finish first; otherwise they are ended at once. */
  async stop(graceful: boolean): Promise<void> {
    const ended = graceful ? undefined : this.endHandlers();
    this.#log.write('INFO', 'agent', 'requesting serf shutdown');
    await this.#mdns?.close();
    // First, so that a cluster that goes away is not mistaken for one that shrinks.
    await this.#renderers?.stop(graceful);
    await this.#cluster?.shutdown();
    this.#log.write('INFO', 'agent', 'shutdown complete');
    await (ended ?? this.#handlers?.stop());
    await this.#release();
  }

  /** Ends the handlers that run, also while a graceful stop waits for them. */
  async endHandlers(): Promise<void> {
    await this.#handlers?.abort();
  }

  async #start({ world, log, ui }: RunningParts): Promise<void> {
    const settings = this.#settings;
    const { values } = settings.config;
    ui.heading('Starting Serf agent...');
    if (values.state_dir !== '') this.#hold(lockStateDirectory(values.state_dir));
    const state = readStartState(settings, (text) => log.write('INFO', 'agent', text));
    const prepared = await prepareRenderers(settings.renderers);
    log.write('INFO', 'agent', 'Serf agent starting');
    const cluster = await startCluster(settings, state, {
      trace: log,
      metrics: this.#metrics,
      onEvict: () => this.#end(0),
      onFatal: (error, input) => this.#died(error, input),
    });
    this.#cluster = cluster;
    this.#cleanups.push(() => cluster.shutdown());
    const tags = new AgentTags({
      tags: state.tags,
      protocolVersion: values.protocol,
      file: values.tags_file,
      publish: (changed) => cluster.setTags(changed),
    });
    this.#tags = tags;
    const handlers = this.#startHandlers(cluster);
    this.#handlers = handlers;
    const renderers = this.#makeRenderers(cluster, world, handlers);
    const backend = new AgentBackend({
      cluster,
      log,
      tags,
      nodeName: settings.nodeName,
      handlers: () => this.#settings.handlers,
      renderers,
      supervision: new AgentHandlerOperations({
        runner: handlers,
        log,
        members: () => cluster.members(),
        renderers,
      }),
      rpcCounters: () => new Map([...(this.#rpc?.counters ?? []), ...(this.#mdns?.counters ?? [])]),
      onLeft: () => this.#end(0),
    });
    this.#backend = backend;
    const mdns = await startMdns({
      settings,
      cluster,
      log,
      join: (found, replay) => backend.join(found, replay),
    });
    this.#mdns = mdns;
    this.#cleanups.push(() => mdns?.close());
    const server = await this.#startRpc(backend, world);
    this.#rpc = server;
    this.#cleanups.push(() => server.close());
    ui.heading('Starting Serf agent RPC...');
    await renderers.start(prepared);
  }

  #hold(directory: StateDirectory): void {
    this.#cleanups.push(() => directory.release());
  }

  #startHandlers(cluster: Cluster): HandlerRunner {
    const runner = startHandlers({
      cluster,
      log: this.#log,
      metrics: this.#metrics,
      settings: () => this.#settings,
    });
    const events = cluster.subscribe({
      capacity: EVENT_CAPACITY,
      overflow: 'drop-oldest',
      onDrop: (event) => this.#log.write('WARN', 'agent', `Dropped event: ${oneLine(describeEvent(event))}`),
    });
    void this.#dispatch(events, runner);
    return runner;
  }

  #makeRenderers(cluster: Cluster, { env, now }: AgentWorld, { history }: HandlerRunner): Renderers {
    const renderers = new Renderers({
      cluster,
      env,
      metrics: this.#metrics,
      settings: () => this.#settings,
      log: (level, text) => this.#log.write(level, 'agent', oneLine(text)),
      date: now,
      history,
    });
    this.#renderers = renderers;
    this.#cleanups.push(() => renderers.stop(false));
    return renderers;
  }

  async #dispatch(events: AsyncIterable<ClusterEvent>, runner: HandlerRunner): Promise<void> {
    for await (const event of events) {
      this.#log.write('INFO', 'agent', `Received event: ${oneLine(describeEvent(event))}`);
      runner.dispatch(event);
      if (event.type !== 'user' && event.type !== 'query') this.#renderers?.poke();
    }
  }

  #startRpc(backend: AgentBackend, world: AgentWorld): Promise<RpcServer> {
    return startRpc({
      settings: this.#settings,
      backend,
      metrics: this.#metrics,
      env: world.env,
      uid: world.uid,
      log: (level, text) => {
        const colon = text.indexOf(': ');
        this.#log.note({ level, source: text.slice(0, colon), message: text.slice(colon + 2) });
      },
    });
  }

  #died(error: unknown, input: string): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
    this.#log.write('ERR', 'agent', `internal error while handling ${input}: ${text}`);
    this.#end(1);
  }

  async #release(): Promise<void> {
    for (const cleanup of this.#cleanups.splice(0).reverse()) await cleanup();
  }
}
