/** `npm test`: every suite, with everything it needs done first. Arguments go to vitest. */
import { join } from 'node:path';
import { buildIfStale, installIfNeeded, main, ROOT, run } from './lib/project.mjs';

await main(async () => {
  await installIfNeeded();
  // Tests of the installed command run what is in dist/.
  await buildIfStale();
  return run(process.execPath, [
    join(ROOT, 'node_modules/vitest/vitest.mjs'),
    'run',
    ...process.argv.slice(2),
  ]);
});
