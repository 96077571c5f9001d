/**
 * Where a node tells its measurements as they happen, under Serf's names (serf.md 21, agent.md 13). Absent when nobody
 * wants them, and then they cost nothing. An implementation must return at once and never call back.
 */
export interface Metrics {
  /** Something happened, `value` times or bytes. */
  count(name: string, value: number): void;
  /** One of many measurements: milliseconds, bytes, a queue's length. */
  sample(name: string, value: number): void;
  /** What holds from now on. */
  gauge(name: string, value: number): void;
  /** Runs `work` and samples how long it took; only the host has a clock for that. */
  timed(name: string, work: () => void): void;
}
