import { join } from 'node:path';
import { CodedError } from '../base/errors.ts';
import type { Metrics } from '../base/metrics.ts';
import type { TraceLevel } from '../base/trace.ts';
import type { RunHistory } from '../handlers/history.ts';
import { type RendererReport, summaryOf } from '../render/report.ts';
import {
  type PreparedRenderer,
  prepareRenderer,
  type RenderContext,
  RendererRunner,
} from '../render/runner.ts';
import type { RendererSpec } from '../render/spec.ts';
import type { PreviewRecord, RenderRunRecord } from '../rpc/render-records.ts';
import type { Cluster } from '../runtime/cluster.ts';
import { clusterFacts } from './cluster-facts.ts';
import type { Environment } from './config/load.ts';
import type { AgentSettings } from './config/settings.ts';
import { GuardMemory } from './guard-memory.ts';
import { attemptRecorder } from './render-record.ts';

/**
 * Variables of the agent that a renderer's commands see: what programs need to run at all. Nothing else is handed down,
 * so that no secret can be.
 */
const HANDED_DOWN = [
  'PATH',
  'HOME',
  'USER',
  'LOGNAME',
  'LANG',
  'LC_ALL',
  'TZ',
  'TMPDIR',
  'XDG_RUNTIME_DIR',
  'DBUS_SESSION_BUS_ADDRESS',
];

/** Where programs are when the agent has no PATH of its own. */
const DEFAULT_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** How long a check, reload or verify may go on when the agent stops gracefully, and when it stops at once. */
const STOP_WAIT_MS = 5_000;
const ABORT_WAIT_MS = 500;

export interface RenderersOptions {
  readonly cluster: Cluster;
  readonly settings: () => AgentSettings;
  readonly env: Environment;
  readonly log: (level: TraceLevel, text: string) => void;
  readonly date: () => Date;
  /** Told what guards hold. */
  readonly metrics?: Metrics | undefined;
  /** Where attempts are kept. */
  readonly history: RunHistory;
}

/** The agent's renderers, in the order of the configuration. */
export class Renderers {
  readonly #context: RenderContext;
  #runners: readonly RendererRunner[] = [];

  constructor(options: RenderersOptions) {
    this.#context = renderContext(options);
  }

  /** Begins to keep the files. */
  async start(prepared: readonly PreparedRenderer[]): Promise<void> {
    this.#runners = prepared.map((one) => new RendererRunner(one, this.#context));
    for (const runner of this.#runners) await runner.start();
  }

  /** The members may have changed. */
  poke(): void {
    for (const runner of this.#runners) runner.poke();
  }

  /** Swaps the set: those that stay render anew, removed ones end and leave their files as they are. */
  async replace(prepared: readonly PreparedRenderer[]): Promise<void> {
    const known = new Map(this.#runners.map((runner) => [runner.spec.name, runner]));
    const fresh: RendererRunner[] = [];
    this.#runners = prepared.map((one) => {
      const runner = known.get(one.spec.name);
      // Another target is another file: nothing that was learnt about the old one is true of it.
      if (runner !== undefined && runner.spec.target === one.spec.target) {
        known.delete(one.spec.name);
        runner.replace(one);
        return runner;
      }
      const made = new RendererRunner(one, this.#context);
      fresh.push(made);
      return made;
    });
    await Promise.all([...known.values()].map((runner) => runner.stop(STOP_WAIT_MS)));
    for (const runner of fresh) await runner.start();
  }

  /** A line for each, by name, for statistics. */
  summaries(): ReadonlyMap<string, string> {
    return new Map(this.reports().map((report) => [report.name, summaryOf(report)]));
  }

  reports(): readonly RendererReport[] {
    return this.#runners.map((runner) => runner.report());
  }

  /**
   * The renderer called `name`.
   *
   * @throws CodedError `ERR_RENDERER_UNKNOWN`
   */
  find(name: string): RendererRunner {
    const found = this.#runners.find((runner) => runner.spec.name === name);
    if (found !== undefined) return found;
    const known = this.#runners.map((runner) => runner.spec.name).join(', ');
    const hint = known === '' ? 'this agent has none' : `this agent has ${known}`;
    throw new CodedError('ERR_RENDERER_UNKNOWN', `No renderer '${name}'; ${hint}`);
  }

  has(name: string): boolean {
    return this.#runners.some((runner) => runner.spec.name === name);
  }

  /** What a render would do. */
  async preview(name: string): Promise<PreviewRecord> {
    const runner = this.find(name);
    const found = await runner.preview();
    return { ...found, holds: runner.report().holds };
  }

  /** Renders now, unless a guard holds it. */
  async run(name: string): Promise<RenderRunRecord> {
    const runner = this.find(name);
    const attempt = await runner.renderNow();
    const { holds } = runner.report();
    return attempt === undefined ? { holds } : { attempt, holds };
  }

  /** Lets a held renderer go ahead once: false when nothing holds it, undefined when there is none of this name. */
  approve(name: string): boolean | undefined {
    return this.#runners.find((runner) => runner.spec.name === name)?.approve();
  }

  /** What each of them counted, summed. */
  counters(): ReadonlyMap<string, number> {
    const sums = new Map<string, number>();
    for (const runner of this.#runners) {
      for (const [name, count] of runner.counters) {
        sums.set(`render:${name}`, (sums.get(`render:${name}`) ?? 0) + count);
      }
    }
    return sums;
  }

  /** Ends them all; a command that runs may finish first, for a moment only unless the end is graceful. */
  async stop(graceful: boolean): Promise<void> {
    const graceMs = graceful ? STOP_WAIT_MS : ABORT_WAIT_MS;
    await Promise.all(this.#runners.map((runner) => runner.stop(graceMs)));
  }
}

/**
 * Reads every template.
 *
 * @throws CodedError `ERR_TEMPLATE` naming the renderer
 */
export function prepareRenderers(specs: readonly RendererSpec[]): Promise<readonly PreparedRenderer[]> {
  return Promise.all(specs.map(prepareRenderer));
}

/** The environment of commands. */
export function commandEnvironment(env: Environment): Readonly<Record<string, string>> {
  const out: Record<string, string> = { PATH: DEFAULT_PATH };
  for (const name of HANDED_DOWN) {
    const value = env[name];
    if (value !== undefined) out[name] = value;
  }
  return out;
}

function renderContext({
  cluster,
  settings,
  env,
  log,
  date,
  history,
  metrics,
}: RenderersOptions): RenderContext {
  return {
    self: () => cluster.localMember(),
    facts: () => clusterFacts(cluster, settings()),
    isStaying: () => cluster.state === 'alive',
    log,
    now: () => performance.now(),
    date,
    spare: (name) => {
      const directory = settings().config.values.state_dir;
      return directory === '' ? undefined : join(directory, 'render', name);
    },
    env: commandEnvironment(env),
    recorder: attemptRecorder(history),
    metrics,
    memory: new GuardMemory({
      stateDir: () => settings().config.values.state_dir,
      kind: 'renderer',
      date,
      warn: (text) => log('WARN', text),
    }),
  };
}
