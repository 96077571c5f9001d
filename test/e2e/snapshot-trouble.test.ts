import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { RpcClient } from '../../src/index.ts';
import {
  type Daemon,
  reeveCommand,
  runProgram,
  startReeve,
  stopAll,
  waitFor,
  waitForMember,
} from '../interop/helpers.ts';
import { MountSpace, NO_MOUNTS } from '../support/mounts.ts';

/** What becomes of an agent whose snapshot cannot be written: nothing, but for the log and a count. */

const folder = mkdtempSync(join(tmpdir(), 'snapshot-trouble-'));
const spaces: MountSpace[] = [];
afterAll(async () => {
  await stopAll();
  for (const space of spaces) space.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Every line a whole snapshot may hold; anything else is a torn or mixed-up one. */
const WHOLE_LINE = /^(alive: \S+ \d+(\.\d+){3}:7946|not-alive: \S+|(event-|query-)?clock: \d+|leave|#.*)$/;

/** More event lines than fit into the page that the file has already. */
const MANY_EVENTS = 500;
/** A little more than the pause between two attempts to write the file anew. */
const RETRY_LIMIT_MS = 60_000;

/** The shortest file of clock lines that outgrows its content. */
const OUTGROWN = 'clock: 1\n'.repeat(14_600);

/** Lines of a file, which must end in a newline and hold nothing torn. */
function wholeLines(path: string): string[] {
  const lines = readFileSync(path, 'utf8').split('\n');
  expect(lines.pop()).toBe('');
  expect(lines.filter((line) => !WHOLE_LINE.test(line))).toEqual([]);
  return lines;
}

async function sendEvents(daemon: Daemon, count: number): Promise<void> {
  const client = await RpcClient.connect({ address: { host: daemon.ip, port: 7373 } });
  for (let i = 0; i < count; i += 1) await client.event(`e${i}`, null, false);
  await client.close();
}

/** The `snapshot` group of `agent info`; undefined while nothing has gone wrong. */
async function snapshotInfo(daemon: Daemon): Promise<Record<string, string> | undefined> {
  const { stdout } = await daemon.cli(['info', '-format=json'], { via: 'reeve' });
  return (JSON.parse(stdout) as Record<string, Record<string, string>>)['snapshot'];
}

describe.skipIf(NO_MOUNTS !== undefined)(
  `a full disk${NO_MOUNTS === undefined ? '' : ` (${NO_MOUNTS})`}`,
  () => {
    const disk = join(folder, 'disk');
    mkdirSync(disk);
    const path = join(disk, 'snapshot');

    it('is told of and counted, gossip goes on, and with room again the whole file comes back, also after a crash', async () => {
      const space = await MountSpace.open(`mount -t tmpfs -o size=64k tmpfs ${disk}`);
      spaces.push(space);
      const start = (): Promise<Daemon> =>
        startReeve({
          name: 'full',
          ip: '127.107.1.1',
          within: space.entering,
          args: [`-snapshot=${path}`, '-retry-join=127.107.1.2'],
        });
      const peer = await startReeve({ name: 'peer', ip: '127.107.1.2' });
      const first = await start();
      await waitForMember(first, 'peer', 'alive');
      await waitFor('the first lines', () => readFileSync(space.seen(path), 'utf8').includes('alive: peer '));
      expect(await snapshotInfo(first)).toBeUndefined();

      await space.fill(disk);
      await sendEvents(first, MANY_EVENTS);
      await waitFor('the complaint', () =>
        first.logs().includes('Compaction failed, will reattempt after 30s: '),
      );
      expect(first.logs()).toMatch(
        /\[ERR\] serf: Failed to update snapshot: write \S+\/snapshot: no space left on device/,
      );
      const trouble = await snapshotInfo(first);
      expect(Number(trouble?.['errors'])).toBeGreaterThanOrEqual(2);
      expect(trouble?.['behind']).toBe('1');
      const late = await startReeve({ name: 'late', ip: '127.107.1.3', args: ['-join=127.107.1.2'] });
      for (const [observer, name] of [
        [first, 'late'],
        [late, 'full'],
        [peer, 'full'],
      ] as const)
        await waitForMember(observer, name, 'alive');

      first.kill('SIGKILL');
      await first.gone;
      const second = await start();
      await waitForMember(second, 'late', 'alive');
      await sendEvents(second, MANY_EVENTS);
      await waitFor(
        'the complaint of the next run',
        async () => (await snapshotInfo(second))?.['behind'] === '1',
      );
      rmSync(space.seen(join(disk, 'filler')));
      const freedAt = performance.now();
      await waitFor(
        'the recovery',
        () => second.logs().includes('Finished compaction, successfully recovered from error state'),
        RETRY_LIMIT_MS,
      );
      process.stdout.write(
        `snapshot whole ${Math.round(performance.now() - freedAt)} ms after the disk had room\n`,
      );
      expect((await snapshotInfo(second))?.['behind']).toBe('0');
      await sendEvents(second, 1);
      await waitFor('the next line', () =>
        wholeLines(space.seen(path)).some((line) => line === 'event-clock: 1001'),
      );
      const lines = wholeLines(space.seen(path));
      for (const other of ['alive: peer 127.107.1.2:7946', 'alive: late 127.107.1.3:7946'])
        expect(lines).toContain(other);
    }, 150_000);
  },
);

/** Root may write anywhere; without these capabilities the mode of a folder holds for it too. */
const asUser = process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-dac_override,-dac_read_search'] : [];

/** A folder that only lets itself be read, with a snapshot of this content, if any. */
function locked(name: string, content: string | undefined, mode = 0o644): string {
  const place = join(folder, name);
  mkdirSync(place, { recursive: true });
  const path = join(place, 's');
  if (content !== undefined && !existsSync(path)) writeFileSync(path, content, { mode });
  chmodSync(place, 0o555);
  return path;
}

describe.concurrent('a snapshot that has outgrown its content', () => {
  it.each<[string, number, () => [string, readonly string[]]]>([
    ['whose folder may not be written', 2, () => [locked('locked', OUTGROWN), asUser]],
    [
      'beside which a folder has the name of the new file',
      3,
      () => {
        const path = join(folder, 'beside');
        writeFileSync(path, OUTGROWN);
        mkdirSync(`${path}.compact`, { recursive: true });
        return [path, []];
      },
    ],
  ])('%s is written anew in place', async (_title, group, prepare) => {
    const [path, within] = prepare();
    const seed = `127.107.${group}.2`;
    const peer = await startReeve({ name: 'peer', ip: seed });
    const node = await startReeve({
      name: 'node',
      ip: `127.107.${group}.1`,
      within,
      args: [`-snapshot=${path}`, `-join=${seed}`],
    });
    await waitForMember(peer, 'node', 'alive');
    await waitFor('the small file', () => statSync(path).size < OUTGROWN.length / 10);
    await waitFor('the member in it', () => wholeLines(path).includes(`alive: peer ${seed}:7946`));
    expect(await snapshotInfo(node)).toBeUndefined();
  });
});

describe.concurrent('an agent does not start, and says why, on a snapshot', () => {
  it.each<[string, number, () => string, RegExp]>([
    ['in a folder it may not write', 4, () => locked('no-file', undefined), /no-file\/s: permission denied$/],
    [
      'it may not write',
      5,
      () => locked('read-only', 'clock: 1\n', 0o444),
      /open \S+read-only\/s: permission denied$/,
    ],
    [
      'that is a folder',
      6,
      () => {
        mkdirSync(join(folder, 'a-folder'), { recursive: true });
        return join(folder, 'a-folder');
      },
      /open \S+a-folder: is a directory$/,
    ],
    [
      'below a file',
      7,
      () => {
        writeFileSync(join(folder, 'a-file'), '');
        return join(folder, 'a-file', 's');
      },
      /open \S+a-file\/s: not a directory$/,
    ],
    ['below nothing', 8, () => join(folder, 'none', 's'), /open \S+none\/s: no such file or directory$/],
  ])('%s', async (_title, group, prepare, why) => {
    const ip = `127.107.${group}.1`;
    const flags = ['run', `-bind=${ip}`, `-rpc-addr=${ip}:7373`, `-snapshot=${prepare()}`];
    const { code, stderr } = await runProgram([...asUser, ...reeveCommand(), ...flags]);
    expect(stderr.trim()).toMatch(
      /^==> Failed to start the Serf agent: Error creating Serf: Failed to setup snapshot: failed to open snapshot: /,
    );
    expect(stderr.trim()).toMatch(why);
    expect(code).toBe(1);
  });
});
