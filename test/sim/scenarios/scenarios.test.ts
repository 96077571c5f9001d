import { describe, expect, it } from 'vitest';
import { narrate } from '../../../src/sim/campaign/narrate.ts';
import { runScenario } from '../../../src/sim/campaign/run.ts';
import type { Scenario } from '../../../src/sim/campaign/scenario.ts';

/** Small stories with their whole text: a change in behaviour is a difference to be read. */

const QUIET: Omit<Scenario, 'steps' | 'chaosMs'> = {
  seed: 1,
  size: 3,
  profile: 'lan',
  encrypted: false,
  protocols: [5],
  maxQueueDepth: 4096,
  finale: [],
};

function story(scenario: Pick<Scenario, 'steps' | 'chaosMs'>): string[] {
  const lines: string[] = [];
  const { violations } = runScenario(
    { ...QUIET, ...scenario },
    { prepare: (stage) => narrate(stage, (line) => lines.push(line)) },
  );
  expect(violations).toEqual([]);
  return lines.filter((line) => !/ (?:user-event|query): /.test(line));
}

describe('stories', () => {
  it('a member dies and stays dead', () => {
    const crash = { type: 'crash', node: 'n3', disk: 'kept', powerLoss: true, newAddress: false } as const;
    expect(
      story({ chaosMs: 20_000, steps: [{ at: 1_000, action: crash }] }).join('\n'),
    ).toMatchInlineSnapshot(`
      "    0.000 n1 starts at 10.0.0.1
          0.000 n1 member-join n1
          0.000 n2 starts at 10.0.0.2
          0.000 n2 member-join n2
          0.000 n3 starts at 10.0.0.3
          0.000 n3 member-join n3
          0.003 n1 member-join n2
          0.003 n1 member-join n3
          0.004 n2 member-join n1
          0.004 n3 member-join n2
          0.004 n3 member-join n1
          0.007 n2 member-join n3
          1.250 n3 ends: crashed
          6.679 n1 member-failed n3
          6.680 n2 member-failed n3"
    `);
  });

  it('a member leaves and comes back', () => {
    const leave = { type: 'leave', node: 'n2', returnAfterMs: 5_000 } as const;
    expect(
      story({ chaosMs: 15_000, steps: [{ at: 1_000, action: leave }] }).join('\n'),
    ).toMatchInlineSnapshot(`
      "    0.000 n1 starts at 10.0.0.1
          0.000 n1 member-join n1
          0.000 n2 starts at 10.0.0.2
          0.000 n2 member-join n2
          0.000 n3 starts at 10.0.0.3
          0.000 n3 member-join n3
          0.003 n1 member-join n2
          0.003 n1 member-join n3
          0.004 n2 member-join n1
          0.004 n3 member-join n2
          0.004 n3 member-join n1
          0.007 n2 member-join n3
          1.609 n2 member-leave n2
          1.810 n1 member-leave n2
          1.810 n3 member-leave n2
          3.009 n2 ends: left
          6.250 n2 starts at 10.0.0.2
          6.250 n2 member-join n2
          6.254 n2 member-join n3
          6.254 n2 member-join n1
          6.257 n3 member-join n2
          6.309 n1 member-join n2"
    `);
  });
});
