import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { resolve } from 'node:path';

/** Which agents of this host read a configuration directory, found by their command lines. */

/** A process as `/proc` shows it. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  /** Its command line. */
  readonly words: readonly string[];
  /** Its working directory; `/` where it is not ours to see. */
  readonly directory: string;
  readonly isUnit: boolean;
}

/**
 * The agents among processes that were started with `-config-dir` and this directory. A wrapper that has the same words
 * behind it (`npx`, `sudo`, a shell) is none, nor is a child of the agent in the instant before it becomes its program.
 */
export function agentsAmong(processes: readonly ProcessEntry[], directory: string): readonly ProcessEntry[] {
  const named = processes.filter(({ words, directory: own }) => {
    const run = words.findIndex((word) => word === 'run' || word === 'agent');
    return run >= 1 && readsDirectory(words.slice(run + 1), own, directory);
  });
  const isSame = (a: ProcessEntry, b: ProcessEntry): boolean => a.words.join('\0') === b.words.join('\0');
  const agents = named.filter((one) => !named.some((up) => up.pid === one.parent && isSame(up, one)));
  return agents.filter(({ pid }) => !agents.some(({ parent }) => parent === pid));
}

function readsDirectory(words: readonly string[], from: string, directory: string): boolean {
  return words.some((word, index) => {
    const [flag, value] = /^--?config-(?:dir|file)(?:=(.*))?$/.exec(word) ?? [];
    return flag !== undefined && resolve(from, value ?? words[index + 1] ?? '') === directory;
  });
}

/** Those of this host, but for this process; none where there is no `/proc`. */
export function processesHere(): readonly ProcessEntry[] {
  if (!existsSync('/proc/self/cmdline')) return [];
  return readdirSync('/proc').flatMap((entry) => {
    if (!/^\d+$/.test(entry) || Number(entry) === process.pid) return [];
    const words = textOf(`/proc/${entry}/cmdline`).split('\0');
    // The parent is the second field behind the name, which stands in parentheses and may hold anything.
    const stat = textOf(`/proc/${entry}/stat`);
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
    const isUnit = textOf(`/proc/${entry}/cgroup`).includes('/reeve.service');
    return [{ pid: Number(entry), parent, words, directory: workingDirectory(entry), isUnit }];
  });
}

function workingDirectory(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    // It ended meanwhile, or is none of ours to look at.
    return '/';
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
