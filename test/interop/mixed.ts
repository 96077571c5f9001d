import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from 'vitest';
import { describeWithSerf, SERF_BIN } from '../support/interop.ts';
import {
  type Daemon,
  type DaemonOptions,
  type Kind,
  type ListedMember,
  startReeve,
  startSerf,
  waitFor,
} from './helpers.ts';

/**
 * Clusters of real Serf agents and ours. Every suite runs against the installed Serf, and a second time against
 * the one that `REEVE_SERF_NEWER` names, if any.
 */

/** One Serf release to form clusters with, and where its clusters live. */
export interface Real {
  readonly binary: string;
  /** The first member of a group's addresses: group 3, host 2 is 127.97.3.2, or 127.97.103.2 for the newer Serf. */
  readonly ip: (group: number, host: number) => string;
}

const NEWER = process.env['REEVE_SERF_NEWER'];
const NEWER_GROUPS = 100;

function real(binary: string, firstGroup: number): Real {
  return { binary, ip: (group, host) => `127.97.${firstGroup + group}.${host}` };
}

/** Runs `suite` once for each Serf there is; without any it is skipped, and the run says so. */
export function describeMixed(title: string, suite: (real: Real) => void): void {
  describeWithSerf(title, () => suite(real(SERF_BIN ?? 'serf', 0)));
  if (NEWER !== undefined) describe(`${title} (${NEWER})`, () => suite(real(NEWER, NEWER_GROUPS)));
}

/** What an agent's event handlers saw, from its start. Outlives a restart with the same recorder. */
export interface Recorder {
  /** Flags that make an agent record. */
  readonly flags: readonly string[];
  /** User events in order of arrival: `NAME LTIME STDIN`, the last in base64. */
  userEvents(): string[];
  /** The payloads of the user events called `name`, in order of arrival. */
  payloads(name: string): string[];
  /** What happened to a member, in order, without the `member-`: `join`, `failed`, ... */
  history(member: string): string[];
}

const folder = mkdtempSync(join(tmpdir(), 'reeve-mixed-'));
process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
let recorders = 0;

/** A folder that vanishes with the test process. */
export function scratchFolder(): string {
  return mkdtempSync(join(folder, 'scratch-'));
}

export function recorder(): Recorder {
  recorders += 1;
  const users = join(folder, `users-${recorders}`);
  const members = join(folder, `members-${recorders}`);
  for (const file of [users, members]) appendFileSync(file, '');
  const userScript = `printf '%s %s %s\\n' "$SERF_USER_EVENT" "$SERF_USER_LTIME" "$(base64 -w0)" >> ${users}`;
  const memberScript = `while read -r name rest; do echo "$SERF_EVENT $name"; done >> ${members}`;
  const lines = (file: string): string[] => readFileSync(file, 'utf8').split('\n').slice(0, -1);
  return {
    flags: [
      `-event-handler=user=${userScript}`,
      `-event-handler=member-join,member-leave,member-failed,member-update,member-reap=${memberScript}`,
    ],
    userEvents: () => lines(users),
    payloads: (name) =>
      lines(users)
        .map((line) => line.split(' '))
        .filter(([event]) => event === name)
        .map(([, , stdin = '']) => Buffer.from(stdin, 'base64').toString().replace(/\n$/, '')),
    history: (member) =>
      lines(members)
        .map((line) => line.split(' '))
        .filter(([, name]) => name === member)
        .map(([event = '']) => event.replace('member-', '')),
  };
}

/** An agent with a recorder. */
export interface Node extends Daemon {
  readonly seen: Recorder;
}

/** How a node is started; `kind` says whose agent it is. */
export interface NodeOptions extends DaemonOptions {
  readonly seen?: Recorder;
}

/** Starts an agent of either kind that records its events. */
export async function startNode(real: Real, kind: Kind, options: NodeOptions): Promise<Node> {
  const { seen = recorder(), args = [], ...rest } = options;
  const all = { ...rest, args: [...seen.flags, ...args] };
  const daemon = kind === 'serf' ? await startSerf({ ...all, binary: real.binary }) : await startReeve(all);
  return { ...daemon, seen };
}

/** Two real agents and two of ours, joined through one another. */
export interface Cluster {
  readonly s1: Node;
  readonly s2: Node;
  readonly r1: Node;
  readonly r2: Node;
  readonly all: readonly Node[];
}

/**
 * Forms a cluster in group `group`, where s1 is the seed: ours joins a real agent and a real one joins ours. `args`
 * are flags for one node. Resolves when each lists all four as alive.
 */
export async function startCluster(
  real: Real,
  group: number,
  args: (name: string) => readonly string[] = () => [],
): Promise<Cluster> {
  const start = (kind: Kind, name: string, host: number, seed?: Node): Promise<Node> =>
    startNode(real, kind, {
      name,
      ip: real.ip(group, host),
      args: [...args(name), ...(seed === undefined ? [] : [`-join=${seed.ip}`])],
    });
  const s1 = await start('serf', 's1', 1);
  const r1 = await start('reeve', 'r1', 2, s1);
  const [s2, r2] = await Promise.all([start('serf', 's2', 3, r1), start('reeve', 'r2', 4, s1)]);
  const all = [s1, r1, s2, r2];
  await waitForAll(
    all,
    all.map(({ name }) => name),
    'alive',
  );
  return { s1, s2, r1, r2, all };
}

/** Waits until each of `observers` lists each of `names` with this status. */
export async function waitForAll(
  observers: readonly Daemon[],
  names: readonly string[],
  status: string,
  timeoutMs = 40_000,
): Promise<void> {
  await Promise.all(
    observers.map((observer) =>
      waitFor(
        `${observer.name} to see ${names.join()} as ${status}`,
        async () => {
          const members = await observer.members();
          return names.every((name) => members.get(name)?.status === status);
        },
        timeoutMs,
      ),
    ),
  );
}

/** Waits until each of `observers` has lost `name` from its list. */
export async function waitForgotten(observers: readonly Daemon[], name: string): Promise<void> {
  for (const observer of observers)
    await waitFor(`${observer.name} to forget ${name}`, async () => !(await observer.members()).has(name));
}

/** The member's entry, which has to be there. */
export async function memberOf(observer: Daemon, name: string): Promise<ListedMember> {
  return waitFor(`${observer.name} to list ${name}`, async () => (await observer.members()).get(name));
}

/** Runs a client command of the daemon's own kind that has to succeed, and returns what it printed. */
export async function succeed(daemon: Daemon, ...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await daemon.cli(args);
  if (code !== 0)
    throw new Error(`${args.join(' ')} on ${daemon.name} ended with ${code}: ${stdout}${stderr}`);
  return stdout;
}

/** Warnings and errors of an agent's log, without the dates. */
export function complaints(daemon: Daemon): string[] {
  return daemon
    .logs()
    .split('\n')
    .filter((line) => /\[(WARN|ERR)\]/.test(line))
    .map((line) => line.replace(/^.*?(?=\[)/, ''));
}
