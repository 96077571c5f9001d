import { spawn } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  utimesSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { withLock } from './lock.mjs';

/** The project's folder. */
export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** The built command. */
export const AGENT = join(ROOT, 'dist/bin/agent.js');

/** Written last by a build; its time is when that build began. */
export const BUILD_STAMP = join(ROOT, '.build/built');

export const BUILD_LOCK = join(ROOT, '.build/lock');

const LOCKFILE = join(ROOT, 'package-lock.json');
/** npm's own record of what it installed. */
const INSTALLED = join(ROOT, 'node_modules/.package-lock.json');
/** What a build reads. */
const BUILD_INPUTS = [
  'src',
  'bin',
  'tsconfig.json',
  'package.json',
  'scripts/build.mjs',
  'scripts/lib/bundle.mjs',
];

function modified(path) {
  return existsSync(path) ? statSync(path).mtimeMs : Number.NEGATIVE_INFINITY;
}

/** The newest modification below a path; folders count, so that a removed file is noticed. */
function newest(path) {
  const own = modified(path);
  if (!existsSync(path) || !statSync(path).isDirectory()) return own;
  return Math.max(own, ...readdirSync(path).map((name) => newest(join(path, name))));
}

/** Runs a command to its end with this terminal's output; resolves to its exit code (128 + signal number style). */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: 'inherit', ...options });
    child.once('error', reject);
    child.once('exit', (code, signal) => resolve(code ?? (signal === 'SIGINT' ? 130 : 143)));
  });
}

function installNeeded() {
  return modified(LOCKFILE) > modified(INSTALLED);
}

/** Installs the dependencies unless they are there and as new as the lockfile. */
export async function installIfNeeded() {
  if (!installNeeded()) return;
  await withLock(BUILD_LOCK, async () => {
    if (!installNeeded()) return;
    process.stderr.write('Installing dependencies...\n');
    const args = ['ci', '--include=dev', '--loglevel=error', '--no-progress', '--no-fund', '--no-audit'];
    const npm = process.env.npm_execpath;
    const stdio = ['ignore', 'ignore', 'inherit'];
    const code = npm?.endsWith('.js')
      ? await run(process.execPath, [npm, ...args], { stdio })
      : await run('npm', args, { stdio });
    if (code !== 0) throw new Error('npm ci failed; its messages are above');
    const now = new Date();
    utimesSync(INSTALLED, now, now);
  });
}

/** True when dist/ lacks the command or is older than what it is built from. */
export function buildNeeded() {
  if (!existsSync(AGENT)) return true;
  const built = modified(BUILD_STAMP);
  return BUILD_INPUTS.some((path) => newest(join(ROOT, path)) > built);
}

/**
 * Puts this package's own commands beside those of its dependencies, where `npx agent` finds them. By itself npx makes
 * links in a cache of its own, once and for all: after a call that came before dist/ was there, they are missing for ever.
 */
export function linkCommands() {
  const commands = join(ROOT, 'node_modules/.bin');
  const { bin } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  mkdirSync(commands, { recursive: true });
  for (const [name, path] of Object.entries(bin)) {
    const link = join(commands, name);
    if (lstatSync(link, { throwIfNoEntry: false })) continue;
    try {
      symlinkSync(relative(commands, join(ROOT, path)), link);
    } catch (error) {
      // Another build may be as far.
      if (error.code !== 'EEXIST') throw error;
    }
  }
}

/** Makes dist/ current. */
export async function buildIfStale() {
  if (!buildNeeded()) {
    linkCommands();
    return;
  }
  process.stderr.write('Building...\n');
  const code = await run(process.execPath, [join(ROOT, 'scripts/build.mjs'), '--if-stale']);
  if (code !== 0) throw new Error('the build failed; its messages are above');
}

/** Runs a script's body; a failure is one line on stderr and exit code 1. */
export async function main(body) {
  try {
    process.exitCode = (await body()) ?? 0;
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : error}\n`);
    process.exitCode = 1;
  }
}
