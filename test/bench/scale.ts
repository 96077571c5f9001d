import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import type { KillResult, QuietResult } from './scale-run.ts';

/**
 * How big worlds may be, and how fast they run: quiet clusters, 5 % of 5,000 nodes killed at once, a cluster that forms,
 * ten thousand nodes in one process. Each experiment is a process of its own, bundled as the product is. Prints
 * figures. Run: npm run bench:scale, or with some of the names `quiet kill form huge`
 */

const HEAP_MIB = 14_000;
const folder = mkdtempSync(join(tmpdir(), 'reeve-scale-'));
const program = join(folder, 'scale-run.mjs');

function run<T>(...args: readonly (string | number)[]): T {
  process.stderr.write(`${args.join(' ')}\n`);
  const flags = ['--expose-gc', `--max-old-space-size=${HEAP_MIB}`];
  const child = spawnSync(process.execPath, [...flags, program, ...args.map(String)], {
    stdio: ['ignore', 'pipe', 'inherit'],
    encoding: 'utf8',
  });
  if (child.status !== 0) throw new Error(`${args.join(' ')} ended with ${child.status ?? child.signal}`);
  return JSON.parse(child.stdout) as T;
}

function row(cells: readonly string[]): void {
  process.stdout.write(`| ${cells.join(' | ')} |\n`);
}

function heading(cells: readonly string[]): void {
  process.stdout.write('\n');
  row(cells);
  row(cells.map(() => '---'));
}

const seconds = (ms: number | undefined): string =>
  ms === undefined ? 'not in time' : `${(ms / 1000).toFixed(0)} s`;
const gib = (mib: number): string => `${(mib / 1024).toFixed(1)} GiB`;

/** [nodes, virtual seconds] */
const QUIET = [
  [100, 100],
  [300, 100],
  [1000, 100],
  [2000, 20],
  [5000, 10],
] as const;

function quiet(sizes: readonly (readonly [nodes: number, seconds: number])[]): void {
  heading([
    'quiet nodes',
    'virtual s',
    '× real time',
    'best fifth',
    'node-seconds per CPU s',
    'bytes per record: tables',
    'all',
    'peak RSS',
  ]);
  for (const [nodes, long] of sizes) {
    const result = run<QuietResult>('quiet', nodes, long);
    row([
      nodes.toLocaleString('en'),
      String(long),
      result.realTime.toFixed(1),
      result.bestRealTime.toFixed(1),
      Math.round(result.nodeSecondsPerCpuSecond).toLocaleString('en'),
      result.tableBytesPerRecord.toFixed(0),
      result.allBytesPerRecord.toFixed(0),
      gib(result.peakRssMiB),
    ]);
  }
}

function kill(experiment: 'kill' | 'form', nodes: number, spreadSeconds: number): void {
  heading(['nodes', 'formed', 'killed', 'first report', '99 %', 'all reports', 'false', 'CPU s', 'peak RSS']);
  const result = run<KillResult>(experiment, nodes, spreadSeconds);
  row([
    nodes.toLocaleString('en'),
    experiment === 'kill' ? 'began converged' : `after ${seconds(result.formedAfterMs)}`,
    String(result.killed),
    seconds(result.firstMs),
    seconds(result.mostMs),
    seconds(result.allMs),
    String(result.falsePositives),
    result.cpuSeconds.toFixed(0),
    gib(result.peakRssMiB),
  ]);
}

const EXPERIMENTS: Readonly<Record<string, () => void>> = {
  quiet: () => quiet(QUIET),
  kill: () => kill('kill', 5000, 0),
  form: () => kill('form', 5000, 40),
  huge: () => quiet([[10_000, 5]]),
};

try {
  const entryPoints = [join(import.meta.dirname, 'scale-run.ts')];
  await build({
    entryPoints,
    outfile: program,
    bundle: true,
    platform: 'node',
    format: 'esm',
    logLevel: 'error',
  });
  const wanted = process.argv.slice(2);
  for (const name of wanted.length === 0 ? Object.keys(EXPERIMENTS) : wanted) {
    const experiment = EXPERIMENTS[name];
    if (experiment === undefined)
      throw new Error(`no experiment ${name}; there are ${Object.keys(EXPERIMENTS).join(' ')}`);
    experiment();
  }
} finally {
  rmSync(folder, { recursive: true });
}
