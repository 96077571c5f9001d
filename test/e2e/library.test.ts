import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { Cluster, type ClusterEvent, type ClusterOptions } from '../../src/index.ts';

const ROOT = join(import.meta.dirname, '../..');
const clusters: Cluster[] = [];

afterEach(async () => {
  await Promise.all(clusters.splice(0).map((cluster) => cluster.shutdown()));
});

async function start(nodeName: string, ip: string, more: Partial<ClusterOptions> = {}): Promise<Cluster> {
  const cluster = await Cluster.start({ nodeName, bind: { ip }, profile: 'local', ...more });
  clusters.push(cluster);
  return cluster;
}

async function until(done: () => boolean, limitMs = 10_000): Promise<void> {
  const giveUpAt = performance.now() + limitMs;
  while (!done()) {
    if (performance.now() > giveUpAt) throw new Error(`it did not happen within ${limitMs} ms`);
    await sleep(10);
  }
}

/** Everything a node tells, as short lines. */
function watch(cluster: Cluster): string[] {
  const lines: string[] = [];
  void (async () => {
    for await (const event of cluster.events()) lines.push(lineOf(event));
  })();
  return lines;
}

function lineOf(event: ClusterEvent): string {
  if (event.type === 'user') return `user ${event.name} ${Buffer.from(event.payload ?? []).toString()}`;
  if (event.type === 'query') return `query ${event.name}`;
  return `${event.type} ${event.members.map(({ name }) => name).join()}`;
}

const statuses = (cluster: Cluster): string =>
  cluster
    .members()
    .map(({ name, status }) => `${name}=${status}`)
    .join(' ');

describe('three nodes in one process', () => {
  it('form a cluster, share events and tags, answer queries, and see one leave', async () => {
    const a = await start('a', '127.84.1.1', { tags: new Map([['role', 'web']]) });
    const told = watch(a);
    const [b, c] = [await start('b', '127.84.1.2'), await start('c', '127.84.1.3')];
    const toldC = watch(c);
    expect(await b.join(['127.84.1.1'])).toBe(1);
    expect(await c.join(['b/127.84.1.2', 'nosuch.invalid'])).toBe(1);
    await until(() => [a, b, c].every((node) => statuses(node) === 'a=alive b=alive c=alive'));
    expect(told[0]).toBe('member-join a');

    b.userEvent('deploy', Buffer.from('v2'));
    await until(() => told.includes('user deploy v2') && toldC.includes('user deploy v2'));

    await b.setTags(new Map([['role', 'db']]));
    await until(() => c.members().some(({ name, tags }) => name === 'b' && tags.get('role') === 'db'));
    expect(told).toContain('member-update b');

    void (async () => {
      for await (const event of c.events({ filter: 'query:load' })) {
        if (event.type === 'query') c.respond(event.id, Buffer.from('0.7'));
      }
    })();
    const replies: string[] = [];
    for await (const reply of a.query({ name: 'load', requestAck: true, timeoutMs: 800 })) {
      replies.push(
        reply.type === 'ack' ? `ack ${reply.from}` : `${reply.from} ${Buffer.from(reply.payload)}`,
      );
    }
    expect(replies.sort()).toEqual(['ack a', 'ack b', 'ack c', 'c 0.7']);

    await c.leave();
    expect(c.state).toBe('left');
    await until(() => statuses(a) === 'a=alive b=alive c=left');
    expect(told.filter((line) => line.endsWith(' c'))).toEqual(['member-join c', 'member-leave c']);
    expect(told.filter((line) => line.startsWith('user'))).toHaveLength(1);
  });

  it('see a node that stops without a leave as failed, and can force it out', async () => {
    const [a, b] = [await start('a', '127.84.2.1'), await start('b', '127.84.2.2')];
    await b.join(['127.84.2.1']);
    await until(() => statuses(a) === 'a=alive b=alive');
    await b.shutdown();
    await until(() => statuses(a) === 'a=alive b=failed', 15_000);
    await a.forceLeave('b');
    expect(statuses(a)).toBe('a=alive b=left');
    await a.forceLeave('b', { prune: true });
    expect(statuses(a)).toBe('a=alive');
  });

  it('keep out those with another key or none', async () => {
    const keys = [new Uint8Array(32).fill(7)];
    const [a, b] = [await start('a', '127.84.3.1', { keys }), await start('b', '127.84.3.2', { keys })];
    const stranger = await start('s', '127.84.3.3', { keys: [new Uint8Array(16).fill(8)] });
    const open = await start('o', '127.84.3.4');
    expect(await b.join(['127.84.3.1'])).toBe(1);
    expect(a.stats().get('encrypted')).toBe('true');
    await expect(stranger.join(['127.84.3.1'])).rejects.toMatchObject({ code: 'ERR_JOIN_FAILED' });
    await expect(open.join(['127.84.3.1'])).rejects.toMatchObject({ code: 'ERR_JOIN_FAILED' });
    expect(statuses(a)).toBe('a=alive b=alive');
  });
});

describe('the life of a node', () => {
  it('joins itself, and nobody where nobody is, in the words clients compare', async () => {
    const a = await start('a', '127.84.4.1');
    expect(await a.join([])).toBe(0);
    expect(await a.join(['127.84.4.1'])).toBe(1);
    await expect(a.join(['127.84.4.99:22998'])).rejects.toMatchObject({
      code: 'ERR_JOIN_FAILED',
      message:
        '1 error occurred:\n\t* Failed to join 127.84.4.99:22998: dial tcp 127.84.4.99:22998: connect: connection refused\n\n',
    });
  });

  it('refuses a second node at its address and leaves the first alone', async () => {
    const a = await start('a', '127.84.4.2');
    await expect(start('b', '127.84.4.2')).rejects.toMatchObject({ code: 'ERR_BIND' });
    expect(a.state).toBe('alive');
  });

  it('refuses settings that cannot work, and leaves the address free', async () => {
    const tags = new Map([['x', 'y'.repeat(600)]]);
    await expect(start('a', '127.84.4.3', { tags })).rejects.toThrow(
      'Encoded length of tags exceeds limit of 512 bytes',
    );
    await start('a', '127.84.4.3');
  });

  it('refuses what is too big or makes no sense, and lives on', async () => {
    const a = await start('a', '127.84.4.4');
    expect(() => a.userEvent('x', new Uint8Array(600))).toThrow(
      'user event exceeds configured limit of 512 bytes before encoding',
    );
    expect(() => a.query({ name: 'q', payload: new Uint8Array(2_000) })).toThrow(
      'query exceeds limit of 1024 bytes',
    );
    expect(() => a.respond(42, new Uint8Array(1))).toThrow('failed to respond to key query');
    expect(() => a.events({ filter: 'member-jion' })).toThrow('Invalid event filter: "member-jion"');
    await expect(a.setTags(new Map([['x', 'y'.repeat(600)]]))).rejects.toThrow('Encoded length of tags');
    expect(a.state).toBe('alive');
  });

  it('says so when asked for anything after its end, and ends everything under way', async () => {
    const a = await start('a', '127.84.4.5');
    const events = a.events();
    const waiting = (async () => {
      const seen: string[] = [];
      for await (const event of events) seen.push(event.type);
      return seen;
    })();
    const query = a.query({ name: 'q', timeoutMs: 60_000 });
    const joining = a.join(['203.0.113.1']).catch((error: Error) => error.message);
    await sleep(50);
    await Promise.all([a.shutdown(), a.shutdown()]);
    expect(await waiting).toEqual(['member-join', 'query']);
    const replies: unknown[] = [];
    for await (const reply of query) replies.push(reply);
    expect(replies).toEqual([]);
    expect(await joining).toMatch(/shut down|error occurred/);
    await expect(a.leave()).rejects.toThrow('Leave called after Shutdown');
    await expect(a.join(['127.84.4.5'])).rejects.toThrow("Serf can't Join after Leave or Shutdown");
    expect(() => a.userEvent('x')).toThrow('the node was shut down');
    expect(a.state).toBe('shutdown');
  });

  it('shuts down when its signal aborts, before or after it started', async () => {
    const controller = new AbortController();
    const a = await start('a', '127.84.4.6', { signal: controller.signal });
    const events = a.events();
    controller.abort(new Error('enough'));
    expect(a.state).toBe('shutdown');
    await a.shutdown();
    while (!(await events.next()).done);
    await expect(start('a', '127.84.4.6', { signal: controller.signal })).rejects.toThrow('enough');
    const late = new AbortController();
    const starting = start('a', '127.84.4.6', { signal: late.signal });
    late.abort(new Error('changed my mind'));
    await expect(starting).rejects.toThrow('changed my mind');
    await start('a', '127.84.4.6');
  });

  it('ends as a whole, and says what input did it, when something inside the protocol breaks', async () => {
    const fatal: string[] = [];
    const admit = (_members: unknown, merging: boolean): undefined => {
      if (merging) throw new Error('a bug of the merge policy');
    };
    const onFatal = (error: unknown, input: string): void => void fatal.push(`${error} in ${input}`);
    const a = await start('a', '127.84.4.8', { serf: { admit }, onFatal });
    const b = await start('b', '127.84.4.9');
    const events = a.events();
    const query = a.query({ name: 'q', timeoutMs: 60_000 });
    await expect(a.join(['127.84.4.9'])).rejects.toMatchObject({ code: 'ERR_BROKEN' });
    expect(fatal).toHaveLength(1);
    expect(fatal[0]).toMatch(/^Error: a bug of the merge policy in stream \d+ data, \d+ bytes: /);
    while (!(await events.next()).done);
    while (!(await query.next()).done);
    expect(a.state).toBe('shutdown');
    expect(() => a.userEvent('x')).toThrow(expect.objectContaining({ code: 'ERR_BROKEN' }));
    await expect(a.leave()).rejects.toMatchObject({ code: 'ERR_BROKEN' });
    await a.shutdown();
    expect(b.state).toBe('alive');
    await start('again', '127.84.4.8');
  });

  it('lets a callback give commands', async () => {
    const a = await start('a', '127.84.4.7');
    const dropped: string[] = [];
    const events = a.subscribe({
      capacity: 1,
      overflow: 'drop-oldest',
      onDrop: (event) => {
        dropped.push(lineOf(event));
        if (dropped.length === 1) a.userEvent('from-a-callback');
      },
    });
    await sleep(10);
    a.userEvent('one');
    expect(dropped).toEqual(['member-join a', 'user one ']);
    expect(lineOf((await events.next()).value as ClusterEvent)).toBe('user from-a-callback ');
  });
});

describe('docs/library.md', () => {
  it('shows a program of 15 lines that works as printed', async () => {
    const manual = await readFile(join(ROOT, 'docs/library.md'), 'utf8');
    const program = /^```js\n([\s\S]*?)^```/m.exec(manual)?.[1] ?? '';
    const lines = program.split('\n').filter((line) => line !== '');
    expect(lines.length).toBeGreaterThan(5);
    expect(lines.length).toBeLessThanOrEqual(15);
    const folder = await mkdtemp(join(tmpdir(), 'reeve-library-'));
    const library = join(folder, 'node_modules/reeve');
    await mkdir(library, { recursive: true });
    await writeFile(join(library, 'package.json'), '{"type":"module","exports":"./index.ts"}');
    await writeFile(
      join(library, 'index.ts'),
      `export * from ${JSON.stringify(join(ROOT, 'src/index.ts'))};\n`,
    );
    await writeFile(join(folder, 'node.mjs'), program);
    const one = run(folder, ['127.84.5.1']);
    let two: Running | undefined;
    try {
      await until(() => one.output.includes('member-join node-127.84.5.1'), 20_000);
      const second = run(folder, ['127.84.5.2', '127.84.5.1']);
      two = second;
      await until(() => one.output.includes('member-join node-127.84.5.2'), 20_000);
      const helper = await start('helper', '127.84.5.3');
      await helper.join(['127.84.5.1']);
      helper.userEvent('hello', Buffer.from('world'));
      await until(() => one.output.includes('hello world'));
      second.child.kill('SIGINT');
      await until(() => second.ended !== undefined && one.output.includes('member-leave node-127.84.5.2'));
      expect(second.ended).toBe(0);
      one.child.kill('SIGINT');
      await until(() => one.ended !== undefined);
      expect(one.ended).toBe(0);
    } finally {
      one.child.kill('SIGKILL');
      two?.child.kill('SIGKILL');
      await rm(folder, { recursive: true });
    }
  });
});

interface Running {
  readonly child: ReturnType<typeof spawn>;
  output: string;
  ended: number | null | undefined;
}

function run(folder: string, args: readonly string[]): Running {
  const tsx = join(ROOT, 'node_modules/tsx/dist/loader.mjs');
  const child = spawn(process.execPath, ['--import', tsx, 'node.mjs', ...args], { cwd: folder });
  const running: Running = { child, output: '', ended: undefined };
  child.stdout.on('data', (bytes) => {
    running.output += bytes;
  });
  child.stderr.on('data', (bytes) => {
    running.output += bytes;
  });
  child.on('exit', (code) => {
    running.ended = code;
  });
  return running;
}
