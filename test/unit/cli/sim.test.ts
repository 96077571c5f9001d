import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { progressLine } from '../../../src/cli/sim-progress.ts';
import { run } from './fake-context.ts';

const folder = mkdtempSync(join(tmpdir(), 'reeve-sim-'));
const SMALL = ['sim', '-nodes', '8', '-profile', 'local', '-events', '2'];

describe('agent sim', () => {
  it('prints JSON with its stable fields, and writes a report', async () => {
    const report = join(folder, 'out.html');
    const { code, stdout } = await run([...SMALL, '-kill', '1', '-report', report, '--json']);
    const results = JSON.parse(stdout) as Record<string, unknown>;
    expect(code).toBe(0);
    expect(Object.keys(results)).toEqual([
      'format',
      'complete',
      'seed',
      'nodes',
      'nodes_at_end',
      'profile',
      'encrypted',
      'weather',
      'timings',
      'formed_ms',
      'start_ms',
      'duration_ms',
      'steps',
      'converged',
      'converged_ms',
      'detection',
      'leaves',
      'joins',
      'user_events',
      'false_positives',
      'bandwidth',
      'faults',
      'trace_hash',
    ]);
    expect(readFileSync(report, 'utf8')).toContain('agent sim -nodes 8 -profile local -events 2 -kill 1');
  });

  it('a report named .svg is a picture', async () => {
    const report = join(folder, 'out.svg');
    expect((await run([...SMALL, '-report', report])).code).toBe(0);
    expect(readFileSync(report, 'utf8')).toMatch(/^<svg .*<\/svg>\s*$/s);
  });

  it('takes a scenario file and the protocol settings of a configuration', async () => {
    const scenario = join(folder, 'scenario.json');
    const config = join(folder, 'config.json');
    writeFileSync(scenario, JSON.stringify({ nodes: 5, steps: [{ at: '1s', leave: ['n2'] }] }));
    writeFileSync(config, JSON.stringify({ profile: 'local', tags: { role: 'web' } }), { mode: 0o600 });
    const { code, stdout } = await run(['sim', '-scenario', scenario, '-config-file', config, '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      nodes: 5,
      profile: 'local',
      nodes_at_end: 4,
      leaves: { count: 1 },
    });
  });

  it('an interrupt ends it with what was reached', async () => {
    const { code, stdout } = await run(['sim', '-nodes', '40'], { interrupted: AbortSignal.abort() });
    expect(code).toBe(1);
    expect(stdout).toContain('interrupted');
  });

  it.each([
    [['-nodes', 'x'], 'Cannot rehearse that: -nodes: must be a whole number from 2 to 20000, not "x"'],
    [['-loss', '101%'], 'Cannot rehearse that: -loss: must be a share such as "5%" or 0.05, not "101%"'],
    [['-seed', '-1'], 'Cannot rehearse that: -seed: must be a whole number from 0 to 4294967295, not "-1"'],
    [['-partition', '20%'], 'Cannot rehearse that: -partition 20%: says not for how long'],
    [['-scenario', '/nowhere.json'], "Cannot read the scenario '/nowhere.json': "],
    [['-scenario', '/'], "Cannot read the scenario '/': it is a directory"],
    [['-scenario', '/dev/zero'], "Cannot read the scenario '/dev/zero': it is larger than"],
    [['-config-file', '/nowhere.json'], '/nowhere.json'],
    [['-report', '/nowhere/x.html'], 'Cannot write the report: '],
  ])('%j is refused in one line', async (words, message) => {
    const { code, stdout, stderr } = await run(['sim', ...words]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain(message);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  it('a mistake in a scenario names its file', async () => {
    const path = join(folder, 'mistake.json');
    writeFileSync(path, '{"nodes": 5, "steps": [{ "at": "1s", "kil": 3 }]}');
    const { stderr } = await run(['sim', '-scenario', path]);
    expect(stderr).toBe(`Cannot rehearse that: ${path}: steps[0]: unknown key "kil"; did you mean "kill"?\n`);
  });

  it('a cluster of which nobody is left has not agreed about anything', async () => {
    const { stdout } = await run([...SMALL, '-kill', '100%']);
    expect(stdout).toContain('No node runs any more');
    expect(stdout).not.toContain('death known to all');
    expect(stdout).not.toMatch(/[ \t]$/m);
  });

  it('a scenario that is no JSON is refused with its line and column', async () => {
    const path = join(folder, 'bad.json');
    writeFileSync(path, '{\n  "nodes": 5,\n}');
    const { stderr } = await run(['sim', '-scenario', path]);
    expect(stderr).toContain('line 3, column 1');
  });

  it('the progress line fits 80 columns', () => {
    const line = progressLine({ now: 86_399_000, expectedEnd: 86_400_000, phase: 'forming' }, 100);
    expect(line.length).toBeLessThanOrEqual(80);
    expect(progressLine({ now: 1, expectedEnd: 0, phase: 'quiet' }, 0)).toContain('█');
  });
});
