import type { Millis } from '../base/machine.ts';
import type { Action } from '../policy/governance.ts';
import type { Hold } from '../policy/guards.ts';
import type { RenderContext } from './runner.ts';
import type { RendererSpec } from './spec.ts';
import type { Rendered, RenderResult } from './transaction.ts';

/** How often a hold that goes on is told again. */
const HOLD_REMINDER_MS = 10 * 60_000;

const OUTCOME_WORDS = {
  unchanged: 'is right',
  confirmed: 'is right, reloaded and verified',
  created: 'was created',
  replaced: 'was replaced',
  'in-place': 'was written in place',
} as const satisfies Record<Rendered['outcome'], string>;

/** Tells people what becomes of one renderer, each thing once, in the log and to metrics. */
export class Teller {
  readonly #spec: () => Pick<RendererSpec, 'name' | 'target'>;
  readonly #context: Pick<RenderContext, 'log' | 'metrics'>;
  #toldHold = '';
  #toldHoldAt: Millis = 0;
  #toldLeftOut = '';
  #toldFailure = '';

  constructor(
    spec: () => Pick<RendererSpec, 'name' | 'target'>,
    context: Pick<RenderContext, 'log' | 'metrics'>,
  ) {
    this.#spec = spec;
    this.#context = context;
  }

  /** A failure after this is a new one, whatever it says. */
  reconfigured(): void {
    this.#toldFailure = '';
  }

  /** How an attempt went. */
  attempt(action: Action, result: RenderResult): void {
    const { log } = this.#context;
    const { name, target } = this.#spec();
    for (const note of result.notes) log('WARN', `renderer '${name}': ${note}`);
    if ('error' in result) {
      const { message } = result.error;
      // Process ids and line numbers differ from one try to the next.
      const failure = message.replaceAll(/\d+/g, '0');
      // A failure that repeats is told once at ERR; `agent render --list` counts the rest.
      log(failure === this.#toldFailure ? 'DEBUG' : 'ERR', `renderer '${name}' failed: ${message}`);
      this.#toldFailure = failure;
      return;
    }
    this.#toldFailure = '';
    const { members } = action.view;
    const count = members.length === 1 ? '1 member' : `${members.length} members`;
    const what = `${target} ${OUTCOME_WORDS[result.outcome]}`;
    log(
      result.outcome === 'unchanged' ? 'DEBUG' : 'INFO',
      `renderer '${name}': ${what} (${action.reason}, ${count})`,
    );
    this.#leftOut([...action.view.leftOut, ...result.leftOut]);
  }

  #leftOut(leftOut: readonly { readonly name: string; readonly why: string }[]): void {
    const text = leftOut.map(({ name, why }) => `${JSON.stringify(name)}: ${why}`).join('; ');
    if (text !== this.#toldLeftOut && text !== '') {
      this.#context.log('WARN', `renderer '${this.#spec().name}' leaves out ${text.slice(0, 2_000)}`);
    }
    this.#toldLeftOut = text;
  }

  /** What holds it now: what is new, what goes on, and that it is over. */
  holds(now: Millis, holds: readonly Hold[]): void {
    const { name } = this.#spec();
    const guards = holds.map(({ guard }) => guard).join(' ');
    const isNew = guards !== this.#toldHold;
    if (holds.length > 0 && (isNew || now - this.#toldHoldAt >= HOLD_REMINDER_MS)) {
      const why = holds.map(({ guard, text }) => `${guard}: ${text}`).join('; ');
      // Every start waits a moment for its first push/pull: no news unless it lasts.
      const level = guards === 'settle' && this.#toldHold === '' ? 'INFO' : 'WARN';
      const next = level === 'INFO' ? '' : `; 'agent handlers approve ${name}' lets it write once`;
      this.#context.log(level, `renderer '${name}' HOLDS, nothing is written: ${why}${next}`);
      this.#toldHoldAt = now;
    }
    if (holds.length === 0 && this.#toldHold !== '') {
      this.#context.log('INFO', `renderer '${name}' is no longer held`);
    }
    if (isNew) this.#context.metrics?.gauge(`agent.held.renderer.${name}`, holds.length);
    this.#toldHold = guards;
  }
}
