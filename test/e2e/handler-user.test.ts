import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { NO_MOUNTS } from '../support/mounts.ts';

/** Handlers that run as another user, on a host whose user has groups beside the first: a mount namespace with an own list. */

const ROOT = join(import.meta.dirname, '../..');
const AGENT = join(ROOT, 'dist/bin/agent.js');
const IP = '127.111.3.1';

const missing = process.getuid?.() === 0 ? NO_MOUNTS : 'only root may run handlers as somebody else';
if (missing !== undefined) console.warn(`Skipped: handlers with all groups of their user, for ${missing}.`);

let folder = '';
let agent: ChildProcess | undefined;
beforeAll(() => {
  execFileSync(process.execPath, [join(ROOT, 'scripts/build.mjs'), '--if-stale'], { stdio: 'pipe' });
}, 120_000);
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'reeve-user-'));
});
afterEach(async () => {
  const gone = new Promise((resolve) => agent?.once('exit', resolve));
  if (agent?.kill('SIGKILL') === true) await gone;
  rmSync(folder, { recursive: true, force: true });
});

/** A copy of a file of `/etc` with more lines. */
function longer(name: string, lines: readonly string[]): void {
  writeFileSync(
    join(folder, name),
    `${readFileSync(join('/etc', name), 'utf8').trimEnd()}\n${lines.join('\n')}\n`,
  );
}

async function lines(path: string): Promise<readonly string[]> {
  while (!existsSync(path) || !readFileSync(path, 'utf8').includes('end')) await sleep(20);
  return readFileSync(path, 'utf8').split('\n');
}

describe.skipIf(missing !== undefined)('a handler with a user', () => {
  it.each(['classic', 'persistent', 'state'])(
    'has the user, the first group and every other group of that user, and none of the agent (%s)',
    async (kind) => {
      longer('passwd', ['reeve-web:x:61001:61001::/nonexistent:/bin/sh']);
      longer('group', [
        'reeve-web:x:61001:',
        'reeve-logs:x:61002:reeve-web',
        'reeve-tls:x:61003:other,reeve-web',
      ]);
      mkdirSync(join(folder, 'out'));
      chmodSync(folder, 0o711);
      chmodSync(join(folder, 'out'), 0o777);
      const out = join(folder, 'out/id');
      const run = `{ id -u; id -g; id -G; id -Gn; echo end; } > ${out}; cat > ${out}.in`;
      const events = kind === 'state' ? {} : { events: ['member-join'] };
      const handlers = { h: { kind, run, user: 'reeve-web', directory: '/', ...events } };
      writeFileSync(join(folder, 'config.json'), JSON.stringify({ handlers }));
      const mounts = ['passwd', 'group'].map((name) => `mount --bind ${join(folder, name)} /etc/${name}`);
      const words = [AGENT, 'run', '-node=n', `-bind=${IP}`, `-rpc-addr=${IP}:7373`, '-profile=local'];
      agent = spawn(
        'unshare',
        [
          ...['--mount', 'sh', '-c', `${mounts.join(' && ')} && exec "$@"`, 'sh', process.execPath],
          ...[...words, `-config-file=${join(folder, 'config.json')}`],
        ],
        { stdio: 'ignore', env: { ...process.env, XDG_RUNTIME_DIR: folder } },
      );
      const [uid, gid, groups, names] = await lines(out);
      expect([uid, gid]).toEqual(['61001', '61001']);
      expect(groups?.split(' ').sort()).toEqual(['61001', '61002', '61003']);
      expect(names?.split(' ').sort()).toEqual(['reeve-logs', 'reeve-tls', 'reeve-web']);
    },
  );
});
