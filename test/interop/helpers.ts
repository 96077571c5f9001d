import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createConnection } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { SERF_BIN } from '../support/interop.ts';

/**
 * Real daemons for tests of mixed clusters: Serf's agent and ours, each on a loopback address of its own with the
 * default ports. Call `stopAll` in `afterAll` or `afterEach`; whatever is forgotten dies with the test process.
 */

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const BUILT = join(ROOT, 'dist', 'bin', 'agent.js');

const RPC_PORT = 7373;
const START_TIMEOUT_MS = 30_000;
const CLI_TIMEOUT_MS = 60_000;
/** A graceful leave takes a second and a little gossip; after this long the daemon is killed. */
const STOP_TIMEOUT_MS = 10_000;
const POLL_MS = 50;
/** More than any test looks at. */
const LARGEST_LOG_CHARS = 8 << 20;

/** What a finished program left. `code` is null when a signal ended it. */
export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export type Kind = 'serf' | 'reeve';

export interface DaemonOptions {
  /** Node name. */
  readonly name: string;
  /** A loopback address nobody else uses, such as 127.81.4.2. */
  readonly ip: string;
  /** More flags, after `-node`, `-bind`, `-rpc-addr`, `-profile=local` and `-log-level=debug`; later ones win. */
  readonly args?: readonly string[];
  /** Another program than the one installed (Serf) or built here (ours). */
  readonly binary?: string;
  /** Words before the program, such as those that change its namespace or privileges. */
  readonly within?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

export interface CliOptions {
  /** Whose command line: by default that of the daemon's own kind. */
  readonly via?: Kind;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
}

/** A running agent. */
export interface Daemon {
  readonly kind: Kind;
  readonly name: string;
  readonly ip: string;
  /** `IP:7373`. */
  readonly rpcAddr: string;
  readonly pid: number;
  /** Runs a client command against this agent: `cli(['members', '-format=json'])`. */
  cli(args: readonly string[], options?: CliOptions): Promise<Finished>;
  /** The members it sees, by name. */
  members(): Promise<Map<string, ListedMember>>;
  /** Everything it has printed. */
  logs(): string;
  /** Sends a signal; the process stays ours to reap. */
  kill(signal: NodeJS.Signals): void;
  /** Resolves with the exit code when it is gone; null when a signal ended it. */
  readonly gone: Promise<number | null>;
  /** Leaves gracefully (INT), or is killed when that takes too long; resolves with the exit code. */
  stop(): Promise<number | null>;
}

/** One entry of `members -format=json`. */
export interface ListedMember {
  readonly name: string;
  readonly addr: string;
  readonly port: number;
  readonly tags: Readonly<Record<string, string>>;
  readonly status: string;
  readonly protocol: Readonly<Record<string, number>>;
}

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Starts Serf's agent and waits until it answers. */
export function startSerf(options: DaemonOptions): Promise<Daemon> {
  return startDaemon('serf', [options.binary ?? serfBinary()], ['agent'], options);
}

/** Starts our agent and waits until it answers. */
export function startReeve(options: DaemonOptions): Promise<Daemon> {
  const command = options.binary === undefined ? reeveCommand() : [options.binary];
  return startDaemon('reeve', command, ['run'], options);
}

/** Stops every daemon started and not yet gone. */
export async function stopAll(): Promise<void> {
  const children = [...running];
  for (const child of children) {
    child.kill('SIGCONT');
    child.kill('SIGKILL');
  }
  await Promise.all(
    children.map((child) => waitFor('a killed daemon to end', () => !running.has(child), 10_000)),
  );
}

/** Runs Serf's command line. */
export function serfCli(args: readonly string[], options: CliOptions = {}): Promise<Finished> {
  return runProgram([serfBinary(), ...args], options);
}

/** Runs our command line. */
export function reeveCli(args: readonly string[], options: CliOptions = {}): Promise<Finished> {
  return runProgram([...reeveCommand(), ...args], options);
}

/** A client command of `via`, still running: for streams that a signal or the agent ends. */
export function spawnCli(via: Kind, args: readonly string[]): ChildProcess & { output(): string } {
  const [program = '', ...rest] = via === 'serf' ? [serfBinary()] : reeveCommand();
  const child = spawn(program, [...rest, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env: cleanEnv({}) });
  track(child);
  return Object.assign(child, { output: collect(child) });
}

/**
 * Polls `probe` until it returns something other than `undefined`, `false` or `null`, and returns that. A probe that
 * throws has not succeeded yet. Rejects after `timeoutMs`, naming what was waited for and the last error.
 */
export async function waitFor<T>(
  description: string,
  probe: () => T | undefined | false | null | Promise<T | undefined | false | null>,
  timeoutMs = 20_000,
): Promise<T> {
  const deadline = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const found = await probe();
      if (found !== undefined && found !== false && found !== null) return found;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline) {
      throw new Error(`waited ${timeoutMs} ms in vain for ${description}`, { cause: last });
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Waits until `daemon` lists `name` with this status, and returns the entry. */
export function waitForMember(
  daemon: Daemon,
  name: string,
  status: string,
  timeoutMs = 20_000,
): Promise<ListedMember> {
  return waitFor(
    `${daemon.name} to see ${name} as ${status}`,
    async () => {
      const member = (await daemon.members()).get(name);
      return member?.status === status ? member : undefined;
    },
    timeoutMs,
  );
}

function serfBinary(): string {
  if (SERF_BIN === undefined) throw new Error('no serf on the PATH: use describeWithSerf');
  return SERF_BIN;
}

/** Our command line: the sources, or with REEVE_TEST_BUILT=1 what `npm run build` made of them. */
export function reeveCommand(): string[] {
  if (process.env['REEVE_TEST_BUILT'] === '1' && existsSync(BUILT)) return [process.execPath, BUILT];
  return [process.execPath, '--import', import.meta.resolve('tsx'), join(ROOT, 'bin', 'agent.ts')];
}

async function startDaemon(
  kind: Kind,
  command: readonly string[],
  before: readonly string[],
  options: DaemonOptions,
): Promise<Daemon> {
  const { name, ip, args = [], within = [] } = options;
  const rpcAddr = `${ip}:${RPC_PORT}`;
  const flags = [
    `-node=${name}`,
    `-bind=${ip}`,
    `-rpc-addr=${rpcAddr}`,
    '-profile=local',
    '-log-level=debug',
  ];
  const [program = '', ...rest] = [...within, ...command];
  const child = spawn(program, [...rest, ...before, ...flags, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: cleanEnv(options.env ?? {}),
  });
  track(child);
  const logs = collect(child);
  let ended = false;
  const gone = new Promise<number | null>((resolve) => {
    child.once('close', (code) => {
      ended = true;
      resolve(code);
    });
  });
  await waitFor(
    `${kind} agent ${name} on ${ip} to start`,
    async () => ended || (logs().includes('agent running!') && (await accepts(ip, RPC_PORT))),
    START_TIMEOUT_MS,
  ).catch((error: unknown) => {
    child.kill('SIGKILL');
    throw new Error(`${kind} agent ${name} did not start:\n${logs()}`, { cause: error });
  });
  if (ended) throw new Error(`${kind} agent ${name} ended at start with ${await gone}:\n${logs()}`);

  const cli = (words: readonly string[], { via = kind, ...more }: CliOptions = {}): Promise<Finished> => {
    const env = { SERF_RPC_ADDR: rpcAddr, ...more.env };
    return via === 'serf' ? serfCli(words, { ...more, env }) : reeveCli(words, { ...more, env });
  };
  return {
    kind,
    name,
    ip,
    rpcAddr,
    pid: child.pid ?? -1,
    cli,
    members: async () => {
      // The compiled one starts at once; ours would spend most of a poll in loading its sources.
      const { stdout } = await cli(
        ['members', '-format=json'],
        SERF_BIN === undefined ? {} : { via: 'serf' },
      );
      const { members } = JSON.parse(stdout) as { readonly members: readonly ListedMember[] | null };
      return new Map((members ?? []).map((member) => [member.name, member]));
    },
    logs,
    kill: (signal) => void child.kill(signal),
    gone,
    stop: async () => {
      child.kill('SIGINT');
      const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS);
      const code = await gone;
      clearTimeout(timer);
      return code;
    },
  };
}

/** Sees to it that `child` dies with the test process, and by `stopAll`. */
export function track(child: ChildProcess): void {
  running.add(child);
  child.once('close', () => running.delete(child));
  child.once('error', () => running.delete(child));
}

/** Everything `child` has printed so far. */
export function collect(child: ChildProcess): () => string {
  let text = '';
  const add = (chunk: Buffer): void => {
    if (text.length < LARGEST_LOG_CHARS) text += chunk.toString();
  };
  child.stdout?.on('data', add);
  child.stderr?.on('data', add);
  return () => text;
}

/** Runs a program to its end. */
export function runProgram(command: readonly string[], options: CliOptions = {}): Promise<Finished> {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'], env: cleanEnv(options.env ?? {}) });
  track(child);
  const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? CLI_TIMEOUT_MS);
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => stderr.push(chunk));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      resolve({ code, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() });
    });
  });
}

/** The test's environment without what would lead a command to another agent. */
function cleanEnv(more: Readonly<Record<string, string>>): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...process.env };
  for (const name of ['SERF_RPC_ADDR', 'SERF_RPC_AUTH', 'REEVE_RPC_ADDR', 'REEVE_RPC_AUTH']) delete env[name];
  return { ...env, ...more };
}

function accepts(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host, port });
    const answer = (value: boolean): void => {
      socket.destroy();
      resolve(value);
    };
    socket.once('connect', () => answer(true));
    socket.once('error', () => answer(false));
  });
}
