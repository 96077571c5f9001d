import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { open as openFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { plainOutcome } from '../../../src/handlers/context.ts';
import { MAX_RUNS_PER_HANDLER, RunHistory } from '../../../src/handlers/history.ts';
import { RunFile } from '../../../src/handlers/history-file.ts';
import { eventOfRecord } from '../../../src/handlers/runner.ts';
import { member, user } from '../events/samples.ts';
import { supervised, supervisedRunner, until } from './harness.ts';

let folder = '';
let warnings: string[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'history-'));
  warnings = [];
});
afterEach(async () => {
  await Promise.all(opened.map((history) => history.close()));
  opened = [];
  rmSync(folder, { recursive: true, force: true });
});

const path = (): string => join(folder, 'runs.jsonl');
let opened: RunHistory[] = [];
function open(): RunHistory {
  const history = new RunHistory(new RunFile(path(), (text) => warnings.push(text)));
  opened.push(history);
  return history;
}
const start = (ltime: number, handler = 'h') =>
  ({ handler, cause: 'event', attempt: 1, about: user('u', ltime) }) as const;

/** Notes a whole run. */
async function run(history: RunHistory, ltime: number, handler = 'h'): Promise<void> {
  const { id, saved } = history.begin(start(ltime, handler));
  history.end(handler, id, plainOutcome(true, 'exit status 0'));
  await saved;
}

describe('the record of runs', () => {
  test('survives the agent, with the events', async () => {
    const first = open();
    await run(first, 1);
    const { id } = first.begin(start(2));
    first.end('h', id, {
      ok: false,
      exit: 'exit status 3',
      output: Buffer.from('out'),
      errors: Buffer.from('err'),
    });
    await first.close();
    const [last, before] = open().of('h');
    expect(last).toMatchObject({
      id: 2,
      state: 'failed',
      exit: 'exit status 3',
      stdout: 'out',
      stderr: 'err',
    });
    expect(last === undefined ? undefined : eventOfRecord(last)).toMatchObject({ type: 'user', ltime: 2 });
    expect(before).toMatchObject({ id: 1, state: 'ok', event: 'user-event: u' });
    expect(statSync(path()).mode & 0o777).toBe(0o600);
  });

  test('marks what the end of the agent interrupted, once', async () => {
    const first = open();
    await first.begin(start(1)).saved;
    await first.close();
    const second = open();
    expect(second.interrupted).toMatchObject([{ id: 1, state: 'interrupted' }]);
    await second.close();
    const third = open();
    expect(third.interrupted).toEqual([]);
    expect(third.last('h')).toMatchObject({ state: 'interrupted', exit: 'the agent ended before it did' });
  });

  test('writes the end of a run and the start of the next at once', async () => {
    const file = await openFile(join(folder, 'any'), 'w');
    const write = vi.spyOn(Object.getPrototypeOf(file), 'appendFile');
    await file.close();
    const history = open();
    const runs = 10;
    let { id, saved } = history.begin(start(0));
    for (let n = 1; n < runs; n += 1) {
      await saved;
      history.end('h', id, plainOutcome(true, 'exit status 0'));
      // What waits for the run goes on a few promises later.
      for (let i = 0; i < 8; i += 1) await Promise.resolve();
      ({ id, saved } = history.begin(start(n)));
    }
    await saved;
    expect(write).toHaveBeenCalledTimes(runs);
    write.mockRestore();
    await history.close();
    expect(
      open()
        .of('h')
        .map(({ state }) => state),
    ).toEqual(['interrupted', ...Array(runs - 1).fill('ok')]);
  });

  test('never gives a number twice', async () => {
    const first = open();
    await run(first, 1);
    await first.close();
    expect(open().begin(start(2)).id).toBe(2);
  });

  test('survives lines that make no sense and a torn last one', async () => {
    const first = open();
    await run(first, 1);
    await first.close();
    const good = readFileSync(path(), 'utf8');
    writeFileSync(path(), `${good}not json\n{"id":"x"}\n\0\0\0\n{"id":7,"handler":"h","cau`);
    const second = open();
    expect(second.of('h')).toHaveLength(1);
    expect(warnings).toEqual([expect.stringContaining('has 4 lines that make no sense')]);
    await run(second, 2);
    await second.close();
    warnings = [];
    expect(
      open()
        .of('h')
        .map(({ id }) => id),
    ).toEqual([2, 1]);
    expect(warnings).toEqual([]);
  });

  test('keeps a bounded number of runs for each handler, and the file bounded too', async () => {
    const history = open();
    for (let n = 1; n <= MAX_RUNS_PER_HANDLER + 20; n += 1) await run(history, n);
    await run(history, 1, 'other');
    expect(history.of('h')).toHaveLength(MAX_RUNS_PER_HANDLER);
    const big = {
      ok: true,
      exit: 'exit status 0',
      output: Buffer.alloc(4_096, 'x'),
      errors: Buffer.alloc(0),
    };
    for (let n = 1; n <= 1_500; n += 1) {
      const { id, saved } = history.begin(start(n));
      history.end('h', id, big);
      await saved;
    }
    await history.close();
    expect(statSync(path()).size).toBeLessThan(2_000_000);
    expect(open().of('h')).toHaveLength(MAX_RUNS_PER_HANDLER);
    expect(open().last('other')).toBeDefined();
  });

  test('goes on without a file that cannot be written, says so once, and catches up', async () => {
    const first = open();
    await run(first, 1);
    await first.close();
    rmSync(path());
    const broken = new RunHistory(
      new RunFile(join(folder, 'sub', 'runs.jsonl'), (text) => warnings.push(text)),
    );
    await run(broken, 1);
    await run(broken, 2);
    expect(broken.of('h')).toHaveLength(2);
    expect(warnings).toEqual([expect.stringContaining('cannot be written')]);
    mkdirSync(join(folder, 'sub'));
    await run(broken, 3);
    await broken.close();
    const later = new RunHistory(new RunFile(join(folder, 'sub', 'runs.jsonl'), () => {}));
    expect(later.of('h').map(({ id }) => id)).toEqual([3, 2, 1]);
    expect(warnings.at(-1)).toBe('The record of handler runs is written again');
  });

  test('holds no content of an event that is too large, which then cannot be repeated', () => {
    const history = new RunHistory();
    const members = Array.from({ length: 500 }, (_, n) => member(`node-${n}`));
    history.begin({ handler: 'h', cause: 'event', attempt: 1, about: { type: 'member-join', members } });
    const last = history.last('h');
    expect(last?.content).toBeUndefined();
    expect(last === undefined ? 'none' : eventOfRecord(last)).toBeUndefined();
  });
});

describe('an interrupted run', () => {
  test.each([
    [true, ['1']],
    [false, []],
  ])('is run again once where that is asked for (%s)', async (rerunInterrupted, expected) => {
    const dead = open();
    await dead.begin({
      handler: 'h',
      cause: 'event',
      attempt: 1,
      about: user('u', 1, { payload: Buffer.from('1') }),
    }).saved;
    await dead.close();
    const spec = supervised('h', { run: 'cat >> DIR/out', rerunInterrupted });
    const { runner, context, file } = supervisedRunner([spec], { history: open() });
    await until(() => runner.stats[0]?.queued === 0 && runner.stats[0].running === false, 'the repetition');
    await runner.stop();
    expect(
      file('out')
        .split('\n')
        .filter((line) => line !== ''),
    ).toEqual(expected);
    expect(context.lines[0]).toContain(
      "Handler 'h' was interrupted on user-event: u when the agent ended (run 1)",
    );
    const causes = runner.history.of('h').map(({ cause }) => cause);
    expect(causes).toEqual(rerunInterrupted ? ['interrupted', 'event'] : ['event']);
  });

  test('is not repeated for ever when the repetition was interrupted too', async () => {
    const dead = open();
    await dead.begin({ handler: 'h', cause: 'interrupted', attempt: 1, about: user('u', 1) }).saved;
    await dead.close();
    const { runner } = supervisedRunner([supervised('h', { run: 'true', rerunInterrupted: true })], {
      history: open(),
    });
    await runner.stop();
    expect(runner.history.of('h')).toHaveLength(1);
  });
});
