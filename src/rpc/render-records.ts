import { WireError } from '../base/errors.ts';
import { type Fields, textField } from './fields.ts';

/** What agents tell about renderers; the shapes `agent render` prints as JSON. */

/** A command of a renderer as it ran. */
export interface CommandRecord {
  /** `check`, `reload` or `verify`. */
  readonly step: string;
  readonly argv: readonly string[];
  readonly ok: boolean;
  readonly outcome: string;
  readonly durationMs: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** One attempt to make a file right. */
export interface RenderAttemptRecord {
  readonly at: string;
  readonly durationMs: number;
  readonly reason: string;
  readonly outcome: string;
  readonly code?: string;
  readonly error?: string;
  readonly members: number;
  readonly commands: readonly CommandRecord[];
}

export interface HoldRecord {
  readonly guard: string;
  readonly text: string;
}

export interface LeftOutRecord {
  readonly name: string;
  readonly why: string;
}

/** Where one renderer stands. */
export interface RendererRecord {
  readonly name: string;
  readonly template: string;
  readonly target: string;
  readonly block: boolean;
  readonly commands: readonly string[];
  readonly state: string;
  readonly members: number;
  readonly generation: number;
  readonly leftOut: readonly LeftOutRecord[];
  readonly damped: readonly string[];
  readonly holds: readonly HoldRecord[];
  readonly heldMs?: number;
  readonly counters: Readonly<Record<string, number>>;
  /** Oldest first. */
  readonly attempts: readonly RenderAttemptRecord[];
}

/** What a render would do. */
export interface PreviewRecord {
  readonly target: string;
  readonly same: boolean;
  readonly members: number;
  readonly leftOut: readonly LeftOutRecord[];
  readonly holds: readonly HoldRecord[];
  /** As `diff -u` prints it. */
  readonly diff: string;
  /** False: the diff is shown only to who is trusted. */
  readonly isPublic: boolean;
}

/** What became of a render that was asked for; `attempt` is absent when a guard holds it. */
export interface RenderRunRecord {
  readonly attempt?: RenderAttemptRecord;
  readonly holds: readonly HoldRecord[];
}

/** The JSON in an answer; an agent that sends something else makes no sense. */
export function jsonField<T>(fields: Fields): T {
  const text = textField(fields, 'Json');
  try {
    return JSON.parse(text) as T;
  } catch (error) {
    throw new WireError('ERR_RPC_FIELD', `Json holds no JSON: ${String(error)}`);
  }
}
