import { execFile, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { AGENT } from '../lib/project.mjs';

const execute = promisify(execFile);
const COMMAND_LIMIT_MS = 10_000;

/** The processes of the demo: each started here, each ended here by its id. */
export class Cast {
  #folder;
  #running = new Map();

  constructor(folder) {
    this.#folder = folder;
  }

  /** Starts a daemon whose output goes to NAME.log. */
  start(name, program, args, env = {}) {
    const log = openSync(this.logOf(name), 'a');
    // A process group of its own: Ctrl-C reaches the demo, which then ends everyone in order.
    const child = spawn(program, args, {
      detached: true,
      env: { ...process.env, ...env },
      stdio: ['ignore', log, log],
    });
    closeSync(log);
    const ended = new Promise((resolve) => {
      child.once('error', resolve);
      child.once('exit', resolve);
    });
    this.#running.set(name, { child, ended: ended.then(() => this.#running.delete(name)) });
  }

  logOf(name) {
    return join(this.#folder, `${name}.log`);
  }

  /** The last lines a daemon printed. */
  lastWords(name) {
    return readFileSync(this.logOf(name), 'utf8').trimEnd().split('\n').slice(-12).join('\n');
  }

  isRunning(name) {
    return this.#running.has(name);
  }

  /** Sends a signal and waits for the end it brings. */
  async end(name, signal) {
    const actor = this.#running.get(name);
    if (actor === undefined) return;
    actor.child.kill(signal);
    await actor.ended;
  }

  async endAll() {
    await Promise.all([...this.#running.keys()].map((name) => this.end(name, 'SIGKILL')));
  }
}

/** Runs the command line against one agent; its output, or its error text when it fails. */
export async function agent(rpcAddress, ...args) {
  const [command, ...rest] = args;
  return output(process.execPath, [AGENT, command, `-rpc-addr=${rpcAddress}`, ...rest]);
}

/** What a program prints, whether it succeeds or not. */
export async function output(program, args) {
  try {
    return (await execute(program, args, { timeout: COMMAND_LIMIT_MS })).stdout;
  } catch (error) {
    return `${error.stdout ?? ''}${error.stderr ?? error.message}`;
  }
}

/** True when a program answers on this machine. */
export async function installed(program, ...args) {
  try {
    await execute(program, args, { timeout: COMMAND_LIMIT_MS });
    return true;
  } catch {
    return false;
  }
}
