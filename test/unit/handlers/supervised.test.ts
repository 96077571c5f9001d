import { existsSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { describe, expect, test } from 'vitest';
import { memberSelection } from '../../../src/handlers/selection.ts';
import { member, query, user } from '../events/samples.ts';
import { alive, supervised, supervisedRunner, until } from './harness.ts';

const payload = (text: string): { payload: Uint8Array } => ({ payload: Buffer.from(text) });
const isRoot = userInfo().uid === 0;

describe('a supervised handler', () => {
  test('gets the event as Serf hands it over, and its own name', async () => {
    const run = '{ echo "$SERF_EVENT $SERF_USER_EVENT $SERF_SELF_NAME $REEVE_HANDLER"; cat; } > DIR/out';
    const { runner, file } = supervisedRunner([supervised('h', { run })]);
    runner.dispatch(user('deploy', 2, payload('rev 7')));
    await runner.stop();
    expect(file('out')).toBe('user deploy node-a h\nrev 7\n');
  });

  test('answers a query with its standard output alone; the error output is kept apart', async () => {
    const { runner, context } = supervisedRunner([supervised('h', { run: 'echo oops >&2; echo fine' })]);
    runner.dispatch(query('q', { id: 5 }));
    await runner.stop();
    expect(context.answers).toEqual([{ id: 5, text: 'fine\n' }]);
    expect(runner.history.last('h')).toMatchObject({ state: 'ok', stdout: 'fine\n', stderr: 'oops\n' });
  });

  test('can open its standard streams by name', async () => {
    const run = 'cat /dev/stdin; echo out > /dev/stdout; echo err > /dev/stderr';
    const { runner } = supervisedRunner([supervised('h', { run })]);
    runner.dispatch(user('u', 1, payload('in')));
    await runner.stop();
    expect(runner.history.last('h')).toMatchObject({ stdout: 'in\nout\n', stderr: 'err\n' });
  });

  test('that fails is tried again after a pause, as often as it may', async () => {
    const retry = { attempts: 3, backoffMs: 1, maxBackoffMs: 5, jitter: 0 };
    const run = 'echo x >> DIR/tries; echo "no such thing" >&2; exit 3';
    const { runner, context, file } = supervisedRunner([supervised('h', { run, retry })]);
    runner.dispatch(user('u', 1));
    await until(() => runner.stats[0]?.runs === 3, 'three tries');
    await runner.stop();
    expect(file('tries')).toBe('x\nx\nx\n');
    expect(runner.history.of('h').map(({ attempt }) => attempt)).toEqual([3, 2, 1]);
    expect(context.lines).toContain(
      "[ERR] Handler 'h' failed on user-event: u: exit status 3: no such thing",
    );
  });

  test('that succeeds at the second try is not tried again', async () => {
    const retry = { attempts: 0, backoffMs: 1, maxBackoffMs: 5, jitter: 0 };
    const run = 'if [ -e DIR/once ]; then echo done; else touch DIR/once; exit 1; fi';
    const { runner } = supervisedRunner([supervised('h', { run, retry })]);
    runner.dispatch(user('u', 1));
    await until(() => runner.history.last('h')?.state === 'ok', 'the second try');
    await runner.stop();
    expect(runner.stats[0]).toMatchObject({ runs: 2, failures: 1 });
  });

  test('that waits for its next try does not keep the agent from stopping', async () => {
    const retry = { attempts: 0, backoffMs: 3_600_000, maxBackoffMs: 3_600_000, jitter: 0 };
    const { runner } = supervisedRunner([supervised('h', { run: 'exit 1', retry })], {
      limits: { stopWaitMs: 20 },
    });
    runner.dispatch(user('u', 1));
    await until(() => runner.stats[0]?.runs === 1, 'the first try');
    await runner.stop();
    expect(runner.stats[0]).toMatchObject({ runs: 1, failures: 1 });
  });

  test('that a reload removed is not tried again', async () => {
    const retry = { attempts: 0, backoffMs: 5, maxBackoffMs: 5, jitter: 0 };
    const run = 'while [ ! -e DIR/go ]; do sleep 0.01; done; echo x >> DIR/tries; exit 1';
    const { runner, folder, file } = supervisedRunner([supervised('h', { run, retry })]);
    runner.dispatch(user('u', 1));
    const [unit] = runner.units;
    runner.replace([], []);
    writeFileSync(`${folder}/go`, '');
    await unit?.finish();
    expect(file('tries')).toBe('x\n');
  });

  test('runs as many at a time as it may', async () => {
    const run = 'read n; touch DIR/started-$n; while [ ! -e DIR/go ]; do sleep 0.01; done';
    const { runner, folder } = supervisedRunner([supervised('h', { run, concurrency: 2 })]);
    for (const n of [1, 2, 3]) runner.dispatch(user('u', n, payload(String(n))));
    await until(() => existsSync(`${folder}/started-1`) && existsSync(`${folder}/started-2`), 'two at once');
    expect(existsSync(`${folder}/started-3`)).toBe(false);
    expect(runner.units[0]?.status).toMatchObject({ running: 2, queued: 1 });
    writeFileSync(`${folder}/go`, '');
    await runner.stop();
    expect(existsSync(`${folder}/started-3`)).toBe(true);
  });

  test('drops the newest event when that is its policy', async () => {
    const run = 'read n; echo $n >> DIR/out; while [ ! -e DIR/go ]; do sleep 0.01; done';
    const queue = { limit: 2, overflow: 'drop-newest' } as const;
    const { runner, folder, file } = supervisedRunner([supervised('h', { run, queue })]);
    for (let n = 1; n <= 5; n += 1) runner.dispatch(user('u', n, payload(String(n))));
    expect(runner.stats[0]).toMatchObject({ queued: 2, dropped: 2 });
    writeFileSync(`${folder}/go`, '');
    await runner.stop();
    expect(file('out')).toBe('1\n2\n3\n');
  });

  test('is ended by its own timeout, with the whole group', async () => {
    const run = 'sleep 30 & echo $! > DIR/pid; wait';
    const { runner, context, file } = supervisedRunner([supervised('h', { run, timeoutMs: 300 })]);
    runner.dispatch(user('u', 1));
    await runner.stop();
    await until(() => !alive(Number(file('pid'))), 'the end of the child');
    expect(context.lines.at(-1)).toBe(
      "[ERR] Handler 'h' failed on user-event: u: ended after its timeout of 0.3s",
    );
  });

  test('is only concerned with the members it selects, and reads only those', async () => {
    const members = memberSelection({ name: 'web-.*' });
    const { runner, file } = supervisedRunner([supervised('h', { run: 'cut -f1 >> DIR/out', members })]);
    runner.dispatch({ type: 'member-join', members: [member('db-1'), member('web-1')] });
    runner.dispatch({ type: 'member-join', members: [member('db-2')] });
    await runner.stop();
    expect(file('out')).toBe('web-1\n');
    expect(runner.stats[0]?.runs).toBe(1);
  });

  test('runs in its directory; one that is missing is named', async () => {
    const here = supervised('here', { run: 'pwd', directory: '/usr/lib' });
    const nowhere = supervised('nowhere', { run: 'pwd', directory: '/no/such' });
    const { runner, context } = supervisedRunner([here, nowhere]);
    runner.dispatch(user('u', 1));
    await runner.stop();
    expect(runner.history.last('here')?.stdout).toBe('/usr/lib\n');
    expect(context.lines).toContain(
      "[ERR] Handler 'nowhere' failed on user-event: u: directory '/no/such' does not exist",
    );
  });

  test('gets of the environment only what its list allows, and never a secret', async () => {
    process.env['HARMLESS'] = 'yes';
    process.env['MY_TOKEN'] = 'hidden-1';
    process.env['SERF_RPC_AUTH'] = 'hidden-2';
    const inherit = ['PATH', 'HARMLESS', 'MY_TOKEN'];
    const listed = supervised('listed', {
      run: 'env',
      environment: { inherit, set: new Map([['MODE', 'fast']]) },
    });
    const all = supervised('all', { run: 'echo "$HARMLESS"; env | grep hidden' });
    const { runner } = supervisedRunner([listed, all]);
    runner.dispatch(user('u', 1));
    await runner.stop();
    for (const name of ['HARMLESS', 'MY_TOKEN', 'SERF_RPC_AUTH']) delete process.env[name];
    const seen = runner.history.last('listed')?.stdout ?? '';
    const names = seen.split('\n').flatMap((line) => (line === '' ? [] : [line.split('=')[0]]));
    const own = [
      'SERF_SELF_NAME',
      'SERF_SELF_ROLE',
      'SERF_TAG_ROLE',
      'SERF_EVENT',
      'SERF_USER_EVENT',
      'SERF_USER_LTIME',
    ];
    expect(new Set(names)).toEqual(new Set(['PATH', 'HARMLESS', 'MODE', 'PWD', 'REEVE_HANDLER', ...own]));
    expect(seen).toContain('MODE=fast');
    expect(runner.history.last('all')?.stdout).toBe('yes\n');
  });

  test.skipIf(!isRoot)(
    'runs as another user with all groups of that user, and can still open its streams',
    async () => {
      const mail = { name: 'games', uid: 5, gid: 60, home: '/usr/games' };
      const run = 'id -u; id -g; echo "$HOME $USER"; cat /dev/stdin; echo err > /dev/stderr';
      const { runner } = supervisedRunner([supervised('h', { run, user: mail })]);
      runner.dispatch(user('u', 1, payload('in')));
      await runner.stop();
      expect(runner.history.last('h')).toMatchObject({
        stdout: '5\n60\n/usr/games games\nin\n',
        stderr: 'err\n',
        state: 'ok',
      });
    },
  );
});
