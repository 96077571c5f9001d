import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Asked, BALANCER, type Site } from './site.ts';

/** What happens to the site, one thing after another, and what clients noticed. */

/** After an outcome is reached the phase goes on for a moment, so that its consequences are seen in it. */
const AFTER_MS = 700;

/** A request may fail this long after the reload that should have spared it: the old worker still had it. */
const OLD_WORKER_MS = 300;

/** A stretch of time in which one thing happened; times in milliseconds since the epoch. */
export interface Phase {
  readonly name: string;
  readonly from: number;
  readonly to: number;
  /** From the event until the balancer's file was as it should be. */
  readonly tookMs: number;
}

/** What came of it. */
export interface Outcome extends Phase {
  readonly asked: number;
  readonly failures: readonly Asked[];
  readonly slowestMs: number;
  /** Milliseconds from the event to each reload. */
  readonly reloads: readonly number[];
  /** Who answered the last requests. */
  readonly answering: ReadonlySet<string>;
}

/** Runs `event`, which resolves once the outcome is there. */
export async function phase(name: string, event: () => Promise<unknown>): Promise<Phase> {
  const from = Date.now();
  await event();
  const tookMs = Date.now() - from;
  await sleep(AFTER_MS);
  return { name, from, to: Date.now(), tookMs };
}

/** What the client and the reloads say about a phase, once all its requests have ended. */
export function outcomeOf(site: Site, one: Phase): Outcome {
  const mine = site.asked.filter(({ at }) => at >= one.from && at < one.to);
  return {
    ...one,
    asked: mine.length,
    failures: mine.filter(({ by }) => by === undefined),
    slowestMs: mine.reduce((most, { tookMs }) => Math.max(most, tookMs), 0),
    reloads: reloadsOf(site, one),
    answering: new Set(mine.slice(-10).flatMap(({ by }) => (by === undefined ? [] : [by]))),
  };
}

function reloadsOf(site: Site, { from, to }: Phase): number[] {
  return site
    .versions()
    .filter(({ at }) => at >= from && at < to)
    .map(({ at }) => at - from);
}

/**
 * Requests that should not have been lost, a line each. A death excuses those that were under way then, and those begun
 * until the file without the dead was reloaded; nothing else is an excuse.
 */
export function lostRequests(outcomes: readonly Outcome[], isDeath: (name: string) => boolean): string[] {
  return outcomes.flatMap((one, at) => {
    const next = outcomes[at + 1];
    const deathAt = next !== undefined && isDeath(next.name) ? next.from : Number.POSITIVE_INFINITY;
    const lost = isDeath(one.name) ? failuresAfterReload(one) : one.failures;
    return lost
      .filter((request) => request.at + request.tookMs < deathAt)
      .map((request) => `${one.name}: ${request.trouble}, begun ${request.at - one.from} ms after`);
  });
}

function failuresAfterReload({ failures, reloads, from }: Outcome): readonly Asked[] {
  const last = reloads.at(-1);
  if (last === undefined) return failures;
  return failures.filter(({ at }) => at > from + last + OLD_WORKER_MS);
}

/** What is wrong with the versions that were put in force; haproxy itself is asked. */
export function invalidVersions(site: Site, haproxy: string): string[] {
  return site.versions().flatMap(({ path }) => {
    const { status, stderr, stdout } = spawnSync(haproxy, ['-c', '-f', path], { encoding: 'utf8' });
    return status === 0 ? [] : [`${path}: ${stdout}${stderr}`];
  });
}

/** The guards that hold the balancer's file now. */
export async function held(site: Site): Promise<string[]> {
  const [record] = await site.rpc(BALANCER, (client) => client.renderers());
  return record?.holds.map(({ guard }) => guard) ?? [];
}

/** Milliseconds until the balancer's file lists these servers and no others. */
export function listed(site: Site, wanted: readonly string[]): Promise<number> {
  const text = [...wanted].sort().join(' ');
  return site.until(`the file lists ${text}`, () => site.servers().sort().join(' ') === text);
}

/** A table for people. */
export function report(outcomes: readonly Outcome[]): string {
  const head = [
    'what happens',
    'requests',
    'failed',
    'slowest, ms',
    'file right after, ms',
    'reloads after, ms',
  ];
  const rows = outcomes.map((one) => [
    one.name,
    String(one.asked),
    failuresText(one),
    one.slowestMs.toFixed(0),
    String(one.tookMs),
    one.reloads.length === 0 ? 'none' : one.reloads.join(', '),
  ]);
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(head), '| --- | ---: | ---: | ---: | ---: | ---: |', ...rows.map(line)].join('\n');
}

function failuresText({ failures, from }: Outcome): string {
  if (failures.length === 0) return '0';
  const times = failures.map(({ at }) => at - from);
  const why = [...new Set(failures.map(({ trouble }) => trouble))].join(', ');
  return `${failures.length} (${why}), begun ${Math.min(...times)} to ${Math.max(...times)} ms after`;
}
