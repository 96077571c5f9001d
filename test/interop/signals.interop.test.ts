import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, expect, it } from 'vitest';
import { describeWithSerf } from '../support/interop.ts';
import { type Daemon, startReeve, startSerf, stopAll, waitFor } from './helpers.ts';

/** What signals do to a real agent and to ours: exit codes, what is printed, and what a peer makes of it. */

const folder = mkdtempSync(join(tmpdir(), 'signals-'));
afterAll(async () => {
  await stopAll();
  rmSync(folder, { recursive: true });
});

interface Case {
  readonly title: string;
  readonly config: object;
  readonly signals: readonly NodeJS.Signals[];
  /** Whether a peer sees a leave in the end, and not a failure. */
  readonly leaves: boolean;
}

const CASES: readonly Case[] = [
  { title: 'INT leaves', config: {}, signals: ['SIGINT'], leaves: true },
  { title: 'TERM stops at once', config: {}, signals: ['SIGTERM'], leaves: false },
  {
    title: 'TERM with leave_on_terminate leaves',
    config: { leave_on_terminate: true },
    signals: ['SIGTERM'],
    leaves: true,
  },
  {
    title: 'INT with skip_leave_on_interrupt stops',
    config: { skip_leave_on_interrupt: true },
    signals: ['SIGINT'],
    leaves: false,
  },
  { title: 'HUP reloads, and INT then leaves', config: {}, signals: ['SIGHUP', 'SIGINT'], leaves: true },
];

/** Between two signals: long enough for the first to be seen, too short for a leave. */
const BETWEEN_MS = 200;

interface Outcome {
  readonly code: number | null;
  readonly said: readonly string[];
}

async function signalled(daemon: Daemon, signals: readonly NodeJS.Signals[]): Promise<Outcome> {
  await waitFor('the log to begin', () => daemon.logs().includes('Log data will now stream in'));
  for (const [index, signal] of signals.entries()) {
    if (index > 0) await sleep(BETWEEN_MS);
    daemon.kill(signal);
  }
  const code = await daemon.gone;
  const said = daemon
    .logs()
    .split('\n')
    .filter((line) => /^==> (Caught|Gracefully|Reloading)/.test(line));
  return { code, said };
}

describeWithSerf('signals, a real agent and ours', () => {
  it.each(CASES.map((one, index) => ({ ...one, index })))(
    '$title',
    async ({ config, signals, leaves, index }) => {
      const network = `127.120.${index}.`;
      const path = join(folder, `${index}.json`);
      writeFileSync(path, JSON.stringify(config));
      const peer = await startSerf({ name: 'peer', ip: `${network}1` });
      const args = [`-join=${peer.ip}`, '-config-file', path];
      const [real, ours] = await Promise.all([
        startSerf({ name: 'real', ip: `${network}2`, args }),
        startReeve({ name: 'ours', ip: `${network}3`, args }),
      ]);
      const outcomes = await Promise.all([signalled(real, signals), signalled(ours, signals)]);
      expect(outcomes[1]).toEqual(outcomes[0]);
      // That the others see a failure takes them many seconds to be sure of, so it is not waited for here.
      for (const name of leaves ? ['real', 'ours'] : []) {
        await waitFor(
          `${name} to have left`,
          async () => (await peer.members()).get(name)?.status === 'left',
        );
      }
      await stopAll();
    },
  );

  it('a second signal ends a leave at once', async () => {
    for (const [index, second] of (['SIGINT', 'SIGTERM', 'SIGHUP'] as const).entries()) {
      const [real, ours] = await Promise.all([
        startSerf({ name: 'real', ip: `127.120.${20 + index}.2` }),
        startReeve({ name: 'ours', ip: `127.120.${20 + index}.3` }),
      ]);
      const outcomes = await Promise.all([
        signalled(real, ['SIGINT', second]),
        signalled(ours, ['SIGINT', second]),
      ]);
      expect(outcomes[1]).toEqual(outcomes[0]);
      expect(outcomes[0].code).toBe(1);
    }
  });
});
