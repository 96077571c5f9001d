import { describe, expect, test } from 'vitest';
import type { StateInput } from '../../../src/handlers/state-input.ts';
import { member } from '../events/samples.ts';
import { supervised, supervisedRunner, until } from './harness.ts';

const kind = 'state' as const;
const joined = { type: 'member-join', members: [member('x')] } as const;

const inputs = (text: string): StateInput[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as StateInput);

const names = (members: StateInput['members']) => members.map(({ name }) => name);

describe('a state handler', () => {
  test('reads the whole view at the start and what is different at each change', async () => {
    const { runner, context, file } = supervisedRunner([supervised('h', { kind, run: 'cat >> DIR/out' })]);
    context.table = [member('b', { tags: new Map([['role', 'web']]) }), member('a')];
    await until(() => inputs(file('out')).length === 1, 'the start');
    context.table = [member('c'), member('a', { port: 1 })];
    runner.dispatch(joined);
    await until(() => inputs(file('out')).length === 2, 'the change');
    const [first, second] = inputs(file('out'));
    expect(first).toEqual({
      reason: 'start',
      self: { name: 'node-a', tags: { role: 'web' } },
      members: [
        { name: 'a', addr: '10.0.0.1', port: 7946, status: 'alive', tags: {} },
        { name: 'b', addr: '10.0.0.1', port: 7946, status: 'alive', tags: { role: 'web' } },
      ],
      added: expect.any(Array),
      removed: [],
      changed: [],
      generation: 1,
    });
    expect(second).toMatchObject({ reason: 'change', generation: 2 });
    expect(names(second?.members ?? [])).toEqual(['a', 'c']);
    expect(names(second?.added ?? [])).toEqual(['c']);
    expect(names(second?.removed ?? [])).toEqual(['b']);
    expect(names(second?.changed ?? [])).toEqual(['a']);
  });

  test('is skipped when the view is the one of the last run, and runs again when the file of its settings changed', async () => {
    const spec = supervised('h', { kind, run: 'cat >> DIR/out' });
    const { runner, context, expand, file } = supervisedRunner([spec]);
    context.table = [member('a')];
    await until(() => inputs(file('out')).length === 1, 'the start');
    await until(() => runner.units[0]?.status.runs === 1, 'its end');
    runner.dispatch(joined);
    runner.replace([], [expand(spec)]);
    await until(() => (runner.units[0]?.status.figures['skipped'] ?? 0) > 0, 'the reload');
    expect(inputs(file('out'))).toHaveLength(1);
    runner.replace([], [expand(supervised('h', { kind, run: 'cat >> DIR/out; true' }))]);
    await until(() => inputs(file('out')).length === 2, 'the new settings');
    expect(inputs(file('out'))[1]?.reason).toBe('reload');
  });

  test('that fails is run again until it succeeds', async () => {
    const run = 'cat >> DIR/out; [ -e DIR/ok ] || { touch DIR/ok; exit 1; }';
    const { runner, context, file } = supervisedRunner([supervised('h', { kind, run })]);
    context.table = [member('a')];
    await until(() => runner.history.last('h')?.state === 'ok', 'the second try');
    expect(inputs(file('out')).map(({ reason }) => reason)).toEqual(['start', 'retry']);
    expect(runner.history.of('h').map(({ attempt }) => attempt)).toEqual([2, 1]);
  });

  test('an empty view after one that was not is held back, loudly, until somebody approves it', async () => {
    const { runner, context, file } = supervisedRunner([supervised('h', { kind, run: 'cat >> DIR/out' })]);
    context.table = [member('a')];
    await until(() => runner.units[0]?.status.runs === 1, 'the start');
    context.table = [];
    runner.dispatch(joined);
    await until(() => runner.units[0]?.status.state === 'held', 'the hold');
    expect(inputs(file('out'))).toHaveLength(1);
    expect(context.lines).toContain(
      "[WARN] Handler 'h' is held back (allow_empty: an empty view would replace one that is not empty); 'agent handlers approve h' lets it run once",
    );
    expect(runner.units[0]?.approve()).toBe(true);
    await until(() => inputs(file('out')).length === 2, 'the approved run');
    expect(inputs(file('out'))[1]).toMatchObject({ reason: 'approve', members: [] });
    expect(runner.units[0]?.approve()).toBe(false);
  });

  test('a run that is asked for comes about although nothing changed, unless it is held', async () => {
    const { runner, context, file } = supervisedRunner([supervised('h', { kind, run: 'cat >> DIR/out' })]);
    context.table = [member('a')];
    await until(() => runner.units[0]?.status.runs === 1, 'the start');
    expect(await runner.units[0]?.again(undefined, 'rerun')).toMatchObject({ ok: true });
    expect(inputs(file('out'))).toHaveLength(2);
    context.table = [];
    runner.dispatch(joined);
    await until(() => runner.units[0]?.status.state === 'held', 'the hold');
    expect(await runner.units[0]?.again(undefined, 'rerun')).toBeUndefined();
  });
});
