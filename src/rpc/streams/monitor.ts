import { wireText } from '../codec.ts';
import { LOG_LEVELS, type LogLevel, type WireStruct } from '../protocol.ts';
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
  let dropped = 0;
  const onDrop = (line: string): void => {
    if (wanted(line) === undefined || !passesLevel(line, minimum)) return;
    dropped += 1;
    host.dropped('logs');
  };
  for await (const line of host.backend.logs({ signal, capacity: STREAM_CAPACITY, onDrop })) {
    const text = wanted(line);
    if (text === undefined || !passesLevel(text, minimum)) continue;
    // The oldest lines are the ones that go: what was lost until now lies before this line, what is lost from now behind it.
    const lost = dropped;
    dropped = 0;
    await host.ready();
    if (signal.aborted) return;
    if (lost > 0) host.record(seq, gapBody(lost));
    host.record(seq, { Log: wireText(text) });
  }
}

/** A line of log to clients that know nothing of gaps. */
function gapBody(dropped: number): WireStruct {
  const text = `[WARN] agent.ipc: ${dropped} log lines are missing here: this client reads too slowly`;
  return { Dropped: dropped, Log: text };
}

/** The text of a record, or undefined for an empty one, which `serf monitor` takes for the end of the stream. */
function wanted(line: string): string | undefined {
  const text = line.endsWith('\n') ? line.slice(0, -1) : line;
  return text === '' ? undefined : text;
}
