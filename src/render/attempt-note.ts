import { formatDuration } from '../base/duration.ts';
import type { Action, ActionReason } from '../policy/governance.ts';
import type { CommandRecord } from './command.ts';
import type { RenderAttempt } from './report.ts';

/** Members named in a record; of more it says how many. */
const MOST_NAMES = 8;

/** What is known of an attempt when it begins. */
export interface AttemptStart {
  /** The renderer's name. */
  readonly name: string;
  readonly reason: ActionReason;
  /** 1, or more when earlier ones failed. */
  readonly attempt: number;
  readonly at: Date;
  /** The view and what is new in it, in a few words. */
  readonly about: string;
}

/** How it ended. */
export interface AttemptEnd {
  readonly ok: boolean;
  /** The agent ended before the commands did. */
  readonly interrupted: boolean;
  /** For people: what became of the file, and how long each command took. */
  readonly text: string;
  /** The command that failed. */
  readonly step: string | undefined;
  /** What it printed; of an attempt that succeeded, what all commands did. */
  readonly stdout: string;
  readonly stderr: string;
}

/** Keeps attempts; the agent has one record for handlers and renderers. */
export interface AttemptRecorder {
  /** `saved` resolves once the beginning would survive the agent, or when that takes too long; it never rejects. */
  begin(start: AttemptStart): { readonly saved: Promise<void>; readonly end: (end: AttemptEnd) => void };
}

interface AttemptFacts {
  readonly name: string;
  readonly action: Action;
  readonly at: Date;
  /** Attempts that failed in a row before. */
  readonly failures: number;
}

/**
 * The note of one attempt. It is made when something is about to be done, so that an agent that dies meanwhile leaves a
 * mark. A look that finds the file right is noted at its end, and not at all when nobody asked for it (`resync`): a quiet
 * night must not push what happened in the evening out of the record.
 */
export class AttemptNote {
  readonly #recorder: AttemptRecorder | undefined;
  readonly #facts: AttemptFacts;
  #end: ((end: AttemptEnd) => void) | undefined;

  constructor(recorder: AttemptRecorder | undefined, facts: AttemptFacts) {
    this.#recorder = recorder;
    this.#facts = facts;
  }

  async begin(): Promise<void> {
    const { name, action, at, failures } = this.#facts;
    const attempt = action.reason === 'retry' ? failures + 1 : 1;
    const note = this.#recorder?.begin({
      name,
      reason: action.reason,
      attempt,
      at,
      about: aboutText(action),
    });
    this.#end = note?.end;
    await note?.saved;
  }

  end(attempt: RenderAttempt): void {
    if (this.#end === undefined) {
      if (attempt.outcome === 'unchanged' && attempt.reason === 'resync') return;
      void this.begin();
    }
    this.#end?.(endOf(attempt));
  }
}

/** `render 3 members, generation 7: +web-3 -web-1 ~web-2`. */
function aboutText({ view, change }: Action): string {
  const count = view.members.length === 1 ? '1 member' : `${view.members.length} members`;
  const names = [
    ...change.added.map(({ name }) => `+${name}`),
    ...change.removed.map(({ name }) => `-${name}`),
    ...change.changed.map(({ name }) => `~${name}`),
  ];
  const more = names.length > MOST_NAMES ? ` and ${names.length - MOST_NAMES} more` : '';
  const news = names.length === 0 ? '' : `: ${names.slice(0, MOST_NAMES).join(' ')}${more}`;
  return `render ${count}, generation ${view.generation}${news}`;
}

function endOf({ outcome, code, error, commands }: RenderAttempt): AttemptEnd {
  const failed = commands.find(({ ok }) => !ok);
  const told = failed === undefined ? commands : [failed];
  const steps = commands.map((one) => `${one.step} ${one.outcome} in ${formatDuration(one.durationMs)}`);
  return {
    ok: error === undefined,
    interrupted: code === 'ERR_RENDER_STOPPED',
    text: error ?? [outcome, ...steps].join(', '),
    step: failed?.step,
    stdout: joined(told, ({ stdout }) => stdout),
    stderr: joined(told, ({ stderr }) => stderr),
  };
}

function joined(commands: readonly CommandRecord[], output: (command: CommandRecord) => string): string {
  return commands.map(output).join('');
}
