import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { describeWithSerf } from '../support/interop.ts';
import { type Daemon, startReeve, startSerf, stopAll, waitFor, waitForMember } from './helpers.ts';
import { allHearAll, keysIn, keyText, writeKeys } from './keys-support.ts';
import { scratchFolder } from './mixed.ts';

/** Twelve restarts of ours and three starts of a real agent, each with a check of the whole cluster. */
const LONG_MS = 300_000;

afterEach(stopAll);

const KEY = keyText(7);
const file = (): string => join(folder, 'keys.json');
const folder = scratchFolder();

/** The steps of docs/encryption.md, as flags. */
const STAGES = {
  plain: () => [],
  'keys known': () => [
    `-keyring-file=${file()}`,
    '-gossip-verify-incoming=false',
    '-gossip-verify-outgoing=false',
  ],
  'keys used': () => [`-keyring-file=${file()}`, '-gossip-verify-incoming=false'],
  'keys required': () => [`-keyring-file=${file()}`],
} as const satisfies Record<string, () => string[]>;
type Stage = keyof typeof STAGES;

/** The names in `daemon`'s list whose members it sees in a status other than alive or left. */
async function troubled(daemon: Daemon): Promise<string[]> {
  const members = [...(await daemon.members()).values()];
  return members.filter(({ status }) => status !== 'alive' && status !== 'left').map(({ name }) => name);
}

describeWithSerf('a plain cluster becomes an encrypted one, and plain again, without downtime', () => {
  const ips = { r1: '127.101.5.1', r2: '127.101.5.2', r3: '127.101.5.3' } as const;
  type Name = keyof typeof ips;
  const ours = new Map<Name, Daemon>();
  let checks = 0;

  const start = async (name: Name, stage: Stage): Promise<void> => {
    const seeds = Object.entries(ips).flatMap(([other, ip]) => (other === name ? [] : [`-retry-join=${ip}`]));
    const args = [...STAGES[stage](), '-profile=lan', ...(ours.size === 0 ? [] : seeds)];
    ours.set(name, await startReeve({ name, ip: ips[name], args }));
  };

  /** Every member lists every other as alive, nobody failed, and events of each reach all. */
  const check = async (what: string, ...others: readonly Daemon[]): Promise<void> => {
    const all = [...ours.values(), ...others];
    for (const one of all) for (const { name } of all) await waitForMember(one, name, 'alive');
    for (const one of all)
      expect(await troubled(one), `${what}: whom ${one.name} sees in trouble`).toEqual([]);
    checks += 1;
    expect(await allHearAll(all, `check-${checks}`), what).toEqual([]);
  };

  /** Restarts ours one after another; the cluster works after each restart. */
  const moveTo = async (stage: Stage, ...others: readonly Daemon[]): Promise<void> => {
    for (const name of ['r1', 'r2', 'r3'] as const) {
      expect(await ours.get(name)?.stop()).toBe(0);
      await start(name, stage);
      await check(`${name} moved to ${stage}`, ...others);
    }
  };

  const startReal = async (...args: readonly string[]): Promise<Daemon> =>
    startSerf({ name: 's', ip: '127.101.5.9', args: ['-profile=lan', `-join=${ips.r1}`, ...args] });

  it(
    'in three steps there and three back; real agents, which know no such flags, change over between the steps',
    async () => {
      writeKeys(file(), KEY);
      for (const name of ['r1', 'r2', 'r3'] as const) await start(name, 'plain');
      const plain = await startReal();
      await check('all plain', plain);

      await moveTo('keys known', plain);
      // A plain agent understands nobody from the next step on.
      await plain.stop();
      await moveTo('keys used');

      const keyed = await startReal(`-keyring-file=${file()}`);
      await check('a real agent with the key', keyed);
      await moveTo('keys required', keyed);
      const stranger = await startReeve({ name: 'x', ip: '127.101.5.8', args: [] });
      const refused = await stranger.cli(['join', ips.r2]);
      expect(refused.code).toBe(1);
      await stranger.stop();
      const keys = await ours.get('r1')?.cli(['keys', '-list']);
      expect(keys?.stdout).toContain(`${KEY}  [4/4]`);
      expect(keysIn(file())).toEqual([KEY]);

      await moveTo('keys used', keyed);
      // An agent with keys understands nobody who stops using them.
      await keyed.stop();
      await moveTo('keys known');
      const again = await startReal();
      await check('a plain real agent again', again);
      await moveTo('plain', again);
      await waitFor('nobody in trouble', async () => (await troubled(again)).length === 0);
    },
    LONG_MS,
  );
});
