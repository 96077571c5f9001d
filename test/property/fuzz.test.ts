import { describe, expect, it } from 'vitest';
import { kept } from '../fuzz/corpus.ts';
import { fuzz, tryInput } from '../fuzz/engine.ts';
import { TARGETS } from '../fuzz/targets/index.ts';

/** A band that is the same every time; `npm run fuzz` goes on from here, guided by coverage. */
const SEED = 20_261_121;
const INPUTS = 1_000;
/** A whole machine, and a connection with its timers, cost as much as many decodings. */
const INPUTS_DEAR = 500;
const DEAR = ['machine', 'rpc-session', 'keyring'];

describe('whatever bytes come from outside', () => {
  it.each(TARGETS.map((target) => [target.name, target] as const))(
    '%s: captured and changed inputs break nothing',
    async (name, target) => {
      const wanted = DEAR.includes(name) ? INPUTS_DEAR : INPUTS;
      const { breaks, executions } = await fuzz(target, { seed: SEED, goesOn: (done) => done < wanted });
      expect(breaks.map(({ input, why }) => `${Buffer.from(input).toString('hex')}: ${why}`)).toEqual([]);
      expect(executions).toBeGreaterThanOrEqual(wanted);
    },
  );

  it.each(TARGETS.map((target) => [target.name, target] as const))(
    '%s: inputs that once broke something do so no more',
    async (_name, target) => {
      for (const hex of kept(target).regressions) {
        expect(await tryInput(target, Uint8Array.from(Buffer.from(hex, 'hex')))).toBeUndefined();
      }
    },
  );

  it('a target that throws, rejects or takes too long is noticed', async () => {
    const seeds = () => [];
    const broken = { name: 'broken', seeds, run: () => Promise.reject(new Error('broken: a rule')) };
    expect(await tryInput(broken, new Uint8Array(0))).toContain('broken: a rule');
    const picky = {
      name: 'picky',
      seeds: () => [Uint8Array.of(1, 2, 3)],
      run: (input: Uint8Array) => {
        if (input.length > 5) throw new TypeError('longer than five');
      },
    };
    const { breaks } = await fuzz(picky, { seed: 1, goesOn: () => false });
    expect(breaks[0]?.why).toContain('longer than five');
  });
});
