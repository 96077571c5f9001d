import { createInterface } from 'node:readline';
import { runSeed } from './lib/sim-seed.ts';

// Ctrl-C in a terminal goes to the whole group; the campaign decides when its workers end, by closing their input.
process.on('SIGINT', () => undefined);

/** Runs the seeds it is given on standard input, one a line, and answers each with a line of JSON. */
for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(runSeed(Number(line)))}\n`);
}
