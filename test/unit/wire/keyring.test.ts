import { describe, expect, it } from 'vitest';
import { CodedError } from '../../../src/base/errors.ts';
import { Keyring } from '../../../src/wire/keyring.ts';

const key = (fill: number, size = 16): Uint8Array => new Uint8Array(size).fill(fill);
const [a, b, c] = [key(1), key(2, 24), key(3, 32)] as const;

function failure(run: () => unknown): readonly string[] {
  try {
    run();
  } catch (error) {
    if (error instanceof CodedError) return [error.code, error.message];
    throw error;
  }
  return [];
}

describe('keyring', () => {
  it('without keys is empty: encryption is off', () => {
    const ring = new Keyring();
    expect([ring.size, ring.primary, ring.list()]).toEqual([0, undefined, []]);
  });

  it('puts the primary key first and drops duplicates', () => {
    expect(new Keyring([a, b, c, a], b).list()).toEqual([b, a, c]);
    expect(new Keyring([a], c).list()).toEqual([c, a]);
    expect(new Keyring([], a).list()).toEqual([a]);
  });

  it('refuses keys without a primary one', () => {
    expect(failure(() => new Keyring([a]))).toEqual([
      'ERR_KEY_PRIMARY_MISSING',
      'empty primary key not allowed',
    ]);
  });

  it.each([0, 3, 15, 17, 31, 33, 38])('refuses a key of %i bytes', (size) => {
    expect(failure(() => new Keyring().add(key(1, size)))).toEqual([
      'ERR_KEY_SIZE',
      'key size must be 16, 24 or 32 bytes',
    ]);
  });

  it('adds behind the others, once; the first key of an empty ring is primary', () => {
    const ring = new Keyring();
    ring.add(a);
    ring.add(b);
    ring.add(key(1));
    expect([ring.primary, ring.list()]).toEqual([a, [a, b]]);
  });

  it('uses only an installed key, which moves to the front', () => {
    const ring = new Keyring([a, b, c], a);
    ring.use(c);
    expect(ring.list()).toEqual([c, a, b]);
    ring.use(c);
    expect(ring.list()).toEqual([c, a, b]);
    expect(failure(() => ring.use(key(9)))).toEqual([
      'ERR_KEY_UNKNOWN',
      'requested key is not in the keyring',
    ]);
  });

  it('removes any key but the primary; removing an absent one does nothing', () => {
    const ring = new Keyring([a, b], a);
    expect(failure(() => ring.remove(a))).toEqual([
      'ERR_KEY_PRIMARY',
      'removing the primary key is not allowed',
    ]);
    ring.remove(key(9));
    ring.remove(b);
    expect(ring.list()).toEqual([a]);
  });

  it('removing from an empty ring is an error, not a crash', () => {
    expect(failure(() => new Keyring().remove(a))[0]).toBe('ERR_KEYRING_EMPTY');
  });

  it('copies keys and hands out lists that later changes do not touch', () => {
    const own = key(7);
    const ring = new Keyring([], own);
    const before = ring.list();
    own.fill(0);
    ring.add(b);
    expect([before, ring.primary]).toEqual([[key(7)], key(7)]);
  });
});
