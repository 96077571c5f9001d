import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readArguments, wholeNumber } from '../../../scripts/lib/arguments.ts';
import { type Mutation, mutate } from './mutation.ts';
import { MUTATIONS } from './table.ts';

/**
 * Puts each deliberate bug into a copy of the
 * source, in turn, and lets the campaign look for it. Prints the table; exits with 1 when a bug was not found, or when a
 * rule is said to be broken in the source as it is.
 */

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
/** A bug that keeps a world from ever ending is found by this. */
const HUNT_LIMIT_MS = 600_000;

interface Finding {
  readonly mutation: string;
  readonly file: string;
  /** The rule that was broken; `endless` when the run did not end; undefined when no seed noticed anything. */
  readonly check: string | undefined;
  readonly seed: number | undefined;
  readonly text: string;
}

const USAGE = `npm run sim:mutations                        every deliberate bug, 200 seeds each
npm run sim:mutations -- --seeds 250         seeds each may take to be found
                         --only refutation   bugs whose name has this text
                         --control 50        seeds without a bug, none of which may fail
                         --jobs 2            hunts at a time
                         --json FILE         the table for programs`;

const { values } = readArguments(USAGE, {
  seeds: { type: 'string', default: '200' },
  only: { type: 'string', default: '' },
  control: { type: 'string', default: '50' },
  jobs: { type: 'string', default: '2' },
  json: { type: 'string' },
});

/** A copy of what the campaign needs, the bug in it. Its owner removes it. */
function copyWith(mutation: Mutation | undefined): string {
  const folder = mkdtempSync(join(tmpdir(), 'reeve-mutation-'));
  for (const part of ['src', 'test/sim/mutations', 'package.json', 'tsconfig.json'])
    cpSync(join(ROOT, part), join(folder, part), { recursive: true });
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  if (mutation !== undefined) {
    const path = join(folder, mutation.file);
    writeFileSync(path, mutate(readFileSync(path, 'utf8'), mutation));
  }
  return folder;
}

async function hunt(mutation: Mutation | undefined, seeds: number): Promise<Finding> {
  const folder = copyWith(mutation);
  const about = { mutation: mutation?.name ?? 'none', file: mutation?.file ?? '' };
  try {
    const child = spawn(
      process.execPath,
      ['--import', 'tsx', 'test/sim/mutations/hunt.ts', '1', String(seeds)],
      {
        cwd: folder,
        stdio: ['ignore', 'pipe', 'pipe'],
      },
    );
    let out = '';
    let err = '';
    child.stdout.on('data', (bytes: Buffer) => {
      out += bytes;
    });
    child.stderr.on('data', (bytes: Buffer) => {
      err = `${err}${bytes}`.slice(-2_000);
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), HUNT_LIMIT_MS);
    const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
    clearTimeout(timer);
    if (code === null) return { ...about, check: 'endless', seed: undefined, text: 'the run did not end' };
    if (code !== 0) throw new Error(`the hunt for '${about.mutation}' could not be run: ${err}`);
    const found = JSON.parse(out) as { seed: number; check: string; text: string } | null;
    return { ...about, check: found?.check, seed: found?.seed, text: found?.text ?? '' };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function main(): Promise<number> {
  const seeds = wholeNumber(USAGE, 'seeds', values.seeds, 1);
  const jobs = wholeNumber(USAGE, 'jobs', values.jobs, 1);
  const unharmed = wholeNumber(USAGE, 'control', values.control, 1);
  const queue = MUTATIONS.filter(({ name }) => name.includes(values.only));
  const findings: Finding[] = [];
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const finding = await hunt(next, seeds);
      findings.push(finding);
      process.stdout.write(`${rowOf(finding)}\n`);
    }
  };
  process.stdout.write(`| deliberate bug | in | broken rule | seed |\n|---|---|---|---|\n`);
  await Promise.all(Array.from({ length: jobs }, worker));
  const missed = findings.filter(({ check }) => check === undefined);
  process.stdout.write(
    `\n${findings.length - missed.length} of ${findings.length} found within ${seeds} seeds\n`,
  );
  const control = await hunt(undefined, unharmed);
  if (control.check !== undefined)
    process.stdout.write(`without a bug: ${control.check} at seed ${control.seed}: ${control.text}\n`);
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(findings, undefined, 2)}\n`);
  return missed.length > 0 || control.check !== undefined ? 1 : 0;
}

function rowOf({ mutation, file, check, seed }: Finding): string {
  return `| ${mutation} | ${file} | ${check ?? 'NOT FOUND'} | ${seed ?? ''} |`;
}

process.exitCode = await main();
