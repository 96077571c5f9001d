import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Daemon,
  type DaemonOptions,
  type Finished,
  spawnCli,
  waitFor,
  waitForMember,
} from './helpers.ts';

/** The same command, by Serf's command line and by ours, against the same agent. */
async function both(daemon: Daemon, args: readonly string[], env: Record<string, string> = {}) {
  const [theirs, ours] = await Promise.all([
    daemon.cli(args, { via: 'serf', env }),
    daemon.cli(args, { via: 'reeve', env }),
  ]);
  return { theirs, ours };
}

/** Serf prints errors on stdout, followed by help for usage errors; ours go to stderr, with a next step at times. */
function errorOf(result: Finished): string {
  const text = result.stdout.split(/^Usage: /m)[0] ?? '';
  return `${text}${result.stderr}`.replaceAll(/; .*$/gm, '').trim();
}

/** The same exit code and words; Serf's maps have no order, so neither have the lines. */
export function expectSameFailure(ours: Finished, theirs: Finished): void {
  const facts = (result: Finished) => ({ code: result.code, error: bag(errorOf(result)) });
  expect(facts(ours)).toEqual(facts(theirs));
}

/** Lines without order: maps in Serf have none. */
function bag(text: string): string[] {
  return text.split('\n').sort();
}

/** Rows of columns in one order, and the tags of the fourth column too. */
function rows(text: string): string[] {
  return text
    .split('\n')
    .map((line) =>
      line.split(/ {2,}/).map((cell, i) => (i === 3 ? cell.split(',').sort().join() : cell.trim())),
    )
    .map((cells) => JSON.stringify(cells.filter((cell) => cell !== '')))
    .sort();
}

/** The blocks of a JSON list of members, in one order. */
function blocks(text: string): string[] {
  const member = /^ {4}\{\n[\s\S]*?^ {4}\}/gm;
  return [text.replace(member, '    {}'), ...(text.match(member) ?? []).sort()];
}

/** Who answers the two command lines. */
export interface Seat {
  readonly start: (options: DaemonOptions) => Promise<Daemon>;
  /** The first half of its addresses, such as `127.81`. */
  readonly net: string;
}

/** Every command by both command lines against agents of one kind: same words, same exit codes. */
export function describeCommandLines(seat: Seat): void {
  const { start, net } = seat;

  describe('while all is well', () => {
    const folder = mkdtempSync(join(tmpdir(), 'reeve-interop-'));
    let a: Daemon;
    let b: Daemon;

    beforeAll(async () => {
      a = await start({
        name: 'a',
        ip: `${net}.1.1`,
        args: ['-tag', 'role=web', '-tag', 'dc-1.x=e"<st', '-event-handler', 'query:load=printf "1<2\\n\\n"'],
      });
      b = await start({
        name: 'b',
        ip: `${net}.1.2`,
        args: [`-join=${a.ip}`, '-event-handler=query:load=echo from b'],
      });
      await waitForMember(a, b.name, 'alive');
    });
    afterAll(() => rmSync(folder, { recursive: true }));

    it.each([
      [[]],
      [['-detailed']],
      [['-status=alive']],
      [['-name=a']],
      [['-name', 'nobody']],
      [['-tag', 'role=w.b', '-tag=dc-1.x=.*']],
      [['-role=web']],
      [['extra', '-bogus']],
    ])('members %j prints the same rows', async (args) => {
      const { theirs, ours } = await both(a, ['members', ...args]);
      expect(rows(ours.stdout)).toEqual(rows(theirs.stdout));
      expect({ code: ours.code, stderr: ours.stderr }).toEqual({ code: 0, stderr: '' });
    });

    it.each([[[]], [['-name=nobody']], [['-detailed']], [['-role=web']]])(
      'members -format=json %j prints the same bytes',
      async (args) => {
        const { theirs, ours } = await both(a, ['members', '-format=json', ...args]);
        if (args.length > 0 && args[0] !== '-detailed') expect(ours).toEqual(theirs);
        expect(blocks(ours.stdout)).toEqual(blocks(theirs.stdout));
        expect(ours.stdout).toContain('"members": ');
      },
    );

    it('info prints the same groups and keys', async () => {
      const [text, json] = [await both(a, ['info']), await both(a, ['info', '-format', 'json'])];
      const keys = (value: string): string[] => value.split('\n').map((line) => line.replace(/ = .*/, ''));
      expect(keys(text.ours.stdout)).toEqual(keys(text.theirs.stdout));
      const [ours, theirs] = [JSON.parse(json.ours.stdout), JSON.parse(json.theirs.stdout)];
      expect({ ...ours, runtime: 0 }).toEqual({ ...theirs, runtime: 0 });
      expect(keys(json.ours.stdout).length).toBe(keys(json.theirs.stdout).length);
    });

    it('event prints the same and arrives as it was sent', async () => {
      for (const args of [
        ['deploy', 'v1'],
        ['-coalesce=false', 'deploy', 'v2'],
        ['deploy', '-coalesce=false'],
      ]) {
        const { theirs, ours } = await both(a, ['event', ...args]);
        expect(ours).toEqual(theirs);
      }
      await waitFor('the event to arrive at b', () => b.logs().includes('user-event: deploy'));
    });

    it.each([
      [['load']],
      [['-node=a', 'load', 'payload']],
      [['-tag', 'role=web', '-no-ack', 'load']],
      [['-relay-factor=1', '-timeout=1s', 'load']],
      [['-timeout', '500ms', 'nothing']],
    ])('query %j prints the same lines', async (args) => {
      const { theirs, ours } = await both(a, ['query', ...args]);
      expect(bag(ours.stdout)).toEqual(bag(theirs.stdout));
      expect(ours.code).toBe(0);
    });

    it.each([[['-timeout=1s', 'load']], [['-timeout=500ms', '-no-ack', 'nothing']]])(
      'query -format=json %j prints the same object',
      async (args) => {
        const { theirs, ours } = await both(a, ['query', '-format=json', ...args]);
        const sorted = (text: string): unknown => {
          const { Acks, ...rest } = JSON.parse(text);
          return { ...rest, Acks: Acks?.sort() ?? null };
        };
        expect(sorted(ours.stdout)).toEqual(sorted(theirs.stdout));
      },
    );

    it('tags changes them as Serf does', async () => {
      const set = await b.cli(['tags', '-set', 'x=1', '-set', 'y=2=3'], { via: 'reeve' });
      expect(set).toEqual({ code: 0, stdout: 'Successfully updated agent tags\n', stderr: '' });
      expect(await b.cli(['tags', '-delete', 'x'], { via: 'reeve' })).toEqual(set);
      expect((await b.members()).get(b.name)?.tags).toEqual({ y: '2=3' });
      expect(await b.cli(['tags', '-delete', 'y'], { via: 'serf' })).toEqual(set);
    });

    it('join prints the same when it works and when it does not', async () => {
      const good = await both(a, ['join', b.ip, `${net}.1.99`]);
      expect(good.ours).toEqual(good.theirs);
      expect(good.ours.stdout).toBe('Successfully joined cluster by contacting 1 nodes.\n');
      const bad = await both(a, ['join', '-replay', `${net}.1.99`]);
      expect(bad.ours.code).toBe(1);
      // Below the same words ours says what to do.
      expect(errorOf(bad.ours).startsWith(`${errorOf(bad.theirs)}\n`)).toBe(true);
    });

    it('reachability reaches everyone', async () => {
      const { theirs, ours } = await both(a, ['reachability']);
      expect(ours).toEqual(theirs);
      expect(ours.stdout).toContain('Successfully contacted all live nodes');
      const verbose = await a.cli(['reachability', '-verbose'], { via: 'reeve' });
      expect(verbose.stdout).toMatch(
        /\n\tAck from 'a'\n[\s\S]*\nQuery time: \d+\.\d\d sec, time to last response: /,
      );
    });

    it('rtt estimates the same', async () => {
      const estimate = async (via: 'serf' | 'reeve', ...nodes: string[]) => {
        const { stdout } = await a.cli(['rtt', ...nodes], { via });
        const found = /^Estimated (.*) <-> (.*) rtt: (\d+\.\d{3}) ms\n$/.exec(stdout);
        return { from: found?.[1], to: found?.[2], ms: Number(found?.[3]) };
      };
      // Coordinates move with every probe; between two looks they may have.
      await waitFor('equal estimates', async () => {
        const theirs = await estimate('serf', b.name);
        const ours = await estimate('reeve', b.name);
        expect(ours).toEqual(theirs);
        expect(ours).toMatchObject({ from: b.name, to: 'a' });
        return true;
      });
      const { theirs, ours } = await both(a, ['rtt', 'a', 'zzz']);
      expect(errorOf(ours)).toBe(errorOf(theirs));
      expect(ours.code).toBe(1);
    });

    it.each([
      [['event', 'x'.repeat(600)]],
      [['query', '_serf_x']],
      [['query', '-format=xml', 'x']],
      [['members', '-format=xml']],
      [['members', '-name=(']],
      [['info', '-format=xml']],
      [['keys', '-list']],
      [['keys', '-install=nonsense!']],
      [['rtt']],
      [['rtt', 'a', 'b', 'c']],
      [['tags', '-set=foo']],
      [['tags', '-set', `big=${'x'.repeat(600)}`]],
      [['monitor', '-log-level=ZZ']],
      [['members', `-rpc-addr=${net}.1.99:7373`]],
    ])('%j fails with the same words', async (args) => {
      const { theirs, ours } = await both(a, args);
      expectSameFailure(ours, theirs);
    });

    it('monitor shows the backlog and events, and ends with 0 when interrupted', async () => {
      const monitor = spawnCli('reeve', ['monitor', '-log-level=debug', `-rpc-addr=${a.rpcAddr}`]);
      await waitFor('the backlog', () => monitor.output().includes('agent.ipc: Accepted client'));
      await a.cli(['event', '-coalesce=false', 'watched', 'pay']);
      await waitFor(
        'the event',
        () =>
          monitor.output().includes('Event Info:\n\tEvent: "user"\n\tLTime: ') &&
          monitor.output().includes('Payload: "pay"'),
      );
      const code = new Promise((resolve) => monitor.once('close', resolve));
      monitor.kill('SIGINT');
      expect(await code).toBe(0);
    });

    it('a reader that leaves early ends a stream, without a complaint', async () => {
      const monitor = spawnCli('reeve', ['monitor', '-log-level=debug', `-rpc-addr=${a.rpcAddr}`]);
      await waitFor('the backlog', () => monitor.output() !== '');
      const code = new Promise((resolve) => monitor.once('close', resolve));
      let complaint = '';
      monitor.stderr?.on('data', (chunk: Buffer) => {
        complaint += chunk.toString();
      });
      monitor.stdout?.destroy();
      await a.cli(['members']);
      expect(await code).toBe(0);
      expect(complaint).toBe('');
    });
  });

  describe('taking members away', () => {
    it('force-leave, -prune, and leave', async () => {
      const seed = await start({ name: 'seed', ip: `${net}.2.1` });
      // The witness confirms what the seed suspects; alone it would wait six times as long.
      const others = [
        { name: 'lost', ip: `${net}.2.2` },
        { name: 'gone', ip: `${net}.2.3` },
        { name: 'witness', ip: `${net}.2.4` },
      ].map((other) => start({ ...other, args: [`-join=${seed.ip}`] }));
      const [lost, gone, witness] = (await Promise.all(others)) as [Daemon, Daemon, Daemon];
      for (const { name } of [lost, gone, witness]) await waitForMember(seed, name, 'alive');
      await waitFor('the witness to know everyone', async () => (await witness.members()).size === 4);
      lost.kill('SIGKILL');
      gone.kill('SIGKILL');
      await waitForMember(seed, 'lost', 'failed', 60_000);
      await waitForMember(seed, 'gone', 'failed', 60_000);
      const done = { code: 0, stdout: '', stderr: '' };
      expect(await seed.cli(['force-leave', 'lost'], { via: 'reeve' })).toEqual(done);
      await waitForMember(seed, 'lost', 'left');
      expect(await seed.cli(['force-leave', '-prune', 'gone'], { via: 'reeve' })).toEqual(done);
      await waitFor('the pruned member to be forgotten', async () => !(await seed.members()).has('gone'));

      const monitor = spawnCli('reeve', ['monitor', `-rpc-addr=${seed.rpcAddr}`]);
      await waitFor('the monitor', () => monitor.output() !== '');
      const watched = new Promise((resolve) => monitor.once('close', resolve));
      expect(await seed.cli(['leave'], { via: 'reeve' })).toEqual({
        code: 0,
        stdout: 'Graceful leave complete\n',
        stderr: '',
      });
      expect(await seed.gone).toBe(0);
      expect(await watched).toBe(1);
      expect(monitor.output()).toContain(
        'Remote side ended the monitor! This usually means that the remote side',
      );
    });
  });

  describe('keys', () => {
    it('rotate in an encrypted cluster', async () => {
      const [first, second] = [
        Buffer.alloc(32, 1).toString('base64'),
        Buffer.alloc(32, 2).toString('base64'),
      ];
      const one = await start({ name: 'one', ip: `${net}.3.1`, args: [`-encrypt=${first}`] });
      const two = await start({
        name: 'two',
        ip: `${net}.3.2`,
        args: [`-encrypt=${first}`, `-join=${one.ip}`],
      });
      await waitForMember(one, two.name, 'alive');
      for (const args of [
        [`-install=${second}`],
        ['-list'],
        [`-use=${second}`],
        [`-remove=${first}`],
        ['-list'],
      ]) {
        const ours = await one.cli(['keys', ...args], { via: 'reeve' });
        const theirs = await one.cli(['keys', ...args], { via: 'serf' });
        expect(bag(ours.stdout), args.join()).toEqual(bag(theirs.stdout));
        expect(ours.code).toBe(0);
      }
      const failed = await both(one, ['keys', `-remove=${second}`]);
      expect(bag(errorOf(failed.ours))).toEqual(bag(errorOf(failed.theirs)));
      expect(failed.ours.code).toBe(1);
    });
  });

  describe('authentication', () => {
    const folder = mkdtempSync(join(tmpdir(), 'reeve-interop-'));
    afterAll(() => rmSync(folder, { recursive: true }));

    it('gives the key by flag or environment, and says when it is missing or wrong', async () => {
      const file = join(folder, 'auth.json');
      writeFileSync(file, JSON.stringify({ rpc_auth: 'sesame' }));
      const agent = await start({ name: 'guarded', ip: `${net}.4.1`, args: [`-config-file=${file}`] });
      for (const [args, env] of [
        [['members', '-rpc-auth=sesame'], {}],
        [['members'], { SERF_RPC_AUTH: 'sesame' }],
      ] as const) {
        const { theirs, ours } = await both(agent, args, env);
        expect(rows(ours.stdout)).toEqual(rows(theirs.stdout));
        expect(ours.code).toBe(0);
      }
      for (const command of ['members', 'info', 'leave', 'reachability', 'monitor']) {
        const { theirs, ours } = await both(agent, [command]);
        expect(ours.code).toBe(1);
        expect(errorOf(ours).split('\n')[0]).toBe(errorOf(theirs));
      }
      const wrong = await both(agent, ['members', '-rpc-auth=nope']);
      expect(errorOf(wrong.ours)).toBe(errorOf(wrong.theirs));
      expect(wrong.ours.code).toBe(1);
    });
  });
}
