/** Lines as statsd and statsite read them, with Serf's keys (agent.md 13). */

/** `c` counts, `ms` samples, `g` is what holds now. */
export type LineKind = 'c' | 'ms' | 'g';

/** Before every key, as Serf's own agents have it, so that dashboards go on working. */
const PREFIX = 'serf-agent';

/** Longest key; names of events and scripts are part of some. */
const LONGEST_KEY_CHARS = 512;

/**
 * What a key cannot hold: blanks and colons, which Serf replaces too, and what would end the key or the line. A peer
 * chooses the names of events.
 */
const UNSAFE = /[\s:|@#\p{Cc}]/gu;

/** `serf-agent.NAME:VALUE|KIND` and a newline; gauges have the host's name in their key. */
export function metricLine(name: string, value: number, kind: LineKind, hostName: string): string {
  const path = kind === 'g' ? `${PREFIX}.${hostName}.${name}` : `${PREFIX}.${name}`;
  return `${path.slice(0, LONGEST_KEY_CHARS).replace(UNSAFE, '_')}:${value.toFixed(6)}|${kind}\n`;
}
