import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { runAgent } from '../../src/agent/agent.ts';
import { runArguments } from '../../src/agent/config/flags.ts';
import { systemHost } from '../../src/agent/config/host.ts';
import { seek } from '../../src/agent/seek.ts';
import { SignalQueue } from '../../src/agent/signals.ts';
import { expandSources } from '../../src/agent/sources/sources.ts';
import { Cluster, type ClusterOptions } from '../../src/index.ts';
import { DnsServer } from '../support/dns-server.ts';

let directory = '';
const endings: (() => unknown)[] = [];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'reeve-finding-'));
});

afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
  rmSync(directory, { recursive: true });
});

async function start(nodeName: string, ip: string, more: Partial<ClusterOptions> = {}): Promise<Cluster> {
  const cluster = await Cluster.start({ nodeName, bind: { ip }, profile: 'local', ...more });
  endings.push(() => cluster.shutdown());
  return cluster;
}

/** Runs an agent inside this process, as the command line would. */
function runIn(ip: string, ...words: string[]): string[] {
  const lines: string[] = [];
  const signals = new SignalQueue();
  const keep = { line: (text: string) => lines.push(text) > 0, flush: () => Promise.resolve() };
  const usual = ['-node=agent', `-bind=${ip}`, `-rpc-addr=${ip}:7373`, '-profile=local'];
  const code = runAgent(runArguments([...usual, ...words]), {
    env: { ...process.env, XDG_RUNTIME_DIR: directory },
    uid: process.getuid?.() ?? -1,
    out: keep,
    err: keep,
    host: systemHost,
    now: () => new Date(2026, 10, 20, 20, 17, 46),
    signals: () => signals,
    sleep: (ms, until) => sleep(ms, undefined, { ref: false, signal: until }).catch(() => undefined),
  });
  endings.push(async () => {
    signals.push('SIGTERM');
    await code;
  });
  return lines;
}

async function until(what: string, done: () => boolean, limitMs: number): Promise<number> {
  const from = performance.now();
  while (!done()) {
    if (performance.now() - from > limitMs) throw new Error(`${what}: not within ${limitMs} ms`);
    await sleep(20);
  }
  return Math.round(performance.now() - from);
}

const alive = (cluster: Cluster): string =>
  cluster
    .members()
    .filter(({ status }) => status === 'alive')
    .map(({ name }) => name)
    .join(' ');

describe('a lonely agent', () => {
  it('finds the new members when all addresses behind a name have been replaced', async () => {
    const dns = await DnsServer.start('127.89.0.53');
    endings.push(() => dns.close());
    dns.records.set('seeds.test', ['127.89.0.1', '127.89.0.2']);
    const old = [await start('old1', '127.89.0.1'), await start('old2', '127.89.0.2')];
    const sleeper = await start('sleeper', '127.89.0.9', { lookup: dns.lookup });
    expect(await sleeper.join(['seeds.test'])).toBe(2);
    const controller = new AbortController();
    const search = seek({
      what: 'members',
      wanted: () => alive(sleeper) === 'sleeper',
      firstMs: 1_000,
      capMs: 5_000,
      reach: () => sleeper.reach(['seeds.test']),
      sleep: (ms) => sleep(ms, undefined, { signal: controller.signal }).catch(() => undefined),
      random: () => 1,
      log: () => {},
      signal: controller.signal,
    });
    endings.push(() => {
      controller.abort();
      return search;
    });

    await Promise.all(old.map((cluster) => cluster.shutdown()));
    await until('the sleeper is alone', () => alive(sleeper) === 'sleeper', 40_000);
    const asked = dns.asked;
    await until('it looks the name up again while it leads nowhere', () => dns.asked > asked, 15_000);
    await Promise.all([start('new1', '127.89.0.3'), start('new2', '127.89.0.4')]);
    dns.records.set('seeds.test', ['127.89.0.3', '127.89.0.4']);
    const took = await until('the sleeper has company', () => alive(sleeper) === 'new1 new2 sleeper', 20_000);
    process.stdout.write(`found the replaced members ${took} ms after the name changed\n`);
  });
});

describe('a service record', () => {
  it('is looked up at a name server, and its targets are joined', async () => {
    const dns = await DnsServer.start('127.89.3.53');
    endings.push(() => dns.close());
    dns.services.set('_serf._tcp.seeds.test', [
      { name: 'first.seeds.test', port: 7946, priority: 1, weight: 1 },
    ]);
    dns.records.set('first.seeds.test', ['127.89.3.1']);
    await start('first', '127.89.3.1');
    const joiner = await start('joiner', '127.89.3.9', { lookup: dns.lookup });
    const { addresses, problems } = await expandSources(
      ['srv+_serf._tcp.seeds.test', 'srv+_no._tcp.seeds.test'],
      {
        signal: new AbortController().signal,
        env: {},
        lookupService: dns.lookupService,
      },
    );
    expect(addresses).toEqual(['first.seeds.test:7946']);
    expect(problems).toEqual([expect.stringContaining('_no._tcp.seeds.test')]);
    expect(await joiner.join(addresses)).toBe(1);
    expect(alive(joiner)).toBe('first joiner');
  });
});

describe('an agent of ours', () => {
  it('joins what a file names once the file is there, and a command names', async () => {
    const [first, second] = [await start('first', '127.89.1.1'), await start('second', '127.89.1.2')];
    const seeds = join(directory, 'seeds');
    const lines = runIn('127.89.1.9', `-retry-join=file:${seeds}`, '-retry-interval=5s');
    await until(
      'the missing file is told of',
      () => lines.some((line) => /seeds: ENOENT/.test(line)),
      10_000,
    );
    writeFileSync(seeds, '# the first\n127.89.1.1\n');
    await until('the first is joined', () => alive(first) === 'agent first', 10_000);
    const more = runIn('127.89.1.8', '-node=other', '-retry-join=exec:echo 127.89.1.2');
    await until('the second is joined', () => alive(second) === 'other second', 10_000);
    expect(more.filter((line) => /Join failed/.test(line))).toEqual([]);
  });

  it('meets its anchors without being told to join, and says once whom it misses', async () => {
    const anchor = await start('anchor', '127.89.2.1');
    anchor.userEvent('old', null);
    const lines = runIn('127.89.2.9', '-anchor=127.89.2.1', '-anchor=127.89.2.2', '-anchor=127.89.2.9');
    await until('the anchor is met', () => alive(anchor) === 'agent anchor', 10_000);
    await until('it is told', () => lines.some((line) => /reached 1 of anchors/.test(line)), 10_000);
    expect(lines.filter((line) => /looking for anchors/.test(line))).toEqual([
      expect.stringMatching(/looking for anchors: 127\.89\.2\.1:7946, 127\.89\.2\.2:7946$/),
    ]);
    expect(lines.filter((line) => /user-event: old/.test(line))).toEqual([]);
  });
});
