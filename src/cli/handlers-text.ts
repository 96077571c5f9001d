import { formatDuration } from '../base/duration.ts';
import type { HandlerRecord, HandlerRunRecord, HandlerTestRecord } from '../rpc/handler-records.ts';
import { cells, clip, fill, type Paint, type Palette, printable, printableLines } from './style.ts';

/** Handlers and their runs as a person reads them. */

const GAP = '  ';
/** Commands are cut to this when the terminal is narrow; the whole is in the JSON. */
const SHORTEST_COMMAND = 20;
const SECOND = 1_000;

/** How a text for people is made. */
export interface TextOptions {
  readonly paint: Palette;
  /** Cells across. */
  readonly width: number;
  /** The moment that ages are counted to, in milliseconds. */
  readonly now: number;
}

/** One line for each handler, and below it what holds it back. */
export function handlersText(handlers: readonly HandlerRecord[], options: TextOptions): string {
  if (handlers.length === 0) return 'This agent has no handlers.';
  const { paint, width } = options;
  const head = ['NAME', 'KIND', 'STATE', 'RUNS', 'FAILED', 'QUEUED', 'DROPPED', 'LAST RUN', 'COMMAND'];
  const rows = handlers.map((handler) => [
    printable(handler.name),
    handler.kind,
    handler.state,
    String(handler.runs),
    String(handler.failures),
    String(handler.queued),
    String(handler.dropped),
    lastText(handler, options.now),
    // A handler of event_handlers is named by its configured text, which has the command.
    handler.name.endsWith(handler.command) ? '' : printable(handler.command),
  ]);
  const widths = head.map((word, i) => Math.max(...[word, ...rows.map((row) => row[i] ?? '')].map(cells)));
  const before = widths.slice(0, -1).reduce((sum, one) => sum + one + GAP.length, 0);
  const room = Math.max(SHORTEST_COMMAND, width - before);
  const line = (row: readonly string[], paints: readonly (Paint | undefined)[]): string =>
    row
      .map((cell, i) => {
        const last = i === row.length - 1;
        const text = last ? clip(cell, room) : fill(cell, widths[i] ?? 0);
        return (paints[i] ?? same)(text);
      })
      .join(GAP)
      .trimEnd();
  const lines = [
    line(
      head,
      head.map(() => paint.dim),
    ),
  ];
  handlers.forEach((handler, i) => {
    lines.push(line(rows[i] ?? [], rowPaints(handler, paint)));
    for (const hold of handler.holds) lines.push(paint.yellow(`${GAP}held: ${printable(hold)}`));
  });
  return lines.join('\n');
}

const same: Paint = (text) => text;

function rowPaints(handler: HandlerRecord, paint: Palette): readonly (Paint | undefined)[] {
  const state = { held: paint.yellow, retrying: paint.yellow, running: paint.cyan }[handler.state];
  const last = { ok: paint.green, failed: paint.red, interrupted: paint.red, running: paint.cyan };
  return [
    paint.bold,
    undefined,
    state,
    undefined,
    handler.failures > 0 ? paint.red : undefined,
    undefined,
    handler.dropped > 0 ? paint.red : undefined,
    handler.last === null ? paint.dim : last[handler.last.state],
    paint.dim,
  ];
}

function lastText({ last }: HandlerRecord, now: number): string {
  if (last === null) return 'never';
  return `${last.state} ${ageText(now - Date.parse(last.started))} ago`;
}

/** `4s`, `3m`, `2h`, `5d`: the largest unit that fits. */
export function ageText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / SECOND));
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3_600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3_600)}h`;
  return `${Math.floor(seconds / 86_400)}d`;
}

/** Runs, newest first, each with what it printed. */
export function runsText(runs: readonly HandlerRunRecord[], { paint }: TextOptions): string {
  if (runs.length === 0) return 'No runs on record.';
  return runs.map((run) => runText(run, paint)).join('\n\n');
}

function runText(run: HandlerRunRecord, paint: Palette): string {
  const mark = {
    ok: paint.green('ok'),
    failed: paint.red('failed'),
    interrupted: paint.red('interrupted'),
    running: paint.cyan('running'),
  }[run.state];
  const cause = run.cause === 'event' ? '' : ` (${run.cause})`;
  const attempt = run.attempt > 1 ? `, attempt ${run.attempt}` : '';
  const took = run.duration_ms === undefined ? '' : ` after ${formatDuration(run.duration_ms)}`;
  // What became of a file is news; that a handler exited with 0 is not.
  const silent = run.state === 'ok' && run.kind !== 'renderer';
  const exit = run.exit === undefined || silent ? '' : `: ${printable(run.exit)}`;
  const head = `${paint.bold(`run ${run.id}`)}  ${run.started}  ${printable(run.event)}${cause}${attempt}`;
  return [
    head,
    `${GAP}${mark}${run.step === undefined ? '' : ` at ${run.step}`}${took}${exit}`,
    ...outputLines('stdout', run.stdout ?? '', paint),
    ...outputLines('stderr', run.stderr ?? '', paint),
  ].join('\n');
}

/** An output with its name before each line. */
export function outputLines(name: string, text: string, paint: Palette): readonly string[] {
  if (text === '') return [];
  const lines = printableLines(text).replace(/\n$/, '').split('\n');
  return lines.map((line) => `${GAP}${paint.dim(`${name} |`)} ${line}`);
}

/** What a handler would do with an event, and what came of it when it was run. */
export function testText(test: HandlerTestRecord, paint: Palette): string {
  const lines = [`${paint.bold(printable(test.handler))} ${printable(test.verdict)}`];
  if (test.would_run || test.stdin !== '') {
    lines.push(`${GAP}${paint.dim('command |')} ${printable(test.command)}`);
    for (const [name, value] of Object.entries(test.environment)) {
      lines.push(`${GAP}${paint.dim('env     |')} ${printable(`${name}=${value}`)}`);
    }
    lines.push(...outputLines('stdin  ', test.stdin, paint));
  }
  if (test.executed === null) return lines.join('\n');
  const { ok, exit, stdout, stderr } = test.executed;
  lines.push('', `${GAP}${ok ? paint.green('ran') : paint.red('failed')}: ${printable(exit)}`);
  return [...lines, ...outputLines('stdout', stdout, paint), ...outputLines('stderr', stderr, paint)].join(
    '\n',
  );
}
