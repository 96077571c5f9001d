import type { Millis } from '../base/machine.ts';
import type { Action } from '../policy/governance.ts';
import type { Governor } from '../policy/governor.ts';
import type { LeftOut } from '../policy/view.ts';
import type { CommandRecord } from './command.ts';
import { type RendererSpec, STEPS } from './spec.ts';
import type { RenderResult } from './transaction.ts';

/** What people are told about renderers: plain values that JSON can hold. */

/** One attempt to make a file right. */
export interface RenderAttempt {
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly durationMs: number;
  readonly reason: Action['reason'];
  /** `unchanged`, `confirmed`, `created`, `replaced`, `in-place`, or `failed`. */
  readonly outcome: string;
  /** Of a failure: its code and text. */
  readonly code?: string;
  readonly error?: string;
  readonly members: number;
  readonly commands: readonly CommandRecord[];
}

/** Where one renderer stands. */
export interface RendererReport {
  readonly name: string;
  readonly template: string;
  readonly target: string;
  readonly block: boolean;
  readonly commands: readonly string[];
  /** `starting`, `idle`, `waiting`, `held`, `running` or `retrying`. */
  readonly state: string;
  readonly members: number;
  readonly generation: number;
  readonly leftOut: readonly LeftOut[];
  readonly damped: readonly string[];
  readonly holds: readonly { readonly guard: string; readonly text: string }[];
  /** How long it has been held, in milliseconds; absent when it is not. */
  readonly heldMs?: number;
  readonly counters: Readonly<Record<string, number>>;
  /** Oldest first. */
  readonly attempts: readonly RenderAttempt[];
}

/** What a report is made of. */
export interface ReportFacts {
  readonly spec: RendererSpec;
  readonly governor: Governor;
  readonly attempts: readonly RenderAttempt[];
  /** Whom the last render left out of the view it was given: a name was taken. */
  readonly leftOut: readonly LeftOut[];
  readonly now: Millis;
}

export function reportOf({ spec, governor, attempts, leftOut, now }: ReportFacts): RendererReport {
  const { state, view, damped, holds, heldSince } = governor.status;
  const others = leftOut.filter(({ name }) => view.members.some((member) => member.name === name));
  return {
    name: spec.name,
    template: spec.template,
    target: spec.target,
    block: spec.block !== undefined,
    commands: STEPS.filter((step) => spec.commands[step] !== undefined),
    state,
    members: view.members.length - others.length,
    generation: view.generation,
    leftOut: [...view.leftOut, ...others],
    damped,
    holds,
    ...(heldSince === undefined ? {} : { heldMs: Math.round(now - heldSince) }),
    counters: Object.fromEntries(governor.counters),
    attempts: [...attempts],
  };
}

export interface AttemptFacts {
  readonly at: Date;
  readonly durationMs: number;
  readonly action: Action;
  readonly result: RenderResult;
}

export function attemptOf({ at, durationMs, action, result }: AttemptFacts): RenderAttempt {
  const common = {
    at: at.toISOString(),
    durationMs: Math.round(durationMs),
    reason: action.reason,
    members: action.view.members.length,
    commands: result.commands,
  };
  if (!('error' in result)) return { ...common, outcome: result.outcome };
  return { ...common, outcome: 'failed', code: result.error.code, error: result.error.message };
}

/** One line about a renderer: what it does, what holds it, what went wrong last. */
export function summaryOf({ state, members, holds, attempts, leftOut }: RendererReport): string {
  const parts = [`${state}, ${members === 1 ? '1 member' : `${members} members`}`];
  if (leftOut.length > 0) parts.push(`${leftOut.length} left out`);
  for (const { guard, text } of holds) parts.push(`${guard}: ${text}`);
  const error = attempts.at(-1)?.error;
  if (error !== undefined) parts.push(`failed: ${error}`);
  return parts.join('; ');
}
