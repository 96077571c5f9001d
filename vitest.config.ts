import { defineConfig } from 'vitest/config';
import { InteropReporter } from './test/support/interop-reporter.ts';

/** Suites that touch nothing but memory, and small ones that open loopback sockets for an instant. */
const FAST = ['unit', 'property', 'vectors', 'sim', 'contract', 'tidy'];
/** Suites that run daemons; two files at a time, so that the daemons keep their deadlines on a small machine. */
const LIVE = ['interop', 'e2e', 'fuzz'];

function files(suites: readonly string[]): string[] {
  return suites.map((suite) => `test/${suite}/**/*.test.ts`);
}

/** `REEVE_TEST_REPORT` names a file for a machine-readable report beside the printed one. */
const report = process.env['REEVE_TEST_REPORT'];
const jsonReport: ['json', { outputFile: string }][] =
  report === undefined ? [] : [['json', { outputFile: report }]];

export default defineConfig({
  test: {
    teardownTimeout: 20_000,
    reporters: ['default', new InteropReporter(), ...jsonReport],
    projects: [
      {
        test: {
          name: 'fast',
          include: files(FAST),
          testTimeout: 20_000,
          sequence: { groupOrder: 0 },
        },
      },
      {
        test: {
          name: 'live',
          include: files(LIVE),
          maxWorkers: 2,
          testTimeout: 90_000,
          hookTimeout: 60_000,
          // Gossip is a matter of chance and these clusters are real: a test may be repeated once, and the report says so.
          retry: 1,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
