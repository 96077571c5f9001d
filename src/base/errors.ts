/**
 * An error an operator or a program can act on. `code` is stable (`ERR_…`) and documented in docs/errors.md;
 * `message` says what was wrong, where, and what to do, in Serf's words where old clients compare them.
 */
export class CodedError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = 'CodedError';
    this.code = code;
  }
}

/**
 * A peer sent bytes that mean nothing. Thrown by codecs, caught once per input and counted by `code`; it carries no
 * stack because hostile input must stay cheap.
 */
export class WireError extends Error {
  readonly code: string;

  constructor(code: string, message: string) {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    super(message);
    Error.stackTraceLimit = limit;
    this.name = 'WireError';
    this.code = code;
  }
}

/** The text of anything thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
