import { formatDuration } from '../../base/duration.ts';
import { FAULTS, type FaultName } from '../faults.ts';
import { plainNumber } from '../report/axis.ts';
import { escaped } from '../report/line-chart.ts';
import { chartsOf } from './charts.ts';
import { PAGE_STYLE } from './page-style.ts';
import type { Rehearsal } from './rehearsal.ts';
import type { Results, Spread } from './results.ts';
import { weatherText } from './step-text.ts';
import { bytes, formedText, leaversText, perSecond, seconds, traceText } from './text.ts';

/** The report as one HTML page that loads nothing else. `command` is what was typed. */
export function resultsPage(rehearsal: Rehearsal, results: Results, command: string): string {
  const title = `${results.nodes} nodes, ${results.profile}, seed ${results.seed}`;
  const parts = [
    '<!doctype html>',
    '<html lang="en"><head><meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width,initial-scale=1">',
    '<meta name="color-scheme" content="light dark">',
    `<title>Rehearsal: ${escaped(title)}</title>`,
    `<style>${PAGE_STYLE}</style></head><body><main>`,
    header(results, title, command),
    tiles(results),
    `<section class="charts">${chartsOf(rehearsal)
      .map((chart) => `<figure>${chart}</figure>`)
      .join('\n')}</section>`,
    '<div class="tables">',
    steps(results),
    times(results),
    alarms(results),
    bandwidth(results),
    settings(results),
    faults(results),
    '</div>',
    `<footer>${escaped(traceText(results))}</footer>`,
    '</main></body></html>',
    '',
  ];
  return parts.filter((part) => part !== '').join('\n');
}

function header(results: Results, title: string, command: string): string {
  const [word, look] = badgeOf(results);
  const secret = results.encrypted ? ', encrypted' : '';
  return [
    `<header><h1>${escaped(title)} <span class="badge ${look}">${word}</span></h1>`,
    `<p>Weather: ${escaped(weatherText(results.weather))}${secret}. The cluster ${formedText(results)} and was watched for ${seconds(results.duration_ms)} of virtual time.</p>`,
    `<p><code>${escaped(command)}</code></p></header>`,
  ].join('\n');
}

/** How it ended, in a word, and how that looks. */
export function badgeOf(results: Results): readonly [word: string, look: 'good' | 'bad' | 'warn'] {
  if (!results.complete) return ['interrupted', 'warn'];
  if (!results.converged) return ['not converged', 'bad'];
  return results.nodes_at_end === 0 ? ['nobody left', 'warn'] : ['converged', 'good'];
}

function tiles(results: Results): string {
  const { detection, user_events: events, false_positives: alarms, bandwidth: sent } = results;
  const list: (readonly [value: string, label: string])[] = [];
  if (results.steps.length > 0) {
    list.push([
      seconds(results.converged ? results.converged_ms : null),
      'until all agreed, after the last step',
    ]);
  }
  if (detection.count > 0) {
    list.push([seconds(detection.first.p50_ms), 'until the first member notices a death, median']);
    list.push([seconds(detection.all.p50_ms), 'until all members know of a death, median']);
  }
  if (events.sent > 0) list.push([seconds(events.each.p99_ms), 'until 99 % of members have a user event']);
  list.push([
    plainNumber(alarms.quiet.announcements),
    'times a live member was called failed for no reason but the weather',
  ]);
  if (sent !== null) {
    const mean = sent.datagram_bytes_per_second.mean + sent.stream_bytes_per_second.mean;
    list.push([bytes(mean), 'sent by a node, mean']);
  }
  const tile = ([value, label]: readonly [string, string]): string =>
    `<div class="tile"><b>${escaped(value)}</b><span>${escaped(label)}</span></div>`;
  return `<section class="tiles">${list.map(tile).join('')}</section>`;
}

/** A table; the first column is text, the others are figures. Empty without rows. */
function table(
  title: string,
  head: readonly string[],
  rows: readonly (readonly string[])[],
  note = '',
): string {
  if (rows.length === 0) return '';
  const cells = (row: readonly string[], tag: 'td' | 'th'): string =>
    `<tr>${row.map((cell) => `<${tag}>${escaped(cell)}</${tag}>`).join('')}</tr>`;
  return [
    `<section><h2>${escaped(title)}</h2><div class="scroll"><table><thead>${cells(head, 'th')}</thead><tbody>`,
    ...rows.map((row) => cells(row, 'td')),
    `</tbody></table></div>${note === '' ? '' : `<p class="note">${escaped(note)}</p>`}</section>`,
  ].join('\n');
}

function steps({ steps: list }: Results): string {
  return table(
    'Steps',
    ['what', 'at', 'until', 'all agreed after'],
    list.map((step) => [
      step.text,
      seconds(step.at_ms),
      step.until_ms === step.at_ms ? '' : seconds(step.until_ms),
      step.asks_agreement ? (step.agreed_ms === null ? 'never' : seconds(step.agreed_ms)) : '',
    ]),
  );
}

function times(results: Results): string {
  const { detection, leaves, joins, user_events: events } = results;
  const rows: readonly (readonly [string, Spread])[] = [
    ['death noticed by the first member', detection.first],
    ['death known to a member', detection.each],
    ['death known to all', detection.all],
    ['death known to a member, from the first on', detection.dissemination],
    ['leave known to a member', leaves.each],
    ['leave known to all', leaves.all],
    ['join known to a member', joins.each],
    ['join known to all', joins.all],
    ['user event, each member', events.each],
    ['user event, the last member', events.all],
  ];
  const line = ([label, spread]: readonly [string, Spread]): string[] => [
    label,
    plainNumber(spread.count),
    ...[spread.mean_ms, spread.p50_ms, spread.p90_ms, spread.p99_ms, spread.max_ms].map(seconds),
  ];
  const notes = [
    ...(leaves.called_failed.announcements === 0 ? [] : [`${leaversText(leaves)}.`]),
    ...(events.missed === 0
      ? []
      : [`User events missed ${events.missed} of ${events.missed + events.deliveries} times.`]),
  ];
  return table(
    'How long until',
    ['', 'count', 'mean', 'median', '90 %', '99 %', 'max'],
    rows.filter(([, spread]) => spread.count > 0).map(line),
    notes.join(' '),
  );
}

function alarms({ false_positives: { quiet, aftermath, unreachable } }: Results): string {
  const row = (label: string, count: typeof quiet): string[] => [
    label,
    plainNumber(count.announcements),
    plainNumber(count.members),
  ];
  return table(
    'Live members called failed',
    ['', 'times', 'members'],
    [
      row('by or about a member that was cut off or stopped', unreachable),
      row('while others were cut off or stopped, or just after', aftermath),
      row('for no such reason', quiet),
    ],
  );
}

function bandwidth({ bandwidth: sent }: Results): string {
  if (sent === null) return '';
  const rows = [
    ['datagrams', sent.datagram_bytes_per_second, bytes],
    ['datagrams', sent.datagrams_per_second, perSecond],
    ['streams', sent.stream_bytes_per_second, bytes],
    ['streams', sent.streams_per_second, perSecond],
  ] as const;
  return table(
    'Sent by a node',
    ['', 'mean', '99 %', 'max'],
    rows.map(([label, share, unit]) => [label, unit(share.mean), unit(share.p99), unit(share.max)]),
    'Payloads of UDP and TCP, without their headers. Nodes that run at the end.',
  );
}

function settings({ timings }: Results): string {
  return table(
    'Timings',
    ['', ''],
    Object.entries(timings).map(([key, value]) =>
      key.endsWith('_ms') ? [key.slice(0, -3), formatDuration(value)] : [key, String(value)],
    ),
  );
}

function faults({ faults: counts }: Results): string {
  return table(
    'What the world did',
    ['', 'times'],
    Object.entries(counts).map(([name, count]) => [FAULTS[name as FaultName], plainNumber(count)]),
  );
}
