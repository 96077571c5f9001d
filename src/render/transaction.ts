import { CodedError } from '../base/errors.ts';
import type { MemberInfo } from '../events/event.ts';
import type { LeftOut } from '../policy/view.ts';
import { type CommandRecord, runCommand } from './command.ts';
import { compose } from './compose.ts';
import { exists, isChangedSince, readState, removeIfThere } from './files.ts';
import { isInterrupted, recover } from './in-place.ts';
import { withDirectoryLock } from './lock.ts';
import { requireHelpers, type TargetPaths, targetPaths } from './paths.ts';
import { fillArguments, type RendererSpec, type Step, VARIABLES } from './spec.ts';
import { stage } from './stage.ts';
import { forgetOld, keepOld, putBack, type SwapKind, swapIn } from './swap.ts';
import type { Template } from './template.ts';

/** Rounds lost to others who write the file at the same time. */
const MOST_ROUNDS = 5;

/** One render, from the view to a verified file. */
export interface Transaction {
  readonly spec: RendererSpec;
  readonly template: Template;
  readonly self: MemberInfo;
  readonly members: readonly MemberInfo[];
  readonly emptyApproved?: boolean;
  /** What commands get besides the values of this render. */
  readonly env: Readonly<Record<string, string>>;
  /** Where helpers go when the target's directory cannot be written. */
  readonly spare?: string | undefined;
  /** Ends commands early; what is written by then stays, and the next start goes on from there. */
  readonly signal?: AbortSignal | undefined;
  /** Awaited before anything is done, when the file turns out not to be right. */
  readonly begins?: (() => Promise<void>) | undefined;
}

/** What came of it. */
export interface Rendered {
  /** `confirmed`: the file was right, and what an earlier run left to do was done. */
  readonly outcome: 'unchanged' | 'confirmed' | SwapKind;
  readonly leftOut: readonly LeftOut[];
  readonly commands: readonly CommandRecord[];
  /** Worth telling, and no failure. */
  readonly notes: readonly string[];
}

/** Thrown instead of `Rendered`: nothing is changed then, or it was changed back. */
export interface FailedRender {
  readonly error: CodedError;
  readonly commands: readonly CommandRecord[];
  readonly notes: readonly string[];
}

export type RenderResult = Rendered | FailedRender;

/**
 * Makes the target right: compose, stage, check, swap, reload, verify, and back again if one of the last two fails. A
 * file that is right already is not touched, and nothing is reloaded. Never rejects.
 */
export async function render(transaction: Transaction): Promise<RenderResult> {
  const run = new Run(transaction);
  try {
    return await run.whole();
  } catch (error) {
    const known =
      error instanceof CodedError ? error : new CodedError('ERR_RENDER', String(error), { cause: error });
    return { error: known, commands: run.commands, notes: run.notes };
  }
}

class Run {
  readonly commands: CommandRecord[] = [];
  readonly notes: string[] = [];
  readonly #transaction: Transaction;
  #leftOut: readonly LeftOut[] = [];

  constructor(transaction: Transaction) {
    this.#transaction = transaction;
  }

  async whole(): Promise<Rendered> {
    const paths = targetPaths(this.#transaction.spec.target, this.#transaction.spare);
    if (!isInterrupted(paths) && !exists(paths.pending)) {
      const known = await readState(paths.file);
      if (known?.bytes.equals(this.#compose(known.bytes)) === true) return this.#rendered('unchanged');
    }
    requireHelpers(paths);
    await this.#transaction.begins?.();
    return await withDirectoryLock(paths.directory, () => this.#locked(paths));
  }

  async #locked(paths: TargetPaths): Promise<Rendered> {
    const found = await recover(paths);
    if (found !== 'none') this.notes.push(`an interrupted write was found: ${RECOVERY_WORDS[found]}`);
    try {
      for (let round = 0; round < MOST_ROUNDS; round += 1) {
        const outcome = await this.#round(paths);
        if (outcome !== undefined) return this.#rendered(outcome);
      }
    } finally {
      removeIfThere(paths.staged);
    }
    throw new CodedError('ERR_RENDER_TARGET', `${paths.file}: others keep changing it`);
  }

  /** Undefined when somebody else changed the file meanwhile. */
  async #round(paths: TargetPaths): Promise<Rendered['outcome'] | undefined> {
    const { spec, env } = this.#transaction;
    const known = await readState(paths.file);
    const bytes = this.#compose(known?.bytes);
    if (known?.bytes.equals(bytes) === true) {
      if (!exists(paths.pending)) return 'unchanged';
      this.notes.push('an earlier run ended before the file was reloaded and verified: that is done now');
      await this.#afterSwap(paths);
      return 'confirmed';
    }
    const staged = await stage(paths, bytes, known, spec.mode, env['PATH']);
    if (staged.warning !== undefined) this.notes.push(staged.warning);
    await this.#check(paths);
    if (isChangedSince(paths.file, known)) return undefined;
    const hasMore = spec.commands.reload !== undefined || spec.commands.verify !== undefined;
    if (hasMore) await keepOld(paths, known);
    const kind = await swapIn(paths, bytes, known, staged);
    if (hasMore) await this.#afterSwap(paths);
    return kind;
  }

  #compose(present: Uint8Array | undefined): Buffer {
    const { bytes, leftOut } = compose({ ...this.#transaction, present });
    this.#leftOut = leftOut;
    return bytes;
  }

  async #check(paths: TargetPaths): Promise<void> {
    const record = await this.#command('check', paths);
    if (record === undefined || record.ok) return;
    throw new CodedError('ERR_RENDER_CHECK', `check failed, the file was not touched: ${described(record)}`);
  }

  async #afterSwap(paths: TargetPaths): Promise<void> {
    for (const step of ['reload', 'verify'] as const) {
      const record = await this.#command(step, paths);
      if (record === undefined || record.ok) continue;
      // The agent ends: whoever comes next finds the mark and goes on.
      if (this.#transaction.signal?.aborted === true) {
        throw new CodedError(
          'ERR_RENDER_STOPPED',
          `${step} was ended with the agent; the next start does it again`,
        );
      }
      await putBack(paths);
      const again = await this.#command('reload', paths);
      forgetOld(paths);
      const after = again === undefined || again.ok ? '' : `; reloading that failed too: ${described(again)}`;
      throw new CodedError(
        'ERR_RENDER_ROLLED_BACK',
        `${step} failed, the file is as it was before: ${described(record)}${after}`,
      );
    }
    forgetOld(paths);
  }

  async #command(step: Step, paths: TargetPaths): Promise<CommandRecord | undefined> {
    const { spec, env, signal, self } = this.#transaction;
    const argv = spec.commands[step];
    if (argv === undefined) return undefined;
    const values = { staged: paths.staged, target: paths.file, name: spec.name };
    const variables: Record<string, string> = {
      ...env,
      REEVE_STEP: step,
      REEVE_SELF_NAME: self.name,
      [VARIABLES.target]: values.target,
      [VARIABLES.name]: values.name,
    };
    if (step === 'check') variables[VARIABLES.staged] = values.staged;
    const record = await runCommand({
      step,
      argv: fillArguments(argv, values),
      env: variables,
      timeoutMs: spec.timeoutMs,
      signal,
    });
    this.commands.push(record);
    return record;
  }

  #rendered(outcome: Rendered['outcome']): Rendered {
    return { outcome, leftOut: this.#leftOut, commands: this.commands, notes: this.notes };
  }
}

const RECOVERY_WORDS = {
  completed: 'it is completed now',
  undone: 'the file is as it was before',
  whole: 'it had been complete',
  foreign: 'the file was changed by somebody else since, the journal is put aside',
} as const;

/** How a command went, with the last line it printed. */
function described({ argv, outcome, stdout, stderr }: CommandRecord): string {
  const said = (stderr.trim() === '' ? stdout : stderr).trim().split('\n').at(-1) ?? '';
  return `${argv[0]}: ${outcome}${said === '' ? '' : `: ${said}`}`;
}
