/** Exit codes, as Serf's (agent.md 15.1); documented in docs/cli.md. */
export const EXIT = {
  ok: 0,
  error: 1,
  /** The command is missing or unknown. */
  noCommand: 127,
} as const satisfies Record<string, number>;
