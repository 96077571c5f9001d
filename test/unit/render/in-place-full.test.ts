import { existsSync, readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { recover, writeInPlace } from '../../../src/render/in-place.ts';
import { targetPaths } from '../../../src/render/paths.ts';
import { put, scratch, text } from './samples.ts';

/** Bytes that may stand in a file that is written in place: a disk that is full. */
let room = Number.POSITIVE_INFINITY;

vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>();
  const writeSync = (file: number, bytes: Buffer, offset: number, length: number, at: number): number => {
    if (at >= room) throw Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' });
    return fs.writeSync(file, bytes, offset, Math.min(length, room - at), at);
  };
  return { ...fs, writeSync };
});

const files = scratch();
const BEFORE = Buffer.from('the old lines\n');
const AFTER = Buffer.from('new lines, and more of them than before\n');

beforeEach(() => {
  room = Number.POSITIVE_INFINITY;
});

describe('a write in place on a full disk', () => {
  it('is undone and leaves nothing behind', async () => {
    const paths = targetPaths(files.path('f'));
    put(paths.file, BEFORE.toString());
    room = BEFORE.length;
    await expect(writeInPlace(paths, BEFORE, AFTER)).rejects.toThrow('ENOSPC');
    expect([text(paths.file), readdirSync(dirname(paths.file))]).toEqual([BEFORE.toString(), ['f']]);
  });

  it('that was cut off is undone at the next start where it cannot be completed', async () => {
    const paths = targetPaths(files.path('f'));
    put(paths.file, BEFORE.toString());
    room = 5;
    await expect(writeInPlace(paths, BEFORE, AFTER)).rejects.toThrow('ENOSPC');
    expect(existsSync(paths.journal)).toBe(true);
    put(paths.file, 'new lld lines\n');
    room = BEFORE.length;
    expect([await recover(paths), text(paths.file)]).toEqual(['undone', BEFORE.toString()]);
    expect(existsSync(paths.journal)).toBe(false);
  });
});
