import { existsSync, readdirSync } from 'node:fs';
import { dirname } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { recover, writeInPlace } from '../../../src/render/in-place.ts';
import { targetPaths } from '../../../src/render/paths.ts';
import { put, scratch, text } from './samples.ts';

const files = scratch();
const latin1 = (content: string) => Buffer.from(content, 'latin1');

/** A file that holds `now`, with the journal that a write of `before` → `after` would have left. */
async function interrupted(before: string, after: string, now: string) {
  const paths = targetPaths(files.path('f'));
  put(paths.file, before);
  // A journal is made by a write that cannot finish: its target is gone.
  const lost = { ...paths, file: files.path('gone/f') };
  await expect(writeInPlace(lost, latin1(before), latin1(after))).rejects.toThrow('ENOENT');
  put(paths.file, now);
  return paths;
}

describe('a write in place', () => {
  it('leaves the new content, the same file and no journal', async () => {
    const paths = targetPaths(files.path('f'));
    put(paths.file, 'a long old content');
    await writeInPlace(paths, latin1('a long old content'), latin1('new'));
    expect([text(paths.file), readdirSync(dirname(paths.file))]).toEqual(['new', ['f']]);
  });

  it.each([
    ['had not begun', 'old', 'undone', 'old'],
    ['was done', 'newer', 'whole', 'newer'],
    ['was torn', 'ned', 'completed', 'newer'],
    ['was torn before its cut', 'newer', 'whole', 'newer'],
    ['met zeros after a power cut', 'n\0\0', 'completed', 'newer'],
  ])('that %s is told by its journal', async (_title, now, outcome, then) => {
    const paths = await interrupted('old', 'newer', now);
    expect([await recover(paths), text(paths.file)]).toEqual([outcome, then]);
    expect(existsSync(paths.journal)).toBe(false);
    expect(await recover(paths)).toBe('none');
  });

  it('whose file was changed by others since is left alone, and its journal put aside', async () => {
    const paths = await interrupted('old', 'newer', 'theirs');
    expect([await recover(paths), text(paths.file)]).toEqual(['foreign', 'theirs']);
    expect(text(`${paths.journal}-aside`)).toContain('newer');
  });

  it('is whole or undone after any interruption: at each byte, before and after the cut', async () => {
    const content = fc.string({ unit: fc.constantFrom('a', 'b', '\n', '\xff'), maxLength: 12 });
    await fc.assert(
      fc.asyncProperty(content, content, fc.nat(), async (before, after, at) => {
        const cut = at % (after.length + 1);
        const torn = after.slice(0, cut) + before.slice(cut);
        const paths = await interrupted(before, after, torn);
        await recover(paths);
        expect([before, after]).toContain(text(paths.file));
      }),
      { numRuns: 50 },
    );
  });

  it('refuses a journal that is none, and touches nothing', async () => {
    const paths = targetPaths(files.path('f'));
    put(paths.file, 'old');
    for (const journal of ['', 'x', 'reeve-journal-1 1 1 abc\nab', 'reeve-journal-1 9 9 abc\nab']) {
      put(paths.journal, journal);
      await expect(recover(paths)).rejects.toMatchObject({ code: 'ERR_RENDER_JOURNAL' });
      expect([text(paths.file), text(paths.journal)]).toEqual(['old', journal]);
    }
  });
});
