import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { SeedReport } from './sim-seed.ts';

/** Seeds a worker has in hand at a time: one to run, one to go on with. */
const IN_HAND = 2;

/**
 * Runs seeds in `jobs` processes and gives each report to `take`, in the order they end. Rejects when a worker dies; the
 * seeds it had in hand are named.
 */
export async function runSeeds(
  seeds: Iterator<number>,
  jobs: number,
  take: (report: SeedReport) => void,
): Promise<void> {
  await Promise.all(Array.from({ length: jobs }, () => runWorker(seeds, take)));
}

function runWorker(seeds: Iterator<number>, take: (report: SeedReport) => void): Promise<void> {
  const worker = spawn(process.execPath, ['--import', 'tsx', 'scripts/sim-worker.ts'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const inHand = new Set<number>();
  const feed = (): void => {
    while (inHand.size < IN_HAND) {
      const next = seeds.next();
      if (next.done === true) {
        worker.stdin.end();
        return;
      }
      inHand.add(next.value);
      worker.stdin.write(`${next.value}\n`);
    }
  };
  createInterface({ input: worker.stdout }).on('line', (line) => {
    const report = JSON.parse(line) as SeedReport;
    inHand.delete(report.seed);
    take(report);
    feed();
  });
  worker.stdin.on('error', () => undefined);
  feed();
  return new Promise((resolve, reject) => {
    worker.once('error', reject);
    worker.once('close', (code) => {
      if (code === 0 && inHand.size === 0) resolve();
      else reject(new Error(`a worker ended with ${code} while it ran seeds ${[...inHand].join(', ')}`));
    });
  });
}
