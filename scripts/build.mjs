/**
 * `npm run build`: src and bin become dist/. With `--if-stale`, only when dist/ is older than its sources.
 *
 * The compiler checks the sources and writes the types, esbuild bundles them. Both write to a folder of their own; only
 * what had no errors reaches dist/, file by file and by rename, so a build beside this one always finds every file
 * whole. dist/ is never emptied: what no longer has a source is removed last.
 */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { bundleAll } from './lib/bundle.mjs';
import { isRunning, withLock } from './lib/lock.mjs';
import {
  AGENT,
  BUILD_LOCK,
  BUILD_STAMP,
  buildNeeded,
  linkCommands,
  main,
  ROOT,
  run,
} from './lib/project.mjs';

const DIST = join(ROOT, 'dist');
const SHEBANG = '#!/usr/bin/env node\n';
/** Staging folders sit beside dist/ so that source maps point at the sources from both. */
const STAGE_PREFIX = '.build-';

function filesBelow(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(path) : [path];
  });
}

/** Removes staging folders whose build has died. */
function sweep() {
  for (const name of readdirSync(ROOT)) {
    const pid = name.startsWith(STAGE_PREFIX) ? Number(name.slice(STAGE_PREFIX.length)) : Number.NaN;
    if (Number.isInteger(pid) && !isRunning(pid)) rmSync(join(ROOT, name), { recursive: true, force: true });
  }
}

function install(staged, target) {
  if (existsSync(target) && readFileSync(staged).equals(readFileSync(target))) {
    if ((statSync(staged).mode & 0o777) === (statSync(target).mode & 0o777)) return;
  }
  mkdirSync(dirname(target), { recursive: true });
  renameSync(staged, target);
}

function removeEmptyFolders(folder) {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) removeEmptyFolders(join(folder, entry.name));
  }
  if (folder !== DIST && readdirSync(folder).length === 0) rmdirSync(folder);
}

function publish(stage) {
  const staged = filesBelow(stage).map((path) => relative(stage, path));
  const command = relative(DIST, AGENT);
  // The command goes last: what it imports is there before it is.
  staged.sort((a, b) => Number(a === command) - Number(b === command));
  for (const name of staged) install(join(stage, name), join(DIST, name));
  const current = new Set(staged);
  for (const path of filesBelow(DIST)) if (!current.has(relative(DIST, path))) rmSync(path, { force: true });
  removeEmptyFolders(DIST);
}

async function build() {
  if (process.argv.includes('--if-stale') && !buildNeeded()) {
    linkCommands();
    return;
  }
  const began = new Date();
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc');
  if (!existsSync(compiler)) throw new Error('The dependencies are not installed: run `npm ci` first.');
  sweep();
  const stage = join(ROOT, `${STAGE_PREFIX}${process.pid}`);
  try {
    const options = [
      '-p',
      'tsconfig.json',
      '--outDir',
      stage,
      '--emitDeclarationOnly',
      '--noEmitOnError',
      'true',
      '--pretty',
      'false',
    ];
    const code = await run(process.execPath, [compiler, ...options]);
    if (code !== 0) throw new Error('Nothing was built: the sources do not compile. dist/ is as it was.');
    const notices = await bundleAll(stage);
    writeFileSync(join(stage, 'LICENSES.txt'), notices);
    const command = join(stage, relative(DIST, AGENT));
    const text = readFileSync(command, 'utf8');
    if (!text.startsWith('#!')) writeFileSync(command, SHEBANG + text);
    chmodSync(command, 0o755);
    publish(stage);
    mkdirSync(dirname(BUILD_STAMP), { recursive: true });
    writeFileSync(BUILD_STAMP, `${began.toISOString()}\n`);
    utimesSync(BUILD_STAMP, began, began);
    linkCommands();
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

await main(() => withLock(BUILD_LOCK, build));
