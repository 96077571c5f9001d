import { CodedError, WireError } from '../../src/base/errors.ts';

/** One thing that reads bytes from outside. */
export interface Target {
  readonly name: string;
  /** Inputs to begin with: captured and made ones that mean something. */
  readonly seeds: () => readonly Uint8Array[];
  /** Throws or rejects when the input broke something; refusing it is not that. */
  readonly run: (input: Uint8Array) => void | Promise<void>;
}

/** Calls `read`, which may refuse the input with an error of ours. Gives what it read, or undefined. */
export function refusable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof WireError || error instanceof CodedError) return undefined;
    throw error;
  }
}

/** Throws when a rule does not hold. */
export function hold(condition: boolean, rule: string): void {
  if (!condition) throw new Error(`broken: ${rule}`);
}
