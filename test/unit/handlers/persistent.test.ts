import { existsSync, writeFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { query, user } from '../events/samples.ts';
import { alive, supervised, supervisedRunner, until } from './harness.ts';

const kind = 'persistent' as const;
const payload = (text: string): { payload: Uint8Array } => ({ payload: Buffer.from(text) });
const lines = (text: string) =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { id: number; payload: string; attempt?: number });

/** Reads lines, notes them in `out`, and acknowledges each one. */
const ACKNOWLEDGING = [
  'while read -r line; do printf "%s\\n" "$line" >> DIR/out',
  'id=$(printf "%s" "$line" | cut -d: -f2 | cut -d, -f1)',
  'echo "{\\"ack\\": $id}"; done',
].join('; ');

describe('a persistent handler', () => {
  test('is one process that reads every event as a line of JSON', async () => {
    const { runner, file } = supervisedRunner([
      supervised('h', { kind, run: 'echo $$ >> DIR/pid; cat > DIR/out' }),
    ]);
    for (let n = 1; n <= 500; n += 1) runner.dispatch(user('u', n, payload(`p${n}`)));
    await runner.stop();
    const read = lines(file('out'));
    // The queue holds a hundred; the others came before the process could read.
    expect(read.at(-1)).toEqual({ id: read.length, event: 'user', name: 'u', ltime: 500, payload: 'p500' });
    expect(file('pid').trim().split('\n')).toHaveLength(1);
    expect(runner.units[0]?.status.dropped).toBe(500 - read.length);
  });

  test('that dies is started again after a pause, and its life is on record', async () => {
    const run = 'echo x >> DIR/lives; echo broken >&2; exit 4';
    const { runner, context, file } = supervisedRunner([supervised('h', { kind, run })]);
    await until(() => file('lives').length >= 6, 'three lives');
    await runner.abort();
    expect(runner.history.of('h').at(-1)).toMatchObject({
      cause: 'process',
      exit: 'exit status 4',
      stderr: 'broken\n',
    });
    expect(context.lines).toContain(
      "[WARN] Handler 'h' has ended (exit status 4: broken), started again in 0.0s",
    );
  });

  test('that acknowledges gets no more than its window, and nothing twice', async () => {
    const run = 'head -n 3 > DIR/first; while [ ! -e DIR/go ]; do sleep 0.01; done; cat > DIR/rest';
    const spec = supervised('h', { kind, run, acknowledge: true, inFlight: 3 });
    const { runner, file } = supervisedRunner([spec], { limits: { stopWaitMs: 50 } });
    for (let n = 1; n <= 10; n += 1) runner.dispatch(user('u', n));
    await until(() => lines(file('first')).length === 3, 'the window');
    expect(runner.units[0]?.status).toMatchObject({ queued: 7, figures: { in_flight: 3, delivered: 0 } });
  });

  test('what it did not acknowledge is sent again after a restart, first and in order', async () => {
    const run = `if [ ! -e DIR/died ]; then head -n 4 > DIR/lost; touch DIR/died; exit 1; fi; ${ACKNOWLEDGING}`;
    const retry = { attempts: 0, backoffMs: 1, maxBackoffMs: 5, jitter: 0 };
    const spec = supervised('h', { kind, run, acknowledge: true, inFlight: 4, retry });
    const { runner, file } = supervisedRunner([spec]);
    for (let n = 1; n <= 8; n += 1) runner.dispatch(user('u', n, payload(String(n))));
    await until(() => runner.units[0]?.status.figures['delivered'] === 8, 'all eight');
    await runner.stop();
    expect(lines(file('lost')).map(({ id }) => id)).toEqual([1, 2, 3, 4]);
    const again = lines(file('out'));
    expect(again.map((line) => line.payload)).toEqual(['1', '2', '3', '4', '5', '6', '7', '8']);
    expect(again.map((line) => line.attempt)).toEqual([
      2,
      2,
      2,
      2,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });

  test('gives an event up that was sent as often as it may be, and goes on with the next', async () => {
    const run = `read -r line; case "$line" in *poison*) exit 1;; esac; echo "$line" >> DIR/out; echo '{"ack": 2}'; cat`;
    const retry = { attempts: 3, backoffMs: 1, maxBackoffMs: 5, jitter: 0 };
    const spec = supervised('h', { kind, run, acknowledge: true, inFlight: 1, retry });
    const { runner, file } = supervisedRunner([spec]);
    runner.dispatch(user('u', 1, payload('poison')));
    runner.dispatch(user('u', 2, payload('fine')));
    await until(() => lines(file('out')).length === 1, 'the second');
    expect(runner.units[0]?.status.dropped).toBe(1);
  });

  test('answers a query with its acknowledgement', async () => {
    const run = `read -r line; echo '{"ack": 1, "answer": "fine"}'; cat > /dev/null`;
    const { runner, context } = supervisedRunner([supervised('h', { kind, run })]);
    runner.dispatch(query('load', { id: 77 }));
    await until(() => context.answers.length === 1, 'the answer');
    expect(context.answers).toEqual([{ id: 77, text: 'fine' }]);
  });

  test('that hangs is ended after its timeout and started again', async () => {
    const run = 'echo x >> DIR/lives; exec sleep 60';
    const spec = supervised('h', { kind, run, acknowledge: true, timeoutMs: 200 });
    const { runner, context, file } = supervisedRunner([spec]);
    runner.dispatch(user('u', 1));
    await until(() => file('lives') === 'x\nx\n', 'the second life');
    expect(context.lines).toContain(
      "[ERR] Handler 'h' has taken and acknowledged nothing for 0.2s, it is ended",
    );
  });

  test('a hung one holds no more than its queue and what the pipe takes', async () => {
    const { runner } = supervisedRunner([supervised('h', { kind, run: 'exec sleep 60', timeoutMs: 0 })]);
    const big = payload('x'.repeat(1_000));
    for (let n = 1; n <= 20_000; n += 1) {
      runner.dispatch(user('u', n, big));
      if (n % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    const { queued, dropped, figures } = runner.units[0]?.status ?? { queued: 0, dropped: 0, figures: {} };
    expect(queued).toBe(100);
    expect(dropped + (figures['delivered'] ?? 0) + queued).toBe(20_000);
    expect(figures['delivered']).toBeLessThan(400);
  });

  test('ends by itself at the end of its input when the agent stops, after what waits', async () => {
    const { runner, file, folder } = supervisedRunner([
      supervised('h', { kind, run: 'cat > DIR/out; touch DIR/done' }),
    ]);
    for (let n = 1; n <= 50; n += 1) runner.dispatch(user('u', n));
    await runner.stop();
    expect(lines(file('out'))).toHaveLength(50);
    expect(existsSync(`${folder}/done`)).toBe(true);
  });

  test('a reload that changes nothing leaves the process alone, a changed one gets a new process', async () => {
    const spec = supervised('h', { kind, run: 'echo $$ >> DIR/pids; cat >> DIR/out' });
    const { runner, expand, file, folder } = supervisedRunner([spec]);
    await until(() => file('pids') !== '', 'the process');
    runner.replace([], [expand(spec)]);
    const changed = supervised('h', { kind, run: 'cat > DIR/new' });
    runner.replace([], [expand(changed)]);
    runner.dispatch(user('u', 1));
    await until(() => file('new') !== '', 'the new process');
    expect(file('pids').trim().split('\n')).toHaveLength(1);
    writeFileSync(`${folder}/done`, '');
  });

  test('that a reload removed and that never ends by itself is ended after the wait, with what it did not acknowledge', async () => {
    const run = 'echo $$ >> DIR/pids; exec sleep 60';
    const retry = { attempts: 0, backoffMs: 1, maxBackoffMs: 1, jitter: 0 };
    const spec = supervised('h', { kind, run, acknowledge: true, retry });
    const { runner, file } = supervisedRunner([spec], { limits: { stopWaitMs: 50 } });
    runner.dispatch(user('u', 1));
    await until(() => file('pids') !== '', 'the process');
    runner.replace([], []);
    await until(() => !alive(Number(file('pids'))), 'its end');
    await runner.stop();
    expect(file('pids').trim().split('\n')).toHaveLength(1);
  });
});
