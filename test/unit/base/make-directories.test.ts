import { describe, expect, it } from 'vitest';
import { makeDirectories } from '../../../src/base/make-directories.ts';

/** A file system that has `/` and `/proc`, where nothing can be made, and tells what was made. */
function system() {
  const there = new Set(['/', '/proc', '.']);
  const made: string[] = [];
  const fail = (code: string) => {
    throw Object.assign(new Error(code), { code });
  };
  const make = (path: string): void => {
    if (made.length > 10) fail('ELOOP');
    if (there.has(path)) fail('EEXIST');
    const above = path.slice(0, path.lastIndexOf('/')) || (path.startsWith('/') ? '/' : '.');
    if (above === '/proc' || !there.has(above)) fail('ENOENT');
    there.add(path);
    made.push(path);
  };
  return { make, made };
}

describe('directories', () => {
  it.each([
    ['/a', ['/a']],
    ['/a/b/c', ['/a', '/a/b', '/a/b/c']],
    ['a/b', ['a', 'a/b']],
    ['a', ['a']],
    ['/', []],
    ['/proc', []],
  ])('are made where they are missing: %s', (path, expected) => {
    const { make, made } = system();
    makeDirectories(path, make);
    expect(made).toEqual(expected);
  });

  it.each(['/proc/x', '/proc/x/y'])('are an error where none can be made, and no endless one: %s', (path) => {
    expect(() => makeDirectories(path, system().make)).toThrow('ENOENT');
  });
});
