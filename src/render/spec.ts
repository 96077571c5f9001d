import type { Millis } from '../base/machine.ts';
import { nearest } from '../base/nearest.ts';
import type { GovernorOptions } from '../policy/governance.ts';
import type { BlockSpec } from './block.ts';
import type { FieldRule } from './grammar.ts';

/** What is written in front of an argument's placeholder: an option, never a piece of shell. */
const BEFORE_PLACEHOLDER = /^[A-Za-z0-9_.:/@=,+-]*$/;

/** Values that commands get, as placeholders in their arguments and as variables in their environment. */
export const PLACEHOLDERS = ['staged', 'target', 'name'] as const;
export type Placeholder = (typeof PLACEHOLDERS)[number];

/** Environment variables with the same values. */
export const VARIABLES: Readonly<Record<Placeholder, string>> = {
  staged: 'REEVE_STAGED',
  target: 'REEVE_TARGET',
  name: 'REEVE_RENDERER',
};

/** The commands of a renderer, in the order they run. */
export const STEPS = ['check', 'reload', 'verify'] as const;
export type Step = (typeof STEPS)[number];

/** A managed block, and what of the lines outside it counts. */
export interface ManagedBlock extends BlockSpec {
  /** What begins a comment in lines outside the block; empty for nothing. */
  readonly comment: string;
  /** A field of members that no line outside may hold as a word already; undefined lets everybody in. */
  readonly unique: string | undefined;
  /** Names count with and without this domain, for templates that write both; absent for none. */
  readonly domain?: string | undefined;
}

/** One renderer, checked and with every default filled in. */
export interface RendererSpec {
  readonly name: string;
  /** Path of the template. */
  readonly template: string;
  /** Path of the file that is kept. */
  readonly target: string;
  /** Mode of a file that is new; an existing one keeps its own. */
  readonly mode: number;
  /** Undefined: the whole file is ours. */
  readonly block: ManagedBlock | undefined;
  /** A field of members that no two may have but for its case; a block has one of its own, which looks further. */
  readonly unique: string | undefined;
  readonly fields: readonly FieldRule[];
  readonly vars: ReadonlyMap<string, string>;
  readonly commands: { readonly [S in Step]: readonly string[] | undefined };
  /** Longest run of one command. */
  readonly timeoutMs: Millis;
  /** Which members, when, and what holds it back. */
  readonly policy: Omit<GovernorOptions, 'self' | 'name'>;
  /** Equal for two specs exactly if they mean the same. */
  readonly fingerprint: string;
}

/**
 * What is wrong with a command, or undefined. A placeholder stands alone or at the end of an option
 * (`--file={staged}`), so that no value ever becomes part of a line that a shell reads.
 */
export function commandFault(step: Step, argv: readonly string[]): string | undefined {
  if ((argv[0] ?? '') === '') return 'is empty; write a program and its arguments, such as ["nginx", "-t"]';
  for (const argument of argv) {
    const fault = argumentFault(step, argument);
    if (fault !== undefined) return `has '${argument}': ${fault}`;
  }
  return undefined;
}

function argumentFault(step: Step, argument: string): string | undefined {
  if (argument.includes('\0')) return 'no argument may hold a NUL character';
  const lone = /^\{([a-z]+)\}$/.exec(argument)?.[1];
  const meant = lone === undefined ? undefined : nearest(lone, PLACEHOLDERS);
  if (lone !== undefined && meant !== undefined && meant !== lone) return `did you mean {${meant}}?`;
  const found = PLACEHOLDERS.find((name) => argument.includes(`{${name}}`));
  if (found === undefined) return undefined;
  const before = argument.slice(0, -(found.length + 2));
  if (!argument.endsWith(`{${found}}`) || !BEFORE_PLACEHOLDER.test(before)) {
    return `a placeholder stands alone or ends an option; in a shell line write "$${VARIABLES[found]}"`;
  }
  if (found === 'staged' && step !== 'check') return `the staged file is there during the check only`;
  return undefined;
}

/** The arguments with their placeholders filled in. */
export function fillArguments(
  argv: readonly string[],
  values: Readonly<Record<Placeholder, string>>,
): readonly string[] {
  return argv.map((argument) => {
    const found = PLACEHOLDERS.find((name) => argument.endsWith(`{${name}}`));
    return found === undefined ? argument : argument.slice(0, -(found.length + 2)) + values[found];
  });
}
