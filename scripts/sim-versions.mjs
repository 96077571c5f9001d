/** `npm run sim:versions`: the same rehearsal on Node.js 20, 22 and 24, from the npm package `node`; every byte must agree. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { buildIfStale, installIfNeeded, main, ROOT, run } from './lib/project.mjs';

const VERSIONS = ['20', '22', '24'];

await main(async () => {
  await installIfNeeded();
  await buildIfStale();
  const binaries = VERSIONS.map((version) => {
    const prefix = join(ROOT, `.run/node-${version}`);
    mkdirSync(prefix, { recursive: true });
    execFileSync('npm', ['install', '--silent', '--prefix', prefix, `node@${version}`], { stdio: 'inherit' });
    const binary = join(prefix, 'node_modules/node/bin/node');
    console.log(execFileSync(binary, ['--version'], { encoding: 'utf8' }).trim());
    return binary;
  });
  process.env.REEVE_OTHER_NODES = binaries.join(':');
  return run(process.execPath, [join(ROOT, 'node_modules/vitest/vitest.mjs'), 'run', 'test/e2e/sim.test.ts']);
});
