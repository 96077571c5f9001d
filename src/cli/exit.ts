/** Exit codes: Serf's (agent.md 15.1), and two that Serf has not; documented in docs/cli.md. */
export const EXIT = {
  ok: 0,
  error: 1,
  /** `query --strict`: an answer reports failure. */
  failureReported: 3,
  /** `query --strict`: somebody who was asked did not answer. */
  answerMissing: 4,
  /** The command is missing or unknown. */
  noCommand: 127,
} as const satisfies Record<string, number>;
