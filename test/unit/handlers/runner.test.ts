import { readdirSync, writeFileSync } from 'node:fs';
import { describe, expect, onTestFinished, test } from 'vitest';
import { textOfBytes } from '../../../src/base/bytes.ts';
import { CodedError } from '../../../src/base/errors.ts';
import type { ClusterEvent } from '../../../src/events/event.ts';
import { member, query, user } from '../events/samples.ts';
import { alive, realRunner, until } from './harness.ts';

const payload = (text: string): { payload: Uint8Array } => ({ payload: Buffer.from(text) });
/** Makes this system one that offers no pipes until the test is over. */
function withoutPipes(): void {
  const { platform } = process;
  Object.defineProperty(process, 'platform', { value: 'elsewhere' });
  onTestFinished(() => {
    Object.defineProperty(process, 'platform', { value: platform });
  });
}
const openFiles = (): number => readdirSync('/proc/self/fd').length;

describe('a script', () => {
  test('gets the event in its environment and on its input', async () => {
    const { runner, file } = realRunner([
      'user:deploy={ echo "$SERF_EVENT $SERF_USER_EVENT"; cat; } > DIR/out',
    ]);
    runner.dispatch(user('other', 1, payload('no')));
    runner.dispatch(user('deploy', 2, payload('rev 7')));
    await runner.stop();
    expect(file('out')).toBe('user deploy\nrev 7\n');
  });

  test('can open /dev/stdin, /dev/stdout and /dev/stderr by name, with and without input', async () => {
    const script = 'query=cat /dev/stdin; echo out > /dev/stdout; echo err > /dev/stderr';
    const { runner, context } = realRunner([script]);
    runner.dispatch(query('q', { id: 1, ...payload('in') }));
    runner.dispatch(query('q', { id: 2 }));
    await runner.stop();
    expect(context.answers.map((answer) => answer.text)).toEqual(['in\nout\nerr\n', 'out\nerr\n']);
  });

  test('has a pipe for its input: what was read is gone, also with a new look at /dev/stdin', async () => {
    const script =
      'query=[ -p /dev/stdin ] && echo pipe; head -c 0 /dev/stdin; cat /dev/stdin; cat /dev/stdin';
    const { runner, context } = realRunner([script]);
    runner.dispatch(query('q', { id: 1, ...payload('in') }));
    runner.dispatch(query('q', { id: 2 }));
    await runner.stop();
    expect(context.answers.map((answer) => answer.text)).toEqual(['pipe\nin\n', 'pipe\n']);
  });

  test('reads input larger than a pipe holds, whole and however slowly', async () => {
    const { runner, file } = realRunner(['user=sleep 0.1; cksum > DIR/out; wc -c < DIR/out > DIR/done']);
    const big = Buffer.alloc(300_001, 'abcdefg');
    runner.dispatch(user('u', 1, { payload: big }));
    await runner.stop();
    // One newline is added to a payload without one.
    expect(file('out')).toMatch(/ 300002\n$/);
  });

  test('that is left behind with its input never gets the input of a later run', async () => {
    const script =
      'user=if [ "$SERF_USER_LTIME" = 1 ]; then exec 3<&0; (sleep 0.4; cat <&3 > DIR/late) >/dev/null 2>&1 & else sleep 0.6; cat >> DIR/out; fi';
    const { runner, file } = realRunner([script]);
    for (const n of [1, 2]) runner.dispatch(user('u', n, payload(`input ${n}`)));
    await runner.stop();
    expect([file('late'), file('out')]).toEqual(['input 1\n', 'input 2\n']);
  });

  test('gets its events in order, one at a time', async () => {
    const { runner, file } = realRunner([
      'user=read n; echo "start $n" >> DIR/out; sleep 0.01; echo "end $n" >> DIR/out',
    ]);
    const numbers = [1, 2, 3, 4, 5];
    for (const n of numbers) runner.dispatch(user('u', n, payload(String(n))));
    await runner.stop();
    expect(file('out')).toBe(numbers.map((n) => `start ${n}\nend ${n}\n`).join(''));
  });

  test('runs once for a batch of members and once per filter entry that matches', async () => {
    const { runner, file } = realRunner(['member-join,*=wc -l >> DIR/out']);
    runner.dispatch({ type: 'member-join', members: [member('a'), member('b')] });
    await runner.stop();
    expect(file('out').trim().split(/\s+/)).toEqual(['2', '2']);
  });

  test('that never reads a megabyte of input ends normally', async () => {
    const { runner, context } = realRunner(['user=exit 0']);
    runner.dispatch(user('u', 1, { payload: new Uint8Array(1 << 20) }));
    await runner.stop();
    expect(runner.stats[0]).toMatchObject({ runs: 1, failures: 0 });
    expect(context.lines.filter((line) => !line.startsWith('[DEBUG]'))).toEqual([]);
  });

  test('that fails is logged in the words of Serf and answers nothing', async () => {
    const script = 'query=echo secret; exit 3';
    const { runner, context } = realRunner([script]);
    runner.dispatch(query('q'));
    await runner.stop();
    expect(context.lines).toEqual([
      "[DEBUG] Event 'query' script output: secret\n",
      "[ERR] Error invoking script 'echo secret; exit 3': exit status 3",
    ]);
    expect(context.answers).toEqual([]);
    expect(runner.stats[0]).toMatchObject({ runs: 1, failures: 1 });
  });

  test('that cannot be started is logged, and the next event still runs', async () => {
    const { runner, context } = realRunner(['query=echo fine']);
    context.tags.set('huge', 'x'.repeat(1 << 20));
    runner.dispatch(query('q'));
    await until(() => runner.stats[0]?.runs === 1, 'the first run');
    expect(context.lines.at(-1)).toMatch(/^\[ERR\] Error invoking script 'echo fine': .*E2BIG/);
    context.tags.delete('huge');
    runner.dispatch(query('q'));
    await runner.stop();
    expect(context.answers).toEqual([{ id: 1, text: 'fine\n' }]);
  });

  test('keeps the last 8192 bytes of stdout and stderr in order of arrival', async () => {
    const script = 'query=i=0; while [ $i -lt 3000 ]; do echo "o$i"; echo "e$i" >&2; i=$((i+1)); done';
    const { runner, context } = realRunner([script]);
    runner.dispatch(query('q'));
    await runner.stop();
    let all = '';
    for (let i = 0; i < 3000; i += 1) all += `o${i}\ne${i}\n`;
    expect(context.answers[0]?.text).toBe(all.slice(-8192));
    expect(context.lines[0]).toContain(`generated ${all.length} bytes of output, truncated to 8192`);
  });

  test('answers a query with its output as it is, or not at all when it printed nothing', async () => {
    const { runner, context } = realRunner(['query:a=printf "  x\\n\\n"', 'query:b=true']);
    runner.dispatch(query('a', { id: 5 }));
    runner.dispatch(query('b', { id: 6 }));
    await runner.stop();
    expect(context.answers).toEqual([{ id: 5, text: '  x\n\n' }]);
  });

  test('whose answer is refused is logged in the words of Serf', async () => {
    const { runner, context } = realRunner(['query=echo x']);
    context.refusal = new CodedError('ERR_X', 'failed to respond to key query: response already sent');
    runner.dispatch(query('load'));
    await runner.stop();
    expect(context.lines.at(-1)).toBe(
      "[WARN] Failed to respond to query 'query: load': failed to respond to key query: response already sent",
    );
  });

  test('slower than a second is warned of once', async () => {
    const { runner, context } = realRunner(['user=sleep 1.1']);
    runner.dispatch(user('u', 1));
    await runner.stop();
    expect(context.lines[0]).toBe("[WARN] Script 'sleep 1.1' slow, execution exceeding 1s");
    expect(context.lines).toHaveLength(2);
  });

  test('gets values that are no UTF-8 as the peer sent them', async () => {
    const { runner, context } = realRunner([
      'user,query=printf %s "$SERF_USER_EVENT$SERF_QUERY_NAME$SERF_TAG_OLD" | od -An -tx1',
    ]);
    context.tags.set('old', textOfBytes(Uint8Array.of(0x27, 0x25, 0x5c, 0xe9, 0x0a)));
    runner.dispatch(query(textOfBytes(Uint8Array.of(0x6e, 0xff, 0x80))));
    await runner.stop();
    expect(context.answers[0]?.text.trim()).toBe('6e ff 80 27 25 5c e9 0a');
  });

  test('sees neither the secrets of the agent nor those that the agent names', async () => {
    process.env['SERF_RPC_AUTH'] = 'hidden-1';
    process.env['MY_TOKEN'] = 'hidden-2';
    const { runner, context } = realRunner(['query=env']);
    runner.dispatch(query('q'));
    await runner.stop();
    delete process.env['SERF_RPC_AUTH'];
    delete process.env['MY_TOKEN'];
    expect(context.answers[0]?.text).toContain('SERF_SELF_NAME=node-a');
    expect(context.answers[0]?.text).not.toContain('hidden-');
  });

  test('gets sockets where no pipe can be made, with the outputs still in order, and the log says so once', async () => {
    withoutPipes();
    const { runner, context } = realRunner(['query=read line; echo "$0 $line"; echo err >&2; echo out']);
    for (const id of [1, 2]) runner.dispatch(query('q', { id, ...payload('in') }));
    await runner.stop();
    expect(context.answers.map((answer) => answer.text)).toEqual(Array(2).fill('/bin/sh in\nerr\nout\n'));
    expect(context.lines.filter((line) => line.startsWith('[WARN] Handlers get sockets'))).toHaveLength(1);
  });

  test('with sockets still ends normally when it never reads a megabyte of input', async () => {
    withoutPipes();
    const { runner } = realRunner(['user=exit 0']);
    runner.dispatch(user('u', 1, { payload: new Uint8Array(1 << 20) }));
    await runner.stop();
    expect(runner.stats[0]).toMatchObject({ runs: 1, failures: 0 });
  });

  test('runs leave no descriptor behind', async () => {
    const { runner } = realRunner(['user=cat']);
    runner.dispatch(user('u', 1, payload('x')));
    await until(() => runner.stats[0]?.runs === 1, 'the first run');
    const before = openFiles();
    for (let i = 0; i < 20; i += 1) runner.dispatch(user('u', i, payload('x')));
    await until(() => runner.stats[0]?.runs === 21, 'twenty runs');
    expect(openFiles()).toBeLessThanOrEqual(before);
  });
});

describe('process groups', () => {
  test('a daemon that a script started and detached from its output outlives the run and the agent', async () => {
    const { runner, file } = realRunner(['user=sleep 30 > /dev/null 2>&1 & echo $! > DIR/pid'], {
      timeoutMs: 600,
    });
    runner.dispatch(user('u', 1));
    await until(() => runner.stats[0]?.runs === 1, 'the run');
    await runner.stop();
    const pid = Number(file('pid'));
    expect(alive(pid)).toBe(true);
    process.kill(pid);
  });

  test('a child that keeps the output open delays the end, as in Serf, but not beyond the timeout, and is not signalled', async () => {
    const { runner, context, file } = realRunner(['query=sleep 30 & echo $! > DIR/pid; echo answer'], {
      timeoutMs: 700,
    });
    const start = performance.now();
    runner.dispatch(query('q'));
    await runner.stop();
    expect(performance.now() - start).toBeGreaterThan(690);
    expect(context.answers).toEqual([{ id: 1, text: 'answer\n' }]);
    const pid = Number(file('pid'));
    expect(alive(pid)).toBe(true);
    process.kill(pid);
  });

  test('the timeout ends the whole group', async () => {
    const { runner, context, file } = realRunner(['user=sleep 30 & echo $! > DIR/pid; wait'], {
      timeoutMs: 600,
    });
    runner.dispatch(user('u', 1));
    await runner.stop();
    await until(() => !alive(Number(file('pid'))), 'the end of the child');
    expect(context.lines.at(-1)).toContain('ended after its timeout of 0.6s');
  });

  test('one that ignores TERM gets KILL after the grace', async () => {
    const script =
      'user=trap "" TERM; sh -c \'trap "" TERM; echo $$ > DIR/pid; while :; do sleep 0.05; done\'';
    const { runner, file } = realRunner([script], { timeoutMs: 600 });
    runner.dispatch(user('u', 1));
    await until(() => file('pid') !== '', 'the start');
    await runner.stop();
    expect(alive(Number(file('pid')))).toBe(false);
  });

  test('a stopping agent ends what still runs, and a grandchild elsewhere that holds the output hangs nobody', async () => {
    const script = 'user=setsid sleep 30 & echo $! > DIR/pid; sleep 30';
    const { runner, file } = realRunner([script], { stopWaitMs: 100, timeoutMs: 0 });
    runner.dispatch(user('u', 1));
    await until(() => file('pid') !== '', 'the start');
    const start = performance.now();
    await runner.stop();
    expect(performance.now() - start).toBeLessThan(2_000);
    const pid = Number(file('pid'));
    if (alive(pid)) process.kill(pid);
  });
});

describe('an abort', () => {
  test('ends what runs within its short grace, also one that ignores TERM, and drops what waits', async () => {
    const script = 'user=trap "" TERM; echo $$ >> DIR/pids; while :; do sleep 0.05; done';
    const { runner, file } = realRunner([script], { abortGraceMs: 100, termGraceMs: 30_000, timeoutMs: 0 });
    for (const n of [1, 2]) runner.dispatch(user('u', n));
    await until(() => file('pids') !== '', 'the start');
    const start = performance.now();
    await runner.abort();
    expect(performance.now() - start).toBeLessThan(2_000);
    expect(file('pids').trim().split('\n').map(Number).map(alive)).toEqual([false]);
  });

  test('cuts a stop short that waits for a script to finish or to heed TERM', async () => {
    const script = 'user=trap "" TERM; echo $$ > DIR/pid; while :; do sleep 0.05; done';
    const limits = { abortGraceMs: 100, stopWaitMs: 50, termGraceMs: 30_000, timeoutMs: 0 };
    const { runner, context, file } = realRunner([script], limits);
    runner.dispatch(user('u', 1));
    await until(() => file('pid') !== '', 'the start');
    const stopped = runner.stop();
    await new Promise((resolve) => setTimeout(resolve, 120));
    await runner.abort();
    await stopped;
    expect(alive(Number(file('pid')))).toBe(false);
    expect(context.lines.at(-1)).toContain('ended because the agent stops');
  });

  test('leaves a daemon alone that a finished script started', async () => {
    const { runner, file } = realRunner(['user=sleep 30 > /dev/null 2>&1 & echo $! > DIR/pid']);
    runner.dispatch(user('u', 1));
    await until(() => runner.stats[0]?.runs === 1, 'the run');
    await runner.abort();
    const pid = Number(file('pid'));
    expect(alive(pid)).toBe(true);
    process.kill(pid);
  });
});

describe('HandlerRunner', () => {
  test('a hung handler delays no other', async () => {
    const { runner, file } = realRunner(['user=sleep 30', 'user=cat >> DIR/out'], {
      stopWaitMs: 0,
      timeoutMs: 0,
    });
    for (const n of [1, 2, 3]) runner.dispatch(user('u', n, payload(String(n))));
    await until(() => runner.stats[1]?.runs === 3, 'three runs of the other');
    expect(runner.stats[0]).toMatchObject({ running: true, queued: 2, runs: 0 });
    expect(file('out')).toBe('1\n2\n3\n');
    await runner.stop();
  });

  test('a full queue drops the oldest, counts them, and says so at both ends', async () => {
    const script = 'user=read n; echo $n >> DIR/out; while [ ! -e DIR/go ]; do sleep 0.01; done';
    const { runner, context, folder, file } = realRunner([script], { queueLength: 3 });
    for (let n = 1; n <= 6; n += 1) runner.dispatch(user('u', n, payload(String(n))));
    expect(runner.stats[0]).toMatchObject({ queued: 3, dropped: 2 });
    writeFileSync(`${folder}/go`, '');
    await runner.stop();
    expect(file('out')).toBe('1\n4\n5\n6\n');
    const warnings = context.lines.filter((line) => line.startsWith('[WARN]'));
    expect(warnings[0]).toMatch(/is 3 events behind, dropping the oldest$/);
    expect(warnings[1]).toMatch(/caught up, 2 events were dropped$/);
  });

  test('a burst of ten thousand events waits for a slow script without a loss', async () => {
    const { runner } = realRunner(['user=sleep 30'], { abortGraceMs: 100 });
    for (let n = 0; n <= 10_000; n += 1) runner.dispatch(user('u', n));
    expect(runner.stats[0]).toMatchObject({ running: true, queued: 10_000, dropped: 0 });
    await runner.abort();
  });

  test('a reload keeps the queue of a handler that stays, and a removed one finishes only its run', async () => {
    const wait = 'while [ ! -e DIR/go ]; do sleep 0.01; done';
    const kept = `user=read n; echo "kept $n" >> DIR/out; ${wait}`;
    const gone = `user=read n; echo "gone $n" >> DIR/gone; ${wait}`;
    const { runner, expand, folder, file } = realRunner([kept, gone]);
    for (const n of [1, 2]) runner.dispatch(user('u', n, payload(String(n))));
    await until(() => file('out') !== '' && file('gone') !== '', 'both first runs');
    runner.replace(expand(['user=cat > DIR/new', kept]));
    runner.dispatch(user('u', 3, payload('3')));
    writeFileSync(`${folder}/go`, '');
    await runner.stop();
    expect(file('out')).toBe('kept 1\nkept 2\nkept 3\n');
    expect(file('gone')).toBe('gone 1\n');
    expect(file('new')).toBe('3\n');
  });

  test('stop lets queued work finish, takes nothing new, and is harmless twice', async () => {
    const { runner, file } = realRunner(['user=cat >> DIR/out']);
    for (const n of [1, 2]) runner.dispatch(user('u', n, payload(String(n))));
    const first = runner.stop();
    runner.dispatch(user('u', 3, payload('3')));
    await Promise.all([first, runner.stop()]);
    expect(file('out')).toBe('1\n2\n');
  });
});

describe('a module handler', () => {
  const events: readonly ClusterEvent[] = [query('q', { id: 9 })];

  async function run(source: string, limits = {}) {
    const setup = realRunner(['module=DIR/handler.mjs'], limits);
    writeFileSync(`${setup.folder}/handler.mjs`, source);
    for (const event of events) setup.runner.dispatch(event);
    await setup.runner.stop();
    return setup.context;
  }

  test('is called with the event and can answer a query', async () => {
    const context = await run(
      `export async function handle(event, context) {
        context.log(event.name);
        context.respond(context.self.name + ' ' + context.self.tags.get('role'));
      }`,
    );
    expect(context.answers).toEqual([{ id: 9, text: 'node-a web' }]);
    expect(context.lines).toEqual(['[INFO] q']);
  });

  test('may log anything', async () => {
    const context = await run(
      'export function handle(_event, context) { for (const x of [undefined, 5, Symbol("s")]) context.log(x); }',
    );
    expect(context.lines).toEqual(['[INFO] undefined', '[INFO] 5', '[INFO] Symbol(s)']);
  });

  test.each([
    ['export const other = 1;', /exports no function named handle$/],
    ['export function handle() { throw new Error("boom"); }', /^\[ERR\] Error invoking module '.*': boom$/],
    ['this is no module', /^\[ERR\] Error invoking module/],
  ])('that is broken (%j) is logged and counted', async (source, line) => {
    const context = await run(source);
    expect(context.lines).toEqual([expect.stringMatching(line)]);
  });

  test('is aborted at its timeout and left behind after the grace', async () => {
    const context = await run(
      `export function handle(_event, context) {
        context.signal.addEventListener('abort', () => context.log('aborted'));
        return new Promise(() => {});
      }`,
      { timeoutMs: 50, termGraceMs: 50 },
    );
    expect(context.lines).toEqual([
      '[INFO] aborted',
      expect.stringContaining('ended after its timeout of 0.05s'),
    ]);
  });
});
