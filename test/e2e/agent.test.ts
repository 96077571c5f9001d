import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runAgent } from '../../src/agent/agent.ts';
import { runArguments } from '../../src/agent/config/flags.ts';
import { systemHost } from '../../src/agent/config/host.ts';
import { SignalQueue } from '../../src/agent/signals.ts';
import { RpcClient } from '../../src/rpc/client.ts';

const A = '127.86.0.1';
const B = '127.86.0.2';

let directory = '';
const running: { readonly end: () => Promise<unknown> }[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'reeve-agent-'));
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((agent) => agent.end()));
  rmSync(directory, { recursive: true });
});

/** Runs an agent inside this process, as the command line would. */
function run(ip: string, ...words: string[]) {
  const lines: string[] = [];
  const errors: string[] = [];
  const signals = new SignalQueue();
  const keep = (kept: string[]) => ({
    line: (text: string) => kept.push(text) > 0,
    flush: () => Promise.resolve(),
  });
  const usual = ['-node=n', `-bind=${ip}`, `-rpc-addr=${ip}:7373`, '-profile=local'];
  const code = runAgent(runArguments([...usual, ...words]), {
    env: { XDG_RUNTIME_DIR: directory },
    uid: process.getuid?.() ?? -1,
    out: keep(lines),
    err: keep(errors),
    host: systemHost,
    now: () => new Date(2026, 10, 20, 20, 17, 46),
    signals: () => signals,
    sleep: (ms, until) => sleep(ms, undefined, { ref: false, signal: until }).catch(() => undefined),
  });
  const end = async () => {
    signals.push('SIGTERM');
    await code;
  };
  running.push({ end });
  return { lines, errors, signals, code };
}

async function until(done: () => boolean): Promise<void> {
  const giveUpAt = performance.now() + 10_000;
  while (!done()) {
    if (performance.now() > giveUpAt) throw new Error('it did not happen within 10 s');
    await sleep(10);
  }
}

const streaming = (agent: { readonly lines: readonly string[] }) => () =>
  agent.lines.includes('==> Log data will now stream in as it occurs:');

const LOG = '    2026/11/20 20:17:46';

describe('an agent', () => {
  it('prints what Serf prints, from its start to a graceful leave', async () => {
    const agent = run(A, '-tag=role=web');
    await until(() => agent.lines.at(-1) === `${LOG} [INFO] agent: Received event: member-join`);
    agent.signals.push('SIGINT');
    expect(await agent.code).toBe(0);
    expect(agent.errors).toEqual([]);
    // Events are merged for a second, so this one comes somewhere among the last lines.
    const late = `${LOG} [INFO] agent: Received event: member-leave`;
    expect(agent.lines.filter((line) => line !== late)).toEqual([
      '==> Starting Serf agent...',
      '==> Starting Serf agent RPC...',
      '==> Serf agent running!',
      "                      Node name: 'n'",
      `                      Bind addr: '${A}:7946'`,
      `                       RPC addr: '${A}:7373'`,
      '                      Encrypted: false',
      '                       Snapshot: false',
      '                        Profile: local',
      '    Message Compression Enabled: true',
      '',
      '==> Log data will now stream in as it occurs:',
      '',
      `${LOG} [INFO] agent: Serf agent starting`,
      `${LOG} [INFO] serf: EventMemberJoin: n ${A}`,
      `${LOG} [INFO] agent: Received event: member-join`,
      '==> Caught signal: interrupt',
      '==> Gracefully shutting down agent...',
      `${LOG} [INFO] agent: requesting graceful leave from Serf`,
      `${LOG} [INFO] serf: EventMemberLeave: n ${A}`,
      `${LOG} [INFO] agent: requesting serf shutdown`,
      `${LOG} [INFO] agent: shutdown complete`,
    ]);
  });

  it('writes nothing but JSON lines when asked to', async () => {
    const agent = run(A, '-log-format=json');
    await until(() => agent.lines.some((line) => line.includes('Received event: member-join')));
    const records = agent.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(new Set(records.map((record) => Object.keys(record).slice(0, 3).join()))).toEqual(
      new Set(['level,time,source']),
    );
    expect(records.map((record) => record.msg)).toContain(`Bind addr: '${A}:7946'`);
  });

  it('joins at start, and logs it', async () => {
    const seed = run(A, '-node=seed');
    await until(streaming(seed));
    const agent = run(B, `-join=${A}`, '-replay');
    await until(streaming(agent));
    expect(agent.lines.slice(10, 12)).toEqual([
      '==> Joining cluster...(replay: true)',
      '    Join completed. Synced with 1 initial agents',
    ]);
    await until(() => agent.lines.includes(`${LOG} [INFO] agent: joined: 1 nodes`));
    expect(agent.lines).toContain(`${LOG} [INFO] agent: joining: [${A}] replay: true`);
  });

  it('whose join at start fails exits 1 and shows nothing of its log', async () => {
    const agent = run(A, `-join=${B}`);
    expect(await agent.code).toBe(1);
    expect(agent.errors.join('\n')).toMatch(/^==> 1 error occurred:\n\t\* Failed to join 127\.86\.0\.2/);
    expect(agent.lines.at(-1)).toBe('==> Joining cluster...(replay: false)');
  });

  it('ends with 0 after a leave by RPC, once that is answered', async () => {
    const agent = run(A);
    await until(streaming(agent));
    await using client = await RpcClient.connect({ address: { host: A, port: 7373 } });
    await client.leave();
    expect(await agent.code).toBe(0);
  });

  it('ends with 1 at once on TERM, and frees its ports, socket and lock', async () => {
    const words = [`-state-dir=${join(directory, 'state')}`];
    for (let round = 0; round < 2; round += 1) {
      const agent = run(A, ...words);
      await until(streaming(agent));
      expect(existsSync(join(directory, 'state/rpc.sock'))).toBe(true);
      agent.signals.push('SIGTERM');
      expect(await agent.code).toBe(1);
      expect(agent.lines).toContain(`${LOG} [WARN] serf: Shutdown without a Leave`);
      expect(existsSync(join(directory, 'state/rpc.sock'))).toBe(false);
      expect(existsSync(join(directory, 'state/agent.lock'))).toBe(false);
    }
  });

  it('gives up a retry join after its limit, and exits 1', async () => {
    const agent = run(A, `-retry-join=${B}`, '-retry-interval=1s', '-retry-max=1');
    expect(await agent.code).toBe(1);
    const own = agent.lines.filter((line) => /agent: joining|retry/.test(line));
    expect(own).toEqual([
      `${LOG} [INFO] agent: joining: [${B}] replay: false`,
      expect.stringMatching(/\[WARN\] agent: Join failed: 1 error occurred:[\s\S]*, retrying in 1s$/),
      `${LOG} [INFO] agent: joining: [${B}] replay: false`,
      `${LOG} [ERR] agent: maximum retry join attempts made, exiting`,
    ]);
  });

  it.each([
    [
      'tags beside a tags file',
      ['-tag=a=b', '-tags-file=/none'],
      'setup the Serf agent: Tags config not allowed while using tag files',
    ],
    [
      'a key beside a keyring',
      ['-encrypt=AAAAAAAAAAAAAAAAAAAAAA==', '-keyring-file=/none'],
      'setup the Serf agent: Encryption key not allowed while using a keyring',
    ],
    [
      'a keyring that is not there',
      ['-keyring-file=/none'],
      'setup the Serf agent: stat /none: no such file or directory',
    ],
    [
      'a key of a wrong length',
      ['-encrypt=AAAA'],
      'start the Serf agent: Error creating Serf: Failed to create memberlist: key size must be 16, 24 or 32 bytes',
    ],
    [
      'an unknown protocol',
      ['-protocol=9'],
      "start the Serf agent: Error creating Serf: Protocol version '9' too high. Must be in range: [2, 5]",
    ],
    [
      'tags that are too big',
      [`-tag=a=${'x'.repeat(600)}`],
      'start the Serf agent: Error creating Serf: Encoded length of tags exceeds limit of 512 bytes',
    ],
  ])('refuses %s in the words of Serf', async (_what, words, text) => {
    const agent = run(A, ...words);
    expect(await agent.code).toBe(1);
    expect(agent.lines).toEqual(['==> Starting Serf agent...']);
    expect(agent.errors).toEqual([`==> Failed to ${text}`]);
  });

  it('names the process that has its gossip or RPC port', async () => {
    const first = run(A);
    await until(streaming(first));
    const gossip = run(A, `-rpc-addr=${B}:7373`);
    const rpc = run(B, `-rpc-addr=${A}:7373`);
    expect([await gossip.code, await rpc.code]).toEqual([1, 1]);
    expect(gossip.errors[0]).toMatch(
      new RegExp(
        `Failed to start TCP listener on "${A}" port 7946: .*: bind: address already in use \\(by process ${process.pid} \\(.+\\)\\)$`,
      ),
    );
    expect(rpc.errors[0]).toMatch(
      new RegExp(
        `^==> Error starting RPC listener: listen tcp ${A}:7373: bind: address already in use \\(by process ${process.pid} `,
      ),
    );
  });

  it('blames no process for an address that this host does not have', async () => {
    const everywhere = run(A, '-bind=0.0.0.0:17946', `-advertise=${A}:17946`);
    await until(streaming(everywhere));
    const stranger = run(A, '-bind=203.0.113.9:17946', `-rpc-addr=${B}:7373`);
    expect(await stranger.code).toBe(1);
    expect(stranger.errors[0]).toMatch(
      /bind: cannot assign requested address; no network interface of this host has 203\.0\.113\.9: give one of its addresses to -bind$/,
    );
  });

  it('reloads handlers, tags and log level on HUP, and keeps tags set at run time', async () => {
    const file = join(directory, 'c.json');
    const seen = join(directory, 'seen');
    writeFileSync(
      file,
      JSON.stringify({ tags: { role: 'web' }, event_handlers: ['user:x=echo old >> /dev/null'] }),
    );
    const agent = run(A, `-config-file=${file}`);
    await until(streaming(agent));
    await using client = await RpcClient.connect({ address: { host: A, port: 7373 } });
    await client.updateTags(new Map([['runtime', 'kept']]));
    writeFileSync(
      file,
      JSON.stringify({
        tags: { role: 'db' },
        event_handlers: [`user:x=echo new > ${seen}`],
        log_level: 'debug',
        bind: B,
      }),
    );
    agent.signals.push('SIGHUP');
    await until(() => agent.lines.some((line) => line.includes('reloaded:')));
    expect(agent.lines).toContainEqual(
      expect.stringMatching(
        /\[INFO\] agent: reloaded: tags, event_handlers, log_level \(\d+ keys unchanged\)$/,
      ),
    );
    // The flag outranks the file: its bind never counted.
    expect(agent.lines.some((line) => line.includes('restart'))).toBe(false);
    await client.event('x', null, false);
    await until(() => existsSync(seen) && readFileSync(seen, 'utf8') === 'new\n');
    expect(agent.lines.some((line) => line.includes('[DEBUG]'))).toBe(true);
    const [self] = await client.members();
    expect(Object.fromEntries(self?.tags ?? [])).toEqual({ role: 'db', runtime: 'kept' });

    writeFileSync(file, '{"tags": {"role": "cache"}, "event_handler": []}');
    agent.signals.push('SIGHUP');
    await until(() => agent.errors.includes('==> Failed to reload configs'));
    expect(agent.errors[0]).toContain("unknown key 'event_handler', did you mean 'event_handlers'?");
    const said = agent.lines.filter((line) => line.includes('Failed to reload configs, nothing changed'));
    expect(said).toHaveLength(1);
    const [same] = await client.members();
    expect(Object.fromEntries(same?.tags ?? [])).toEqual({ role: 'db', runtime: 'kept' });
  });

  it('keeps tags changed at run time in the tags file, over a restart', async () => {
    const file = join(directory, 'tags.json');
    for (const expected of [{}, { a: '1' }]) {
      const agent = run(A, `-tags-file=${file}`);
      await until(streaming(agent));
      const client = await RpcClient.connect({ address: { host: A, port: 7373 } });
      const [self] = await client.members();
      expect(Object.fromEntries(self?.tags ?? [])).toEqual(expected);
      await client.updateTags(new Map([['a', '1']]));
      await client.close();
      agent.signals.push('SIGTERM');
      await agent.code;
    }
  });

  it('demands its RPC key, from a file, and never prints it', async () => {
    const key = join(directory, 'key');
    writeFileSync(key, 'hunter2\n', { mode: 0o600 });
    const agent = run(A, `-rpc-auth-file=${key}`, '-log-level=trace');
    await until(streaming(agent));
    const address = { host: A, port: 7373 };
    await expect(RpcClient.connect({ address, authKey: 'wrong' })).rejects.toThrow(
      'Invalid authentication token',
    );
    await using client = await RpcClient.connect({ address, authKey: 'hunter2' });
    expect((await client.stats()).get('agent')?.get('name')).toBe('n');
    agent.signals.push('SIGTERM');
    await agent.code;
    expect([...agent.lines, ...agent.errors].join('\n')).not.toContain('hunter2');
  });
});
