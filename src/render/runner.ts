import { readFile } from 'node:fs/promises';
import { textOfBytes } from '../base/bytes.ts';
import { CodedError, messageOf } from '../base/errors.ts';
import type { Millis } from '../base/machine.ts';
import type { Metrics } from '../base/metrics.ts';
import type { TraceLevel } from '../base/trace.ts';
import type { MemberInfo } from '../events/event.ts';
import type { Action, ClusterFacts, GovernorOptions, MemoryStore } from '../policy/governance.ts';
import { Governor } from '../policy/governor.ts';
import type { LeftOut } from '../policy/view.ts';
import { AttemptNote, type AttemptRecorder } from './attempt-note.ts';
import { holdsContent } from './compose.ts';
import { readState } from './files.ts';
import { targetPaths } from './paths.ts';
import { type Preview, preview } from './preview.ts';
import { attemptOf, type RenderAttempt, type RendererReport, reportOf } from './report.ts';
import type { RendererSpec } from './spec.ts';
import { Teller } from './teller.ts';
import type { Template } from './template.ts';
import { render } from './transaction.ts';

/** Attempts kept for people; the log has them all. */
const ATTEMPTS_KEPT = 16;

/** A timer holds no longer wait; it is armed again when it is over. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** What renderers need from the agent that runs them. */
export interface RenderContext {
  self(): MemberInfo;
  facts(): ClusterFacts;
  /** False once the agent leaves: what it sees from then on is no cluster to act on. */
  isStaying(): boolean;
  /** One line of the agent's log. */
  log(level: TraceLevel, text: string): void;
  /** A monotonic clock. */
  now(): Millis;
  /** The wall clock, for people. */
  date(): Date;
  /** A directory of the agent for a renderer's helpers; undefined when it keeps nothing on disk. */
  spare(name: string): string | undefined;
  /** What commands find in their environment. */
  readonly env: Readonly<Record<string, string>>;
  /** Where attempts are kept for the next start of the agent. */
  readonly recorder?: AttemptRecorder | undefined;
  /** Told what is held; absent where nobody measures. */
  readonly metrics?: Metrics | undefined;
  /** Where guards keep what they know. */
  readonly memory?: MemoryStore | undefined;
}

/** A renderer whose template was read and found good. */
export interface PreparedRenderer {
  readonly spec: RendererSpec;
  readonly template: Template;
  /** The template's text: a changed one is a changed renderer. */
  readonly templateText: string;
}

/**
 * Reads the template of a renderer.
 *
 * @throws CodedError `ERR_TEMPLATE` naming the renderer
 */
export async function prepareRenderer(spec: RendererSpec): Promise<PreparedRenderer> {
  // Loaded where there is a renderer: an agent without one starts faster.
  const { compileTemplate, LONGEST_TEMPLATE } = await import('./template.ts');
  let templateText: string;
  try {
    const bytes = await readFile(spec.template);
    if (bytes.length > LONGEST_TEMPLATE) throw new Error(`larger than ${LONGEST_TEMPLATE} bytes`);
    templateText = textOfBytes(bytes);
  } catch (error) {
    throw new CodedError(
      'ERR_TEMPLATE',
      `Invalid renderer '${spec.name}': template ${spec.template}: ${messageOf(error)}`,
      { cause: error },
    );
  }
  try {
    return { spec, templateText, template: compileTemplate(spec.template, templateText) };
  } catch (error) {
    throw new CodedError('ERR_TEMPLATE', `Invalid renderer '${spec.name}': ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Keeps one file in step with the cluster: asks its governor when, renders, and tells what came of it. */
export class RendererRunner {
  readonly #context: RenderContext;
  readonly #governor: Governor;
  readonly #attempts: RenderAttempt[] = [];
  /** Ends the commands that run. */
  readonly #ending = new AbortController();
  #stopped = false;
  #prepared: PreparedRenderer;
  #timer: NodeJS.Timeout | undefined;
  #running: Promise<void> | undefined;
  /** Whom the last render left out because their name was taken. */
  #leftOut: readonly LeftOut[] = [];
  readonly #teller: Teller;

  constructor(prepared: PreparedRenderer, context: RenderContext) {
    this.#prepared = prepared;
    this.#context = context;
    this.#teller = new Teller(() => this.spec, context);
    this.#governor = new Governor(context.now(), this.#options(), context.memory?.recall(this.spec.name));
  }

  get spec(): RendererSpec {
    return this.#prepared.spec;
  }

  /** Begins: from here on `poke` and its own timer drive it. */
  async start(): Promise<void> {
    const { spec } = this;
    try {
      const state = await readState(targetPaths(spec.target).file);
      this.#governor.foundContent(holdsContent(spec, state?.bytes));
    } catch {
      // The first render says what is wrong with the target.
      this.#governor.foundContent(true);
    }
    this.poke();
  }

  /** Something may have changed: looks, and acts if it is time. Never throws. */
  poke(): void {
    if (this.#stopped || !this.#context.isStaying()) return;
    const now = this.#context.now();
    this.#governor.observe(now, this.#context.facts());
    const action = this.#governor.tick(now);
    this.#teller.holds(now, this.#governor.status.holds);
    if (action !== undefined) this.#running = this.#act(action);
    this.#arm(now);
  }

  /** Takes a new configuration or template; acts at once in any case, for a reload is how people ask for that. */
  replace(prepared: PreparedRenderer): void {
    this.#prepared = prepared;
    this.#teller.reconfigured();
    this.#governor.reload(this.#options());
    this.poke();
  }

  /** Lets what is held back go ahead once. False when nothing is. */
  approve(): boolean {
    const approved = this.#governor.approve();
    if (approved) this.poke();
    return approved;
  }

  /** Where things stand. */
  report(): RendererReport {
    return reportOf({
      spec: this.spec,
      governor: this.#governor,
      attempts: this.#attempts,
      leftOut: this.#leftOut,
      now: this.#context.now(),
    });
  }

  get counters(): ReadonlyMap<string, number> {
    return this.#governor.counters;
  }

  /**
   * Renders now, as a reload would, whatever the view. Undefined when a guard holds it.
   */
  async renderNow(): Promise<RenderAttempt | undefined> {
    await this.#running;
    this.#governor.reload();
    this.poke();
    if (this.#running === undefined) return undefined;
    await this.#running;
    return this.#attempts.at(-1);
  }

  /**
   * What a render now would do, with the template as it is on disk now.
   *
   * @throws CodedError when the template or the file makes no sense
   */
  async preview(): Promise<Preview> {
    const { template } = await prepareRenderer(this.spec);
    // Looks at the members as everybody does: what is new is also acted on in its time.
    this.poke();
    const { members, leftOut } = this.#governor.status.view;
    return await preview({ spec: this.spec, template, self: this.#context.self(), members, leftOut });
  }

  /**
   * Starts nothing more, lets what runs finish for `graceMs`, then ends it; resolves when it is over. Calling it again
   * waits for the same end.
   */
  async stop(graceMs: Millis): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    const timer = setTimeout(() => this.#ending.abort(), graceMs);
    await this.#running;
    clearTimeout(timer);
  }

  #options(): GovernorOptions {
    const { spec } = this;
    return { ...spec.policy, self: this.#context.self().name, name: spec.name };
  }

  #arm(now: Millis): void {
    clearTimeout(this.#timer);
    const due = this.#governor.nextDeadline(now);
    if (!Number.isFinite(due)) return;
    const wait = Math.min(LONGEST_TIMER_MS, Math.max(0, Math.ceil(due - now)));
    this.#timer = setTimeout(() => this.poke(), wait);
  }

  async #act(action: Action): Promise<void> {
    const { spec, template } = this.#prepared;
    const { env, log, recorder } = this.#context;
    const at = this.#context.date();
    const { failures } = this.#governor.status;
    const note = new AttemptNote(recorder, { name: spec.name, action, at, failures });
    const began = this.#context.now();
    log('DEBUG', `renderer '${spec.name}': ${action.reason}, ${action.view.members.length} members`);
    const result = await render({
      spec,
      template,
      self: this.#context.self(),
      members: action.view.members,
      emptyApproved: action.reason === 'approve',
      env,
      spare: this.#context.spare(spec.name),
      signal: this.#ending.signal,
      begins: () => note.begin(),
    });
    const now = this.#context.now();
    const attempt = attemptOf({ at, durationMs: now - began, action, result });
    note.end(attempt);
    this.#attempts.push(attempt);
    if (this.#attempts.length > ATTEMPTS_KEPT) this.#attempts.shift();
    if (!('error' in result)) this.#leftOut = result.leftOut;
    this.#teller.attempt(action, result);
    this.#governor.settled(now, !('error' in result));
    this.#context.memory?.keep(spec.name, this.#governor.memory(now));
    this.#running = undefined;
    this.poke();
  }
}
