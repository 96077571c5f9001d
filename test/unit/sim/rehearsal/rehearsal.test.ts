import { describe, expect, it } from 'vitest';
import { cells } from '../../../../src/cli/style.ts';
import { resultsPage } from '../../../../src/sim/rehearsal/page.ts';
import { resultsPicture } from '../../../../src/sim/rehearsal/picture.ts';
import type { Plan } from '../../../../src/sim/rehearsal/plan.ts';
import { readScenario } from '../../../../src/sim/rehearsal/read-scenario.ts';
import { Rehearsal } from '../../../../src/sim/rehearsal/rehearsal.ts';
import { resultsOf } from '../../../../src/sim/rehearsal/results.ts';
import { resultsText } from '../../../../src/sim/rehearsal/text.ts';

const plain = (text: string): string => text;
const PAINT = { bold: plain, dim: plain, red: plain, green: plain, yellow: plain };

function rehearsed(steps: readonly unknown[], facts: Partial<Plan> = {}): Rehearsal {
  const rehearsal = new Rehearsal({
    seed: 5,
    nodes: 12,
    settings: { profile: 'local' },
    weather: {},
    steps: readScenario({ steps }).steps ?? [],
    ...facts,
  });
  while (rehearsal.advance());
  return rehearsal;
}

describe('a rehearsal', () => {
  it('deaths, leaves, joins and events are followed to the last member', () => {
    const rehearsal = rehearsed([
      { at: '1s', event: 3, every: '100ms' },
      { at: '5s', kill: ['n3', 'n7'] },
      { at: '30s', leave: ['n5'] },
      { at: '35s', join: 2 },
    ]);
    const results = resultsOf(rehearsal, true);
    expect(results.converged).toBe(true);
    expect(rehearsal.cluster.hasConverged()).toBe(true);
    expect(results.nodes_at_end).toBe(11);
    expect(results.detection).toMatchObject({ count: 2, unknown_to_some: 0, each: { count: 2 * 10 } });
    expect(results.detection.first.p50_ms).toBeGreaterThan(0);
    expect(results.leaves).toMatchObject({ count: 1, unknown_to_some: 0 });
    expect(results.joins).toMatchObject({ count: 2, unknown_to_some: 0 });
    expect(results.user_events).toMatchObject({ sent: 3, missed: 0 });
    expect(results.false_positives.quiet.announcements).toBe(0);
    expect(results.steps.map(({ text }) => text)).toEqual([
      '3 user events, 100ms apart',
      'kill n3, n7',
      'n5 leaves',
      'n13, n14 join',
    ]);
  });

  it('a leave that some node takes for a failure is told as that', () => {
    const rehearsal = rehearsed([{ at: '5s', leave: ['n4'] }]);
    const [leaver, other] = ['n4', 'n6'].map((name) =>
      rehearsal.cluster.nodes.find((node) => node.name === name),
    );
    if (leaver === undefined || other === undefined) throw new Error('no such nodes');
    rehearsal.observer.alarms.announced(other, leaver, rehearsal.now);
    const results = resultsOf(rehearsal, true);
    const { called_failed: called } = results.leaves;
    expect([called.announcements >= 1, called.members]).toEqual([true, 1]);
    expect(results.false_positives.quiet.announcements).toBe(0);
    expect(resultsText(results, PAINT).join('\n')).toMatch(
      /1 member that left was called failed \d+ times?: the word came late/,
    );
    expect(resultsPage(rehearsal, results, '')).toContain('1 member that left was called failed');
  });

  it('what it believes about everybody is what every node answers when asked', () => {
    const rehearsal = rehearsed(
      [
        { at: '1s', partition: 4, name: 'half' },
        { at: '3s', kill: 2 },
      ],
      {
        durationMs: 20_000,
      },
    );
    const { nodes, running } = rehearsal.cluster;
    for (const node of running) {
      const { beliefs } = rehearsal.observer;
      const index = rehearsal.observer.indexOf(node);
      const believed = nodes.filter((other) => beliefs.believes(index, rehearsal.observer.indexOf(other)));
      expect(believed.map(({ name }) => name).sort()).toEqual(node.alive());
    }
    expect(resultsOf(rehearsal, true).converged).toBe(false);
  });

  it('failures of live members are told apart by what lay between', () => {
    const rehearsal = rehearsed([{ at: '2s', pause: ['n2'], for: '20s' }]);
    const { false_positives: alarms } = resultsOf(rehearsal, true);
    expect(alarms.unreachable.announcements).toBeGreaterThan(0);
    expect(alarms.quiet.announcements).toBe(0);
  });

  it('the same plan gives the same results, and another seed others', () => {
    const steps = [{ at: '1s', kill: 2 }];
    const weather = { loss: 0.1, jitterMs: 5 };
    const once = resultsOf(rehearsed(steps, { weather }), true);
    expect(resultsOf(rehearsed(steps, { weather }), true)).toEqual(once);
    expect(resultsOf(rehearsed(steps, { weather, seed: 6 }), true).trace_hash).not.toBe(once.trace_hash);
  });

  it('the text fits 80 columns, and the page loads nothing and names no script', () => {
    const rehearsal = rehearsed(
      [
        { at: '1s', weather: { loss: '20%', jitter: '10ms', stream_cut: 0.2, tail: '30ms' }, for: '5s' },
        { at: '2s', kill: ['n3', 'n7', 'n8', 'n9'] },
        { at: '3s', event: 2 },
      ],
      {
        weather: {
          latencyMs: 1.25,
          jitterMs: 12.5,
          tailMs: 3,
          loss: 0.123,
          duplicate: 0.01,
          corrupt: 0.01,
          mtuBytes: 1400,
        },
      },
    );
    const results = resultsOf(rehearsal, true);
    const lines = resultsText(results, PAINT);
    expect(lines.filter((line) => cells(line) > 80)).toEqual([]);
    const page = resultsPage(rehearsal, results, 'agent sim <x>');
    expect(page).toContain('agent sim &lt;x&gt;');
    expect(page).not.toMatch(/<script|<link|@import|url\(|src=|href=/);
    expect(page.match(/<svg /g)).toHaveLength(4);
    const picture = resultsPicture(rehearsal, results, 'agent sim <x>');
    expect(picture).toMatch(/^<svg xmlns/);
    expect(picture).toContain('agent sim &lt;x&gt;');
    expect(picture.match(/<svg /g)).toHaveLength(5);
    expect(picture.match(/<\/svg>/g)).toHaveLength(5);
  });
});
