import type {
  CommandRecord,
  PreviewRecord,
  RendererRecord,
  RenderRunRecord,
} from '../../rpc/render-records.ts';
import { columns } from '../format.ts';

/** What people see of renderers. */

/** A table, and below it whatever needs an eye. */
export function renderersText(renderers: readonly RendererRecord[]): string {
  if (renderers.length === 0)
    return "No renderers: add 'renderers' to the configuration, see docs/renderers.md.";
  const rows = renderers.map((renderer) => [
    renderer.name,
    renderer.state,
    members(renderer.members),
    renderer.target,
    lastText(renderer),
  ]);
  const details = renderers.flatMap(troubles);
  const table = columns([['NAME', 'STATE', 'MEMBERS', 'TARGET', 'LAST'], ...rows]);
  return details.length === 0 ? table : `${table}\n\n${details.join('\n')}`;
}

function lastText({ attempts }: RendererRecord): string {
  const last = attempts.at(-1);
  return last === undefined
    ? 'nothing yet'
    : `${last.outcome} ${last.at.replace(/\.\d+Z$/, 'Z')} (${last.reason})`;
}

function troubles({ name, holds, leftOut, damped, attempts }: RendererRecord): readonly string[] {
  const last = attempts.at(-1);
  return [
    ...holds.map(({ guard, text }) => `${name}: HELD by ${guard}: ${text}`),
    ...(holds.length === 0 ? [] : [`${name}: 'agent handlers approve ${name}' lets it write once`]),
    ...(last?.error === undefined
      ? []
      : [`${name}: FAILED: ${last.error}`, ...last.commands.flatMap(outputOf)]),
    ...leftOut.map((one) => `${name}: left out ${JSON.stringify(one.name)}: ${one.why}`),
    ...damped.map((node) => `${name}: kept out for flapping: ${JSON.stringify(node)}`),
  ];
}

/** What would change, and why it may not. */
export function previewText(name: string, found: PreviewRecord, withDiff: boolean): string {
  const lines: string[] = [];
  if (withDiff && found.diff !== '') lines.push(found.diff);
  if (withDiff && !found.same && found.diff === '') {
    lines.push('(The file is not for everybody: use the unix socket or an RPC key to see the difference.)');
  }
  if (!withDiff) {
    const what = found.same ? 'is right' : 'would change';
    lines.push(`${name}: ${found.target} ${what} (${members(found.members)})`);
  }
  for (const { name: node, why } of found.leftOut) lines.push(`# left out ${JSON.stringify(node)}: ${why}`);
  for (const { guard, text } of found.holds) lines.push(`# held by ${guard}: ${text}`);
  return lines.join('\n');
}

/** How a render went, with the output of commands that failed. */
export function runText(name: string, { attempt, holds }: RenderRunRecord): string {
  if (attempt === undefined) {
    const reasons = holds.map(({ guard, text }) => `  ${guard}: ${text}`);
    return [`${name}: held, nothing was written`, ...reasons].join('\n');
  }
  const steps = attempt.commands.map(
    ({ step, outcome, durationMs }) => `  ${step}: ${outcome} (${durationMs} ms)`,
  );
  const error = attempt.error === undefined ? [] : [`  ${attempt.error}`];
  const head = `${name}: ${attempt.outcome} (${members(attempt.members)}, ${attempt.durationMs} ms)`;
  return [head, ...steps, ...error, ...attempt.commands.flatMap(outputOf)].join('\n');
}

function outputOf({ ok, stdout, stderr }: CommandRecord): readonly string[] {
  if (ok) return [];
  const lines = `${stdout}${stderr}`.trim().split('\n');
  return lines.filter((line) => line !== '').map((line) => `    | ${line}`);
}

function members(count: number): string {
  return count === 1 ? '1 member' : `${count} members`;
}
