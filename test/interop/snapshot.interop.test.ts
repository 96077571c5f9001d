import { spawnSync } from 'node:child_process';
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, expect, it } from 'vitest';
import { describeWithSerf, SERF_BIN } from '../support/interop.ts';
import { type Daemon, type Kind, startReeve, startSerf, stopAll, waitFor, waitForMember } from './helpers.ts';

const folder = mkdtempSync(join(tmpdir(), 'snapshot-interop-'));
let files = 0;

/** Longer than a rejoin takes: what has not happened by now does not. */
const LONG_ENOUGH_MS = 4_000;
/** Finding out that somebody is gone takes a small cluster some ten seconds, a busy machine more. */
const SLOW_MS = 60_000;
/** The shortest file of clock lines that outgrows its content. */
const OUTGROWN = 'clock: 1\n'.repeat(14_600);

afterEach(stopAll);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function newPath(): string {
  files += 1;
  return join(folder, `s${files}`);
}

function start(kind: Kind, name: string, ip: string, ...args: string[]): Promise<Daemon> {
  return (kind === 'serf' ? startSerf : startReeve)({ name, ip, args });
}

async function crash(daemon: Daemon): Promise<void> {
  daemon.kill('SIGKILL');
  await daemon.gone;
}

/** Waits until the file has every one of these lines. Queries keep Serf writing, which flushes only what it appends to. */
function waitForLines(path: string, asker: Daemon, ...lines: (string | RegExp)[]): Promise<unknown> {
  return waitFor(`${path} to hold ${lines.join(', ')}`, async () => {
    await asker.cli(['query', '-timeout=200ms', 'nudge']);
    const found = existsSync(path) ? readFileSync(path, 'utf8').split('\n') : [];
    return lines.every((line) =>
      typeof line === 'string' ? found.includes(line) : found.some((text) => line.test(text)),
    );
  });
}

/** Another member comes, and fails. */
async function loseMember(witness: Daemon, ip: string): Promise<void> {
  const lost = await start('serf', 'lost', ip, `-join=${witness.ip}`);
  await waitForMember(witness, 'lost', 'alive');
  await crash(lost);
  await waitForMember(witness, 'lost', 'failed', SLOW_MS);
}

async function statOf(daemon: Daemon, key: string): Promise<number> {
  const { stdout } = await daemon.cli(['info', '-format=json'], { via: 'serf' });
  const stats = JSON.parse(stdout) as { readonly serf: Readonly<Record<string, string>> };
  return Number(stats.serf[key]);
}

const received = (daemon: Daemon, name: string): boolean =>
  daemon.logs().includes(`Received event: user-event: ${name}`);

async function event(daemon: Daemon, name: string): Promise<void> {
  expect((await daemon.cli(['event', '-coalesce=false', name])).code).toBe(0);
}

const OTHER = { serf: 'reeve', reeve: 'serf' } as const satisfies Record<Kind, Kind>;

describeWithSerf('a snapshot goes on under the other program', () => {
  it.each<[Kind, number, boolean]>([
    ['serf', 1, false],
    ['reeve', 2, false],
    ['serf', 3, true],
    ['reeve', 4, true],
  ])(
    'written by %s (127.100.%i.x, compacted: %s): it rejoins, keeps its clocks, hears nothing old',
    async (writer, net, compacted) => {
      const path = newPath();
      const ip = (host: number): string => `127.100.${net}.${host}`;
      if (compacted) writeFileSync(path, OUTGROWN);
      const peer = await start('serf', 'peer', ip(1));
      const first = await start(writer, 'first', ip(2), `-snapshot=${path}`, `-join=${ip(1)}`);
      expect(first.logs()).toContain('Snapshot: true');
      if (!compacted) await loseMember(first, ip(3));
      for (const name of ['old-1', 'old-2', 'old-3']) await event(peer, name);
      await waitFor('the last old event', () => received(first, 'old-3'));
      await waitForLines(path, peer, `alive: peer ${ip(1)}:7946`, 'event-clock: 3', /^query-clock: \d+$/);
      await crash(first);
      if (compacted) expect(readFileSync(path, 'utf8').length).toBeLessThan(OUTGROWN.length / 2);

      const second = await start(OTHER[writer], 'first', ip(2), `-snapshot=${path}`);
      await waitForMember(second, 'peer', 'alive');
      await waitFor('the rejoin to be logged', () =>
        second.logs().includes(`Re-joined to previously known node: peer: ${ip(1)}:7946`),
      );
      expect(second.logs()).not.toContain('Unrecognized snapshot line');
      expect(await statOf(second, 'event_time')).toBeGreaterThanOrEqual(4);
      expect(await statOf(second, 'query_time')).toBeGreaterThanOrEqual(2);
      await event(peer, 'new');
      await waitFor('the new event', () => received(second, 'new'));
      expect(second.logs()).not.toContain('user-event: old');
    },
  );

  it('after a leave the other program stays alone too, unless asked to rejoin', async () => {
    for (const [net, writer] of [
      [5, 'serf'],
      [6, 'reeve'],
    ] as const) {
      const path = newPath();
      const ip = (host: number): string => `127.100.${net}.${host}`;
      const peer = await start('serf', 'peer', ip(1));
      const first = await start(writer, 'first', ip(2), `-snapshot=${path}`, `-join=${ip(1)}`);
      await waitForMember(first, 'peer', 'alive');
      expect((await first.cli(['leave'])).code).toBe(0);
      await first.gone;
      expect(readFileSync(path, 'utf8').split('\n')).toContain('leave');
      const again = readFileSync(path);

      const alone = await start(OTHER[writer], 'first', ip(2), `-snapshot=${path}`);
      await sleep(LONG_ENOUGH_MS);
      expect([...(await alone.members()).keys()]).toEqual(['first']);
      expect((await peer.members()).get('first')?.status).toBe('left');
      await crash(alone);

      writeFileSync(path, again);
      const back = await start(OTHER[writer], 'first', ip(2), `-snapshot=${path}`, '-rejoin');
      await waitForMember(peer, 'first', 'alive');
      expect(back.logs()).toContain('Ignoring previous leave in snapshot');
      await stopAll();
    }
  });

  it('both refuse a path that cannot be opened with the same words', () => {
    const flags = [
      '-node=x',
      '-bind=127.100.7.1',
      '-rpc-addr=127.100.7.1:7373',
      '-snapshot=/no/such/folder/s',
    ];
    const theirs = spawnSync(SERF_BIN ?? 'serf', ['agent', ...flags], { encoding: 'utf8', timeout: 20_000 });
    const ours = spawnSync(
      process.execPath,
      [
        '--import',
        import.meta.resolve('tsx'),
        join(import.meta.dirname, '../../bin/agent.ts'),
        'run',
        ...flags,
      ],
      { encoding: 'utf8', timeout: 20_000 },
    );
    const said = ({ stdout, stderr }: { stdout: string; stderr: string }): string | undefined =>
      `${stdout}${stderr}`.split('\n').find((line) => line.includes('snapshot'));
    expect(said(ours)).toBe(said(theirs));
    expect(said(ours)).toContain(
      'failed to open snapshot: open /no/such/folder/s: no such file or directory',
    );
    expect([ours.status, theirs.status]).toEqual([1, 1]);
  });
});

describeWithSerf('our agent among real ones', () => {
  it('killed and started again rejoins by itself, although its last line is torn and garbage precedes it', async () => {
    const path = newPath();
    const peer = await start('serf', 'peer', '127.100.8.1');
    const first = await start('reeve', 'first', '127.100.8.2', `-snapshot=${path}`, '-join=127.100.8.1');
    await waitForLines(path, peer, 'alive: peer 127.100.8.1:7946');
    await crash(first);
    appendFileSync(path, '\0\0\xff garbage \n\n\nalive: peer 127.100.8.1:79');
    await waitForMember(peer, 'first', 'failed', SLOW_MS);
    // Others may even have declared that it left.
    await peer.cli(['force-leave', 'first']);
    await waitForMember(peer, 'first', 'left');
    const again = await start('reeve', 'first', '127.100.8.2', `-snapshot=${path}`);
    await waitForMember(peer, 'first', 'alive');
    expect(again.logs()).toContain('Attempting re-join to previously known node: peer: 127.100.8.1:7946');
    await sleep(LONG_ENOUGH_MS);
    expect((await peer.members()).get('first')?.status).toBe('alive');
    expect(readFileSync(path, 'latin1')).not.toMatch(/:79$/m);
  });

  it('keeps its snapshot in the state directory, and finds members that had failed when it died', async () => {
    const state = join(folder, 'state');
    const peer = await start('serf', 'peer', '127.100.9.1');
    const first = await start('reeve', 'first', '127.100.9.2', `-state-dir=${state}`, '-join=127.100.9.1');
    await waitForMember(first, 'peer', 'alive');
    await crash(peer);
    await waitForMember(first, 'peer', 'failed', SLOW_MS);
    const path = join(state, 'serf.snapshot');
    await waitFor('the comment', () =>
      /^# failed: peer 127\.100\.9\.1:7946 \d+$/m.test(readFileSync(path, 'utf8')),
    );
    await crash(first);
    const healed = await start('serf', 'peer', '127.100.9.1');
    await start('reeve', 'first', '127.100.9.2', `-state-dir=${state}`);
    await waitForMember(healed, 'first', 'alive');
  });

  it('starts on a file of nothing but garbage, and makes a snapshot of it', async () => {
    const path = newPath();
    writeFileSync(
      path,
      Uint8Array.from({ length: 200_000 }, (_, i) => (i * 7_919 + (i >> 3)) & 0xff),
    );
    const only = await start('reeve', 'only', '127.100.10.1', `-snapshot=${path}`);
    expect([...(await only.members()).keys()]).toEqual(['only']);
    expect(await only.stop()).toBe(0);
    const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
    expect(lines[0]).toBe('alive: only 127.100.10.1:7946');
    expect(lines).toContain('leave');
    for (const line of lines) expect(line).toMatch(/^(alive: only 127.*|leave|(event-|query-)?clock: \d+)$/);
  });
});
