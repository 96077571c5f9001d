import { existsSync, rmSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import type { MemberInfo } from '../../../src/events/event.ts';
import type { GovernorMemory } from '../../../src/policy/governance.ts';
import { prepareRenderer, type RenderContext, RendererRunner } from '../../../src/render/runner.ts';
import { commands, HOSTS_TEMPLATE, host, put, scratch, sh, spec, text } from './samples.ts';

const files = scratch();
const runners: RendererRunner[] = [];
afterEach(() => Promise.all(runners.splice(0).map((runner) => runner.stop(1_000))));

/** A runner of a template on disk, in a cluster that a test changes. */
async function rig(
  more: Parameters<typeof spec>[1] = {},
  template = HOSTS_TEMPLATE,
  memory?: GovernorMemory,
) {
  const target = files.path('f');
  put(files.path('t'), template);
  const logs: string[] = [];
  const gauges: string[] = [];
  const kept: GovernorMemory[] = [];
  const cluster: { members: readonly MemberInfo[]; exchanges: number; staying: boolean } = {
    members: [host('a', 2)],
    exchanges: 1,
    staying: true,
  };
  const context: RenderContext = {
    self: () => host('me', 1),
    facts: () => ({ ...cluster, nobodyToJoin: false, suspects: new Set<string>(), silent: false }),
    isStaying: () => cluster.staying,
    log: (level, line) => logs.push(`${level} ${line}`),
    now: () => performance.now(),
    date: () => new Date(0),
    spare: () => undefined,
    env: { PATH: process.env['PATH'] ?? '' },
    metrics: {
      count: () => undefined,
      sample: () => undefined,
      timed: (_name, work) => work(),
      gauge: (name, value) => gauges.push(`${name} ${value}`),
    },
    memory: {
      recall: () => memory,
      keep: (_name, one) => void (one !== undefined && kept.push(one)),
    },
  };
  const prepared = await prepareRenderer(spec(target, { template: files.path('t'), ...more }));
  const runner = new RendererRunner(prepared, context);
  runners.push(runner);
  return { runner, cluster, logs, target, prepared, gauges, kept };
}

/** Waits until it holds; the test's own timeout is the bound. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(5);
}

const outcomes = (runner: RendererRunner) => runner.report().attempts.map(({ outcome }) => outcome);

describe('a renderer in an agent', () => {
  it('renders at its start and when members change, and tells both', async () => {
    const { runner, cluster, logs, target } = await rig();
    await runner.start();
    await until(() => outcomes(runner).length === 1);
    cluster.members = [host('a', 2), host('b', 3)];
    runner.poke();
    await until(() => outcomes(runner).length === 2);
    expect(text(target)).toBe('10.0.0.2 a\n10.0.0.3 b\n');
    expect(outcomes(runner)).toEqual(['created', 'replaced']);
    const told = logs.filter((line) => line.startsWith('INFO'));
    expect(told).toEqual([
      `INFO renderer 'hosts': ${target} was created (start, 1 member)`,
      `INFO renderer 'hosts': ${target} was replaced (change, 2 members)`,
    ]);
  });

  it('holds what is in doubt, loudly and once, and goes on by itself or when approved', async () => {
    const { runner, cluster, logs, target } = await rig();
    put(target, 'old\n');
    cluster.members = [];
    await runner.start();
    runner.poke();
    const held = logs.filter((line) => line.includes('HOLDS'));
    expect(held).toEqual([
      "WARN renderer 'hosts' HOLDS, nothing is written: allow_empty: an empty view would replace one that is not empty; 'agent handlers approve hosts' lets it write once",
    ]);
    expect(runner.report()).toMatchObject({ state: 'held', holds: [{ guard: 'allow_empty' }] });
    expect(await runner.renderNow()).toBeUndefined();
    expect(text(target)).toBe('old\n');
    expect(runner.approve()).toBe(true);
    await until(() => outcomes(runner).length === 1);
    expect(text(target)).toBe('');
    expect(runner.approve()).toBe(false);
  });

  it('waits for the first push/pull without alarm', async () => {
    const { runner, cluster, logs, gauges } = await rig();
    cluster.exchanges = 0;
    await runner.start();
    expect(logs).toEqual([expect.stringMatching(/^INFO .* settle: no push\/pull/)]);
    cluster.exchanges = 1;
    runner.poke();
    await until(() => outcomes(runner).length === 1);
    expect(gauges).toEqual(['agent.held.renderer.hosts 1', 'agent.held.renderer.hosts 0']);
  });

  it('goes on from what the guards of an earlier run knew, and keeps what those of this one know', async () => {
    const base = spec('');
    const policy = { ...base.policy, guards: { ...base.policy.guards, maxRemoved: { count: 1 } } };
    const memory = { applied: ['a', 'b', 'c'], seen: [], agoMs: 10 };
    const { runner, cluster, logs, kept } = await rig({ policy }, HOSTS_TEMPLATE, memory);
    await runner.start();
    expect(logs.join()).toContain('max_removed: 2 of 3 members would be gone');
    expect(kept).toEqual([]);
    cluster.members = [host('a', 2), host('b', 3)];
    runner.approve();
    await until(() => outcomes(runner).length === 1);
    expect(kept).toMatchObject([{ applied: ['a', 'b'], agoMs: 0 }]);
  });

  it('does nothing once the agent leaves', async () => {
    const { runner, cluster } = await rig();
    await runner.start();
    await until(() => outcomes(runner).length === 1);
    cluster.staying = false;
    cluster.members = [];
    runner.poke();
    await sleep(20);
    expect(outcomes(runner)).toEqual(['created']);
  });

  it('tells a failure once, tries again, and keeps what the command said', async () => {
    const retry = { firstMs: 10, maxMs: 20 };
    const check = sh('echo "($$) bad line" >&2; exit 1');
    const base = spec('');
    const { runner, logs } = await rig({ commands: commands({ check }), policy: { ...base.policy, retry } });
    await runner.start();
    await until(() => outcomes(runner).length >= 3);
    expect(logs.filter((line) => line.startsWith('ERR'))).toHaveLength(1);
    const last = runner.report().attempts.at(-1);
    expect(last).toMatchObject({
      outcome: 'failed',
      code: 'ERR_RENDER_CHECK',
      commands: [{ stderr: expect.stringContaining('bad line\n') as string }],
    });
  });

  it('takes a new template at a reload, and shows before what it would do', async () => {
    const { runner, target } = await rig();
    await runner.start();
    await until(() => outcomes(runner).length === 1);
    put(files.path('t'), '# v2\n');
    expect(await runner.preview()).toMatchObject({ same: false, diff: expect.stringContaining('+# v2') });
    expect(text(target)).toBe('10.0.0.2 a\n');
    runner.replace(await prepareRenderer(runner.spec));
    await until(() => outcomes(runner).length === 2);
    expect(text(target)).toBe('# v2\n');
  });

  it('renders in its time what a preview saw first', async () => {
    const base = spec('');
    const wait = { minMs: 20, maxMs: 20 };
    const { runner, cluster, target } = await rig({ policy: { ...base.policy, wait } });
    await runner.start();
    await until(() => outcomes(runner).length === 1);
    cluster.members = [host('b', 3)];
    expect(await runner.preview()).toMatchObject({ same: false, members: 1 });
    await until(() => outcomes(runner).length === 2);
    expect(text(target)).toBe('10.0.0.3 b\n');
  });

  it('reports whom it leaves out once', async () => {
    const base = spec('');
    const filter = {
      ...base.policy.filter,
      refuse: ({ name }: MemberInfo) => (name === 'b' ? 'no' : undefined),
    };
    const { runner, cluster, logs } = await rig({ policy: { ...base.policy, filter } });
    cluster.members = [host('a', 2), host('b', 3)];
    await runner.start();
    await until(() => outcomes(runner).length === 1);
    await runner.renderNow();
    expect(logs.filter((line) => line.includes('leaves out'))).toEqual([
      'WARN renderer \'hosts\' leaves out "b": no',
    ]);
    expect(runner.report().leftOut).toEqual([{ name: 'b', why: 'no' }]);
  });

  it('reports also whom the file had no room for, as long as the member is there', async () => {
    const { runner, cluster } = await rig({ unique: 'name' });
    cluster.members = [host('DB1', 3), host('db1', 2)];
    await runner.start();
    await until(() => outcomes(runner).length === 1);
    const why = 'another member has the same name: "db1"';
    expect(runner.report()).toMatchObject({ members: 1, leftOut: [{ name: 'DB1', why }] });
    cluster.members = [host('db1', 2)];
    runner.poke();
    expect(runner.report()).toMatchObject({ members: 1, leftOut: [] });
  });

  it('lets a command finish when it stops, for a while; a reload that was cut off is left for the next start', async () => {
    const slow = (seconds: string) =>
      commands({ reload: sh(`touch "$REEVE_TARGET.began"; sleep ${seconds}`) });
    const patient = await rig({ commands: slow('0.2') });
    await patient.runner.start();
    await until(() => existsSync(`${patient.target}.began`));
    await patient.runner.stop(10_000);
    expect(outcomes(patient.runner)).toEqual(['created']);
    rmSync(`${patient.target}.began`);
    rmSync(patient.target);
    const hasty = await rig({ commands: slow('60') });
    await hasty.runner.start();
    await until(() => existsSync(`${hasty.target}.began`));
    await hasty.runner.stop(10);
    expect(hasty.runner.report().attempts).toMatchObject([{ outcome: 'failed', code: 'ERR_RENDER_STOPPED' }]);
    expect([text(hasty.target), existsSync(files.path('.f.reeve-pending'))]).toEqual(['10.0.0.2 a\n', true]);
  });

  it('is refused when its template is missing or bad, by name', async () => {
    const bad = (template: string) => prepareRenderer(spec('/t', { template }));
    await expect(bad(files.path('nowhere'))).rejects.toThrow(/^Invalid renderer 'hosts': template .*ENOENT/);
    put(files.path('bad'), '{% if %}');
    await expect(bad(files.path('bad'))).rejects.toMatchObject({ code: 'ERR_TEMPLATE' });
  });
});
