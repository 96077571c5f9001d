import type { Reporter, TestModule } from 'vitest/node';

const INTEROP = /[\\/]test[\\/](interop|e2e)[\\/]/;

/**
 * Says which tests against other programs were skipped and why, and with `REEVE_REQUIRE_INTEROP=1` makes a skip a
 * failure: a run that was to prove compatibility may not pass by proving nothing.
 */
export class InteropReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    let skipped = 0;
    for (const module of modules) {
      if (!INTEROP.test(module.moduleId)) continue;
      const count = [...module.children.allTests('skipped')].length;
      skipped += count;
      if (count > 0) process.stdout.write(`     Skipped  ${count} tests of ${module.relativeModuleId}\n`);
    }
    if (skipped === 0) return;
    process.stdout.write(
      '     Skipped  they need the programs serf and haproxy on the PATH ' +
        '(on Debian: apt-get install serf haproxy)\n',
    );
    if (process.env['REEVE_REQUIRE_INTEROP'] !== '1') return;
    process.stdout.write('     Skipped  REEVE_REQUIRE_INTEROP=1 forbids skipping them: the run has failed\n');
    process.exitCode = 1;
  }
}
