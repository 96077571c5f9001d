import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { stopAll, waitFor } from './helpers.ts';
import { describeMixed, memberOf, scratchFolder, startNode, waitForAll } from './mixed.ts';

afterAll(stopAll);

/** Reaping runs every 15 seconds, after a failure that took some more. */
const REAPED_WITHIN_MS = 60_000;

describeMixed('names and addresses used again among real agents and ours', (real) => {
  describe.concurrent('in clusters of both kinds', () => {
    it('a real agent that ours has reaped is found again with nobody joining', async () => {
      const file = join(scratchFolder(), 'reap.json');
      writeFileSync(file, JSON.stringify({ reconnect_interval: '2s', reconnect_timeout: '1s' }));
      const finder = await startNode(real, 'reeve', {
        name: 'finder',
        ip: real.ip(91, 1),
        args: [`-config-file=${file}`],
      });
      const lost = { name: 'lost', ip: real.ip(91, 2) };
      const first = await startNode(real, 'serf', { ...lost, args: [`-join=${finder.ip}`] });
      await waitForAll([finder, first], ['finder', 'lost'], 'alive');
      first.kill('SIGKILL');
      await waitFor('the reap', () => finder.seen.history('lost').includes('reap'), REAPED_WITHIN_MS);
      await first.gone;
      const second = await startNode(real, 'serf', lost);
      await waitForAll([finder, second], ['finder', 'lost'], 'alive');
      const told = (): string => finder.seen.history('lost').join(' ');
      await waitFor('its return to be told', () => told() === 'join failed reap join');
    });

    it('a real agent under a new name at a failed address retires the old name here', async () => {
      const ours = await startNode(real, 'reeve', { name: 'ours', ip: real.ip(92, 1) });
      const place = real.ip(92, 2);
      const before = await startNode(real, 'serf', { name: 'before', ip: place, args: [`-join=${ours.ip}`] });
      await waitForAll([ours, before], ['ours', 'before'], 'alive');
      before.kill('SIGKILL');
      await waitForAll([ours], ['before'], 'failed');
      await before.gone;
      await startNode(real, 'serf', { name: 'after', ip: place, args: [`-join=${ours.ip}`] });
      await waitForAll([ours], ['after'], 'alive');
      expect((await ours.members()).has('before')).toBe(false);
      await waitFor('the reap', () => ours.seen.history('before').includes('reap'));
    });

    it('a real agent that failed comes back at another address after the reclaim time', async () => {
      const ours = await startNode(real, 'reeve', {
        name: 'ours',
        ip: real.ip(93, 1),
        args: ['-profile=lan', '-dead-node-reclaim-time=1s'],
      });
      const args = ['-profile=lan', `-join=${ours.ip}`];
      const before = await startNode(real, 'serf', { name: 'mover', ip: real.ip(93, 2), args });
      await waitForAll([ours, before], ['ours', 'mover'], 'alive');
      before.kill('SIGKILL');
      await waitForAll([ours], ['mover'], 'failed');
      await new Promise((resolve) => setTimeout(resolve, 1_500));
      await startNode(real, 'serf', { name: 'mover', ip: real.ip(93, 3), args });
      await waitForAll([ours], ['mover'], 'alive');
      expect((await memberOf(ours, 'mover')).addr).toBe(`${real.ip(93, 3)}:7946`);
      expect(ours.logs()).not.toContain('Conflicting address');
    });
  });
});
