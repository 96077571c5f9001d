import type { Results, Spread } from './results.ts';
import { weatherText } from './step-text.ts';

/** Marks words in a text for a terminal; each returns its text unchanged where there is none. */
export interface TextPaint {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
}

const WIDTH = 80;
/** Steps are listed up to so many. */
const STEPS_SHOWN = 40;
const CELL = 9;

/** The report for a terminal or a pipe, at most 80 columns wide. */
export function resultsText(results: Results, paint: TextPaint): string[] {
  const lines = [
    paint.bold(headline(results)),
    ...conditions(results).map((line) => `  ${line}`),
    '',
    ...stepLines(results, paint),
    ...timeLines(results, paint),
    ...alarmLines(results, paint),
    ...bandwidthLines(results, paint),
    verdict(results, paint),
    paint.dim(traceText(results)),
  ];
  return lines;
}

/** What the digest is good for; of a rehearsal that was stopped the command line does not say where. */
export function traceText({ trace_hash: hash, complete }: Results): string {
  return complete
    ? `Trace ${hash}: the same command gives the same trace, to the last byte.`
    : `Trace ${hash} of what was rehearsed so far.`;
}

/** How long the cluster took to form. */
export function formedText({ formed_ms: ms, complete }: Results): string {
  if (ms !== null) return `formed in ${seconds(ms)}`;
  return complete ? 'never formed' : 'had not formed yet';
}

function headline(results: Results): string {
  const stopped = results.complete ? '' : ' · interrupted';
  return `${results.nodes} nodes · ${results.profile} · seed ${results.seed}${stopped}`;
}

function conditions(results: Results): string[] {
  return [
    ...wrapped(
      `weather: ${weatherText(results.weather)}; gossip ${results.encrypted ? 'encrypted' : 'plain'}`,
    ),
    `${formedText(results)}, then watched for ${seconds(results.duration_ms)}`,
  ];
}

/** A text in lines that leave room for the indent. */
function wrapped(text: string): string[] {
  const lines: string[] = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? '';
    if (line.length + word.length + 3 > WIDTH) lines.push(word);
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`;
  }
  return lines;
}

/** Seconds as people read them: 0.84 s, 12.3 s, 4 min 5 s. */
export function seconds(ms: number | null): string {
  if (ms === null) return '–';
  if (ms < 9_995) return `${(ms / 1000).toFixed(2)} s`;
  if (ms < 120_000) return `${(ms / 1000).toFixed(1)} s`;
  const whole = Math.round(ms / 1000);
  return `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

function stepLines({ steps }: Results, paint: TextPaint): string[] {
  if (steps.length === 0) return [];
  const shown = steps.slice(0, STEPS_SHOWN);
  const hidden = steps.length - shown.length;
  return [
    row(paint.bold('Steps'), 'Steps'.length, ['all agree']),
    ...shown.map((step) => {
      const at = seconds(step.at_ms).padStart(11);
      const agreed = step.agreed_ms === null ? (step.asks_agreement ? 'never' : '') : after(step.agreed_ms);
      const text = `${at}  ${step.text}`;
      return text.length + agreed.length + 1 <= WIDTH
        ? (text + agreed.padStart(WIDTH - text.length)).trimEnd()
        : `${text.slice(0, WIDTH - agreed.length - 2)}… ${agreed}`;
    }),
    ...(hidden > 0 ? [paint.dim(`             and ${hidden} more`)] : []),
    '',
  ];
}

function after(ms: number): string {
  return ms === 0 ? 'at once' : `after ${seconds(ms)}`;
}

/** A label and cells at the right edge; `length` is what the label takes on a screen. */
function row(label: string, length: number, cells: readonly string[]): string {
  const right = cells.map((cell) => cell.padStart(CELL)).join('');
  return label + ' '.repeat(Math.max(1, WIDTH - length - right.length)) + right;
}

function timeLines(results: Results, paint: TextPaint): string[] {
  const { detection, leaves, joins, user_events: events } = results;
  const rows: readonly (readonly [string, Spread])[] = [
    ['death noticed by the first', detection.first],
    ['death known to all', detection.all],
    ['death known, from the first on', detection.dissemination],
    ['leave known to all', leaves.all],
    ['join known to all', joins.all],
    ['user event, each member', events.each],
    ['user event, the last member', events.all],
  ];
  const filled = rows.filter(([, spread]) => spread.count > 0);
  if (filled.length === 0) return [];
  const head = ['count', 'median', '90 %', '99 %', 'max'];
  return [
    row(paint.bold('How long until'), 'How long until'.length, head),
    ...filled.map(([label, spread]) =>
      row(`  ${label}`, label.length + 2, [
        String(spread.count),
        ...[spread.p50_ms, spread.p90_ms, spread.p99_ms, spread.max_ms].map(seconds),
      ]),
    ),
    ...remarks(results, paint),
    '',
  ];
}

function remarks({ detection, leaves, user_events: events }: Results, paint: TextPaint): string[] {
  const lines: string[] = [];
  if (leaves.called_failed.announcements > 0) lines.push(paint.yellow(`  ${leaversText(leaves)}`));
  if (detection.unknown_to_some > 0) {
    lines.push(
      paint.yellow(`  ${detection.unknown_to_some} of ${detection.count} deaths did not become known to all`),
    );
  }
  if (events.missed > 0) {
    const total = events.deliveries + events.missed;
    lines.push(paint.yellow(`  user events missed ${events.missed} of ${total} times`));
  }
  return lines;
}

/** A node that hears of a departure before the word of the leave takes it for a failure. */
export function leaversText({ called_failed: { announcements, members } }: Results['leaves']): string {
  const who = `${members} ${members === 1 ? 'member that left was' : 'members that left were'}`;
  return `${who} called failed ${announcements} ${announcements === 1 ? 'time' : 'times'}: the word came late`;
}

function alarmLines({ false_positives: alarms }: Results, paint: TextPaint): string[] {
  const rows = [
    ['by or about a member that was cut off or stopped', alarms.unreachable],
    ['while others were cut off or stopped, or just after', alarms.aftermath],
    ['for no such reason', alarms.quiet],
  ] as const;
  return [
    row(paint.bold('Live members called failed'), 26, ['times', 'members']),
    ...rows.map(([label, count]) => {
      const cells = [String(count.announcements), String(count.members)];
      const line = row(`  ${label}`, label.length + 2, cells);
      return count === alarms.quiet && count.announcements > 0 ? paint.red(line) : line;
    }),
    '',
  ];
}

function bandwidthLines({ bandwidth }: Results, paint: TextPaint): string[] {
  if (bandwidth === null) return [];
  const rows = [
    ['datagrams', bandwidth.datagram_bytes_per_second, bytes],
    ['', bandwidth.datagrams_per_second, perSecond],
    ['streams', bandwidth.stream_bytes_per_second, bytes],
    ['', bandwidth.streams_per_second, perSecond],
  ] as const;
  const wide = (text: string): string => text.padStart(13);
  return [
    row(paint.bold('Sent by a node'), 14, ['mean', '99 %', 'max'].map(wide)),
    ...rows.map(([label, share, unit]) =>
      row(
        `  ${label}`,
        label.length + 2,
        [share.mean, share.p99, share.max].map((value) => wide(unit(value))),
      ),
    ),
    '',
  ];
}

/** Bytes a second: 840 B/s, 1.24 kB/s. */
export function bytes(value: number): string {
  if (value < 1000) return `${Math.round(value)} B/s`;
  if (value < 1_000_000) return `${tidy(value / 1000)} kB/s`;
  return `${tidy(value / 1_000_000)} MB/s`;
}

/** How often in a second. */
export function perSecond(value: number): string {
  return `${tidy(value)} /s`;
}

/** Three digits that say something. */
function tidy(value: number): string {
  if (value === 0) return '0';
  if (value >= 100) return value.toFixed(0);
  return value >= 10 ? value.toFixed(1) : value >= 0.01 ? value.toFixed(2) : value.toFixed(4);
}

function verdict(results: Results, paint: TextPaint): string {
  if (!results.complete) {
    return paint.yellow(
      results.converged
        ? 'Interrupted; just then all members agreed about who is alive.'
        : 'Interrupted before all members agreed.',
    );
  }
  if (!results.converged) {
    return paint.red('NOT CONVERGED: some running members disagree about who is alive.');
  }
  if (results.nodes_at_end === 0)
    return paint.yellow('No node runs any more: there is nobody left to agree.');
  if (results.steps.length === 0) return paint.green('All members agree about who is alive.');
  const { converged_ms: ms } = results;
  const when = ms === null || ms === 0 ? 'when the last step was over' : `${seconds(ms)} after the last step`;
  return paint.green(`Converged: all members agreed about who is alive ${when}.`);
}
