import { wireText } from '../codec.ts';
import { LOG_LEVELS, type LogLevel } from '../protocol.ts';
import { STREAM_CAPACITY } from './event.ts';
import type { StreamHost } from './host.ts';

/** The level a client names, in any case; undefined when there is none of that name. */
export function parseLogLevel(text: string): LogLevel | undefined {
  const upper = text.toUpperCase();
  return LOG_LEVELS.find((level) => level === upper);
}

/** True when the line is at `minimum` or above; a line whose first `[…]` is no known level passes (agent.md 4.2). */
export function passesLevel(line: string, minimum: LogLevel): boolean {
  const open = line.indexOf('[');
  const close = line.indexOf(']', open);
  if (open < 0 || close < 0) return true;
  const level = LOG_LEVELS.findIndex((known) => known === line.slice(open + 1, close));
  return level < 0 || level >= LOG_LEVELS.indexOf(minimum);
}

/** Pushes log lines as records of `seq`, the backlog first, until `signal` aborts. */
export async function pumpLogs(
  host: StreamHost,
  seq: bigint,
  minimum: LogLevel,
  signal: AbortSignal,
): Promise<void> {
  const onDrop = (): void => host.dropped('logs');
  for await (const line of host.backend.logs({ signal, capacity: STREAM_CAPACITY, onDrop })) {
    const text = line.endsWith('\n') ? line.slice(0, -1) : line;
    // An empty record reads as the end of the stream to `serf monitor`.
    if (text === '' || !passesLevel(text, minimum)) continue;
    await host.ready();
    if (signal.aborted) return;
    host.record(seq, { Log: wireText(text) });
  }
}
