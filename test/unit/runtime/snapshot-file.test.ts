import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { SnapshotDisk } from '../../../src/runtime/snapshot-disk.ts';
import { SnapshotFile } from '../../../src/runtime/snapshot-file.ts';

const root = mkdtempSync(join(tmpdir(), 'snapshot-'));
let files = 0;

afterAll(() => rmSync(root, { recursive: true, force: true }));

function fresh(content?: string | Uint8Array): string {
  files += 1;
  const path = join(root, `s${files}`);
  if (content !== undefined) writeFileSync(path, content);
  return path;
}

async function open(path: string, rejoinAfterLeave = false) {
  const log: string[] = [];
  const trace = { note: ({ text }: { readonly text?: string }) => void log.push(text ?? '') };
  const file = await SnapshotFile.open({ path, rejoinAfterLeave }, trace);
  return { file, log };
}

const seconds = (): number => Math.floor(Date.now() / 1_000);

describe('a snapshot file', () => {
  it('is made when missing, readable by all and writable by its owner', async () => {
    const path = fresh();
    const { file, log } = await open(path);
    expect(file.startSettings).toEqual({
      lastTimes: { member: 0, event: 0, query: 0 },
      eventMinTime: 1,
      queryMinTime: 1,
      previousNodes: { alive: [], failed: [] },
      recordSnapshot: true,
    });
    await file.close();
    expect(statSync(path).mode & 0o777).toBe(0o644 & ~process.umask());
    expect(log).toEqual([]);
  });

  it('gives back what was recorded: nodes, failed ones, clocks and the least times of events and queries', async () => {
    const path = fresh();
    const first = await open(path);
    for (const line of [
      'alive: a 10.0.0.1:7946',
      'alive: b 10.0.0.2:7946',
      'not-alive: b',
      '# failed: b 10.0.0.2:7946',
      'clock: 100',
      'event-clock: 42',
      'query-clock: 50',
    ]) {
      first.file.record(line);
    }
    await first.file.close();
    expect(readFileSync(path, 'utf8')).toMatch(/^# failed: b 10\.0\.0\.2:7946 \d{10}$/m);
    const { file } = await open(path);
    expect(file.startSettings).toMatchObject({
      lastTimes: { member: 100, event: 42, query: 50 },
      eventMinTime: 43,
      queryMinTime: 51,
      previousNodes: {
        alive: [{ name: 'a', address: { ip: '10.0.0.1', port: 7946 } }],
        failed: [{ name: 'b', address: { ip: '10.0.0.2', port: 7946 } }],
      },
    });
    expect(file.remembered.map(({ name }) => name)).toEqual(['a', 'b']);
    await file.close();
  });

  it('after a leave knows nobody, and everybody with rejoin after leave', async () => {
    const content = 'alive: a 10.0.0.1:7946\nclock: 5\nevent-clock: 7\nleave\nclock: 6\n';
    const forgetful = await open(fresh(content));
    expect(forgetful.file.startSettings).toMatchObject({
      lastTimes: { member: 6, event: 0 },
      eventMinTime: 1,
      previousNodes: { alive: [] },
    });
    const keeping = await open(fresh(content), true);
    expect(keeping.file.startSettings).toMatchObject({ lastTimes: { member: 6, event: 7 }, eventMinTime: 8 });
    expect(keeping.file.startSettings.previousNodes.alive).toHaveLength(1);
    expect(keeping.log).toEqual(['Ignoring previous leave in snapshot']);
    await Promise.all([forgetful.file.close(), keeping.file.close()]);
  });

  it('forgets members that failed more than a week ago', async () => {
    const old = seconds() - 8 * 86_400;
    const recent = seconds() - 6 * 86_400;
    const { file } = await open(fresh(`# failed: o 10.0.0.1:1 ${old}\n# failed: r 10.0.0.2:1 ${recent}\n`));
    expect(file.startSettings.previousNodes.failed.map(({ name }) => name)).toEqual(['r']);
    await file.close();
  });

  it('with the largest time there is keeps the least times within range', async () => {
    const { file } = await open(fresh(`event-clock: ${Number.MAX_SAFE_INTEGER}\n`));
    expect(file.startSettings.eventMinTime).toBe(Number.MAX_SAFE_INTEGER);
    await file.close();
  });
});

describe('an unfinished last line', () => {
  it.each(['alive: b 10.0.0.2:79', 'lea', 'clock: 1', '\0\0\0\0', 'x'.repeat(100_000)])(
    'is cut off, so that it neither counts nor spoils the next: %.20j',
    async (torn) => {
      const path = fresh(`alive: a 10.0.0.1:7946\nclock: 100\n${torn}`);
      const { file, log } = await open(path);
      expect(file.startSettings.lastTimes.member).toBe(100);
      expect(file.startSettings.previousNodes.alive).toHaveLength(1);
      file.record('alive: c 10.0.0.3:7946');
      await file.close();
      expect(readFileSync(path, 'utf8')).toBe('alive: a 10.0.0.1:7946\nclock: 100\nalive: c 10.0.0.3:7946\n');
      expect(log).toEqual([]);
    },
  );
});

describe('a file of garbage', () => {
  it('starts a node all the same, with a few warnings', async () => {
    const noise = Uint8Array.from({ length: 300_000 }, (_, i) => (i * 7_919 + (i >> 3)) & 0xff);
    const { file, log } = await open(fresh(noise));
    expect(file.startSettings.previousNodes).toEqual({ alive: [], failed: [] });
    expect(log).toHaveLength(9);
    expect(log.at(-1)).toMatch(/^More snapshot lines ignored: \d+$/);
    for (const text of log) expect(text.length).toBeLessThanOrEqual(200);
    await file.close();
  });

  it('lines around it count, and lines too long for a name do not', async () => {
    const content = `alive: a 10.0.0.1:1\n\0\0junk\nalive: ${'n'.repeat(5_000)} 10.0.0.2:1\nclock: 3\n`;
    const { file, log } = await open(fresh(content));
    expect(file.remembered.map(({ name }) => name)).toEqual(['a']);
    expect(file.startSettings.lastTimes.member).toBe(3);
    expect(log).toEqual(['Unrecognized snapshot line: junk', 'More snapshot lines ignored: 1']);
    await file.close();
  });

  it('that is enormous is read from its end', async () => {
    const path = fresh();
    writeFileSync(path, 'alive: lost 10.0.0.1:1\n');
    truncateSync(path, 70 * 1024 * 1024);
    writeFileSync(path, '\nalive: found 10.0.0.2:1\n', { flag: 'a' });
    const { file, log } = await open(path);
    expect(file.remembered.map(({ name }) => name)).toEqual(['found']);
    expect(log.at(-1)).toMatch(/^Snapshot is too large, its beginning is ignored: \d+ bytes$/);
    file.record('clock: 1');
    await file.close();
    expect(readFileSync(path, 'utf8')).toContain('alive: found 10.0.0.2:1\nclock: 1\n');
    expect(statSync(path).size).toBeLessThan(1_000);
  });
});

describe('a file that cannot be opened', () => {
  const prefix = 'Failed to setup snapshot: failed to open snapshot: open';

  it('stops the start in the words of Serf', async () => {
    const missing = join(root, 'no', 'such', 'folder');
    await expect(open(missing)).rejects.toMatchObject({
      code: 'ERR_SNAPSHOT',
      message: `${prefix} ${missing}: no such file or directory`,
    });
    await expect(open(root)).rejects.toMatchObject({ message: `${prefix} ${root}: is a directory` });
  });

  it('stops the start when it is no file', async () => {
    const pipe = join(root, 'pipe');
    execFileSync('mkfifo', [pipe]);
    await expect(open(pipe)).rejects.toMatchObject({ message: `${prefix} ${pipe}: not a regular file` });
  });
});

describe('writing a file anew', () => {
  const bytes = (text: string): Uint8Array => Buffer.from(text);

  it('goes through PATH.compact, keeps the mode, and appends go on', async () => {
    const path = fresh('old\n');
    chmodSync(path, 0o640);
    const disk = await SnapshotDisk.open(path);
    await disk.replace(bytes('new\n'));
    await disk.append(bytes('more\n'));
    expect(disk.size).toBe(9);
    await disk.close();
    expect(readFileSync(path, 'utf8')).toBe('new\nmore\n');
    expect(statSync(path).mode & 0o777).toBe(0o640);
    expect(existsSync(`${path}.compact`)).toBe(false);
  });

  it('follows a link instead of replacing it', async () => {
    const path = fresh('old\n');
    const link = `${path}.link`;
    symlinkSync(path, link);
    const disk = await SnapshotDisk.open(link);
    await disk.replace(bytes('new\n'));
    await disk.close();
    expect(readFileSync(path, 'utf8')).toBe('new\n');
    expect(readFileSync(link, 'utf8')).toBe('new\n');
  });

  it('overwrites what a crash left in PATH.compact', async () => {
    const path = fresh('old\n');
    writeFileSync(`${path}.compact`, 'half');
    const disk = await SnapshotDisk.open(path);
    await disk.replace(bytes('new\n'));
    await disk.close();
    expect(readFileSync(path, 'utf8')).toBe('new\n');
  });

  it('that cannot be done leaves the old file, and names it', async () => {
    const place = fresh();
    mkdirSync(place);
    const path = join(place, 's');
    writeFileSync(path, 'old\n');
    const disk = await SnapshotDisk.open(path);
    renameSync(place, `${place}-moved`);
    await expect(disk.replace(bytes('new\n'))).rejects.toThrow(`write ${path}: no such file or directory`);
    await disk.append(bytes('more\n'));
    await disk.close();
    expect(readFileSync(join(`${place}-moved`, 's'), 'utf8')).toBe('old\nmore\n');
  });

  it('happens in place where a folder has the name of PATH.compact', async () => {
    const path = fresh('old\n');
    const disk = await SnapshotDisk.open(path);
    mkdirSync(join(`${path}.compact`, 'in-the-way'), { recursive: true });
    await disk.replace(bytes('new\n'));
    await disk.append(bytes('more\n'));
    await disk.close();
    expect(readFileSync(path, 'utf8')).toBe('new\nmore\n');
  });

  it('finds what a Serf left that died between removing the old file and renaming the new one', async () => {
    const path = fresh();
    writeFileSync(`${path}.compact`, 'alive: a 10.0.0.1:7946\nclock: 3\n');
    const { file } = await open(path);
    expect(file.remembered.map(({ name }) => name)).toEqual(['a']);
    await file.close();
    expect(existsSync(`${path}.compact`)).toBe(false);
  });
});
