import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { runAgent } from '../../src/agent/agent.ts';
import { runArguments } from '../../src/agent/config/flags.ts';
import { systemHost } from '../../src/agent/config/host.ts';
import { SignalQueue } from '../../src/agent/signals.ts';
import { describeWithSerf, SERF_BIN } from '../support/interop.ts';

/** The same configuration to a real agent and to ours: accepted or refused alike, with the same words and effect. */

const directory = mkdtempSync(join(tmpdir(), 'differential-files-'));
afterAll(() => rmSync(directory, { recursive: true }));

const REAL = '127.119.0.1';
const OURS = '127.119.0.2';
const READY = '==> Log data will now stream in as it occurs:';
/** More than a start takes on a busy machine. */
const START_MS = 20_000;

/** What a start printed before the log, its addresses made the same. */
interface Start {
  readonly accepted: boolean;
  readonly lines: readonly string[];
}

let count = 0;

/** Files of one case in a folder of its own, the same for both; the arguments name them with FOLDER. */
function prepared(files: Readonly<Record<string, unknown>>): string {
  count += 1;
  const folder = join(directory, String(count));
  mkdirSync(folder);
  for (const [name, content] of Object.entries(files)) {
    const text = typeof content === 'string' ? content : JSON.stringify(content);
    writeFileSync(join(folder, name), text.replaceAll('FOLDER', folder), { mode: 0o600 });
  }
  return folder;
}

function usual(ip: string, words: readonly string[], folder: string): string[] {
  const given = words.map((word) => word.replaceAll('FOLDER', folder));
  const own = (flag: string, value: string): string[] =>
    given.some((word) => word.startsWith(`${flag}=`)) ? [] : [`${flag}=${value}`];
  return [...own('-bind', ip), `-rpc-addr=${ip}:7373`, ...given];
}

function start(accepted: boolean, text: string, ip: string): Start {
  const before = text.split(`${READY}\n`)[0] ?? '';
  const lines = before.split('\n').filter((line) => line.trim() !== '');
  return { accepted, lines: lines.map((line) => line.replaceAll(ip, 'IP').trim()) };
}

async function real(words: readonly string[], folder: string): Promise<Start> {
  const child = spawn(SERF_BIN ?? 'serf', ['agent', ...usual(REAL, words, folder)]);
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
      if (text.includes(READY)) child.kill('SIGKILL');
    });
  }
  await new Promise((resolve) => child.once('close', resolve));
  return start(text.includes(READY), text, REAL);
}

async function ours(words: readonly string[], folder: string): Promise<Start> {
  const lines: string[] = [];
  const signals = new SignalQueue();
  const writer = { line: (text: string) => lines.push(text) > 0, flush: () => Promise.resolve() };
  const code = runAgent(runArguments(usual(OURS, words, folder)), {
    env: { XDG_RUNTIME_DIR: folder },
    uid: process.getuid?.() ?? -1,
    out: writer,
    err: writer,
    host: systemHost,
    now: () => new Date(),
    signals: () => signals,
    sleep: (ms, until) => sleep(ms, undefined, { ref: false, signal: until }).catch(() => undefined),
  });
  const until = performance.now() + START_MS;
  const ended = code.then(() => true);
  while (!lines.includes(READY) && performance.now() < until) {
    if (await Promise.race([ended, sleep(10, false)])) break;
  }
  const accepted = lines.includes(READY);
  signals.push('SIGTERM');
  await code;
  return start(accepted, lines.join('\n'), OURS);
}

type Files = Readonly<Record<string, unknown>>;

interface Case {
  readonly title: string;
  readonly files: Files;
  readonly words: readonly string[];
}

const FILE = '-config-file=FOLDER/c.json';
const several = (title: string, files: Files, ...words: string[]): Case => ({ title, files, words });
const one = (title: string, config: unknown, ...words: string[]): Case =>
  several(title, { 'c.json': config }, FILE, ...words);
const KEY = Buffer.alloc(32, 7).toString('base64');

const ACCEPTED: readonly Case[] = [
  one('every key of Serf at once', {
    node_name: 'n',
    disable_coordinates: true,
    tags: { a: 'b', role: 'web' },
    bind: REAL,
    advertise: '10.1.2.3:7777',
    encrypt_key: KEY,
    log_level: 'debug',
    rpc_auth: 'secret',
    protocol: 4,
    replay_on_join: true,
    query_response_size_limit: 2048,
    query_size_limit: 2048,
    user_event_size_limit: 600,
    start_join: [],
    event_handlers: ['member-join=true', 'true'],
    profile: 'wan',
    snapshot_path: 'FOLDER/snapshot',
    leave_on_terminate: true,
    skip_leave_on_interrupt: true,
    discover: '',
    interface: '',
    reconnect_interval: '20s',
    reconnect_timeout: '1h',
    tombstone_timeout: '1h',
    disable_name_resolution: true,
    enable_syslog: false,
    syslog_facility: 'LOCAL1',
    retry_join: [],
    retry_max_attempts: 3,
    retry_interval: '5s',
    rejoin_after_leave: true,
    enable_compression: true,
    statsite_addr: '127.119.0.9:8125',
    statsd_addr: '127.119.0.9:8125',
    broadcast_timeout: '7s',
  }),
  one('keys in any case', { Node_Name: 'n', PROFILE: 'local' }),
  one('null for a value', { node_name: null, tags: null, start_join: null, profile: 'local' }),
  one('nothing', {}),
  one('text after the object', '{"profile": "local"} trailing'),
  one('a key twice', '{"profile": "lan", "profile": "wan", "start_join": ["x"], "start_join": []}'),
  one('a flag over a file', { profile: 'wan', node_name: 'file' }, '-profile=local', '-node=flag'),
  one('an empty flag over a file', { profile: 'wan', node_name: 'file' }, '-profile=', '-node='),
  one('a role', { role: 'web' }),
  one('intervals that are too low', { retry_interval: '10ms', broadcast_timeout: '10ms' }),
  one('a rejoin without a snapshot', { rejoin_after_leave: true }),
  one('compression switched off', { enable_compression: true }, '-disable-compression'),
  one('an advertised address without a port', { advertise: '10.1.2.3' }),
  one('a duration of zero, which does not count', { retry_interval: '0', broadcast_timeout: '0s' }),
  one('an empty tags file', { tags_file: 'FOLDER/tags.json' }),
  one('a negative protocol, which does not count', { protocol: -1 }),
  several(
    'files of a folder by name',
    { '2.json': { node_name: 'two' }, '1.json': { node_name: 'one', profile: 'wan' }, 'a.txt': 'no' },
    '-config-dir=FOLDER',
  ),
  several(
    'files in the order named',
    { 'a.json': { node_name: 'a' }, b: { node_name: 'b' } },
    '-config-file=FOLDER/b',
    '-config-file=FOLDER/a.json',
  ),
  several('a keyring', { 'c.json': { keyring_file: 'FOLDER/keys.json' }, 'keys.json': [KEY] }, FILE),
];

const REFUSED: readonly Case[] = [
  one('a log level', { log_level: 'foo' }),
  one('a profile', { profile: 'foo' }),
  one('a bind address', {}, '-bind=127.0.0.1:x:y'),
  one('an advertised address', { advertise: '1.2.3.4:5:6' }),
  one('an interface', { interface: 'nope0' }),
  one('an event handler', { event_handlers: ['bogus=x'] }),
  one('a key that is no base64', { encrypt_key: '!!!' }),
  one('a key of a wrong length', { encrypt_key: 'AAAA' }),
  one('a key and a keyring', { encrypt_key: KEY, keyring_file: 'FOLDER/none.json' }),
  one('a keyring that is missing', { keyring_file: 'FOLDER/none.json' }),
  one('tags and a tags file', { tags: { a: 'b' }, tags_file: 'FOLDER/t.json' }),
  one('a role and a tags file', { role: 'b', tags_file: 'FOLDER/t.json' }),
  one('a protocol', { protocol: 9 }),
  one('tags that are too big', { tags: { a: 'x'.repeat(600) } }),
  one('a limit', { user_event_size_limit: 10_000 }),
  one('a tag flag', {}, '-tag=foo'),
  one('a duration flag', {}, '-retry-interval=5'),
  several('a file that is missing', {}, '-config-file=FOLDER/none.json'),
];

/** Ours adds places and hints below the first line; both refuse. */
const UNREADABLE: readonly Case[] = [
  one('an unknown key', { bogus: 1 }),
  one('a number for a text', { node_name: 5 }),
  one('a text for a list', { event_handlers: 'x' }),
  one('a text for a number', { protocol: '5' }),
  one('a list of objects', { start_join: [{}] }),
  one('a list', []),
  one('half an object', '{"a":'),
  one('a duration without unit', { retry_interval: '5' }),
];

describeWithSerf('configuration files, a real agent and ours', () => {
  const both = ({ files, words }: Case) => {
    const folder = prepared(files);
    return Promise.all([real(words, folder), ours(words, folder)]);
  };

  describe('take', () => {
    it.each(ACCEPTED)('$title, and announce the same', async (given) => {
      const [theirs, mine] = await both(given);
      expect(theirs.accepted).toBe(true);
      expect(mine).toEqual(theirs);
    });
  });

  describe('refuse', () => {
    it.each(REFUSED)('$title, in the same words', async (given) => {
      const [theirs, mine] = await both(given);
      expect(theirs.accepted).toBe(false);
      expect(mine.accepted).toBe(false);
      expect(mine.lines.at(-1)).toBe(theirs.lines.at(-1));
    });

    it.each(UNREADABLE)('$title, and say where it is', async (given) => {
      const [theirs, mine] = await both(given);
      expect([theirs.accepted, mine.accepted]).toEqual([false, false]);
      expect(mine.lines.join('\n')).toMatch(/c\.json:\d/);
    });
  });
});
