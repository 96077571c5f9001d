import { readFileSync } from 'node:fs';
import { transformSync } from 'esbuild';
import { describe, expect, it } from 'vitest';
import { mutate } from './mutations/mutation.ts';
import { MUTATIONS } from './mutations/table.ts';

describe('deliberate protocol bugs', () => {
  it('are at least 25, each with a name of its own', () => {
    expect(MUTATIONS.length).toBeGreaterThanOrEqual(25);
    expect(new Set(MUTATIONS.map(({ name }) => name)).size).toBe(MUTATIONS.length);
  });

  it.each(MUTATIONS.map((mutation) => [mutation.name, mutation] as const))(
    'have their place in the source, which stays a program: %s',
    (_name, mutation) => {
      const source = readFileSync(new URL(`../../${mutation.file}`, import.meta.url), 'utf8');
      const changed = mutate(source, mutation);
      expect(changed).not.toBe(source);
      expect(() => transformSync(changed, { loader: 'ts' })).not.toThrow();
    },
  );

  it('are refused where the source has changed', () => {
    const [mutation] = MUTATIONS;
    if (mutation === undefined) throw new Error('no mutations');
    expect(() => mutate('something else', mutation)).toThrow('stands 0 times');
    expect(() => mutate(`${mutation.from}${mutation.from}`, mutation)).toThrow('stands 2 times');
  });
});
