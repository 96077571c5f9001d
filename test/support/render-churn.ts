import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RpcClient } from '../../src/rpc/client.ts';

/** An agent that rewrites a hosts file again and again, is killed at random moments, and is started again. */

const AGENT = join(import.meta.dirname, '../../dist/bin/agent.js');
const BEGIN = '# BEGIN reeve hosts';
const END = '# END reeve hosts';
/** Lines of the block: enough that half a file would be seen. */
const LINES = 300;
/** Bytes that are no UTF-8, and none of ours. */
const HEAD = '127.0.0.1 localhost\n# caf\xe9 is theirs\n';
const TAIL = '\n203.0.113.9 printer\n# theirs too, without an end';
const MODE = 0o640;
const START_WITHIN_MS = 30_000;

export interface ChurnOptions {
  /** Rewrites in all. */
  readonly rewrites: number;
  /** Kills spread over them. */
  readonly kills: number;
  readonly address: string;
  /** Makes the target a mount of its own, which no rename can replace. */
  readonly inPlace: boolean;
}

export interface ChurnReport {
  readonly rewrites: number;
  readonly kills: number;
  /** Kills that hit while a write in place was under way: a journal was left. */
  readonly journals: number;
  /** Kills after which the file itself was torn. */
  readonly torn: number;
  /** Kills that hit between the swap and the end of the reload. */
  readonly pending: number;
  /** Times the file was looked at while all this went on. */
  readonly looks: number;
  /** What was wrong with it, if anything. */
  readonly faults: readonly string[];
}

/** What is wrong with the file, or undefined. */
function faultOf(path: string): string | undefined {
  const text = readFileSync(path, 'latin1');
  if (text === '') return 'it is empty';
  if (!text.startsWith(HEAD) || !text.endsWith(TAIL)) return 'foreign lines are missing';
  const block = text.slice(HEAD.length, text.length - TAIL.length).split('\n');
  if (block[0] !== BEGIN || block.at(-2) !== END || block.at(-1) !== '') return 'a marker is missing';
  const lines = block.slice(1, -2);
  const versions = new Set(lines.map((line) => line.split(' ')[2]));
  if (lines.length !== LINES || versions.size !== 1)
    return `${lines.length} lines of ${versions.size} versions`;
  return undefined;
}

class Churn {
  readonly directory = mkdtempSync(join(tmpdir(), 'reeve-churn-'));
  /** The target's own directory, so that nothing but the file's helpers is beside it. */
  readonly etc = join(this.directory, 'etc');
  readonly target = join(this.etc, 'hosts');
  readonly faults: string[] = [];
  looks = 0;
  kills = 0;
  journals = 0;
  torn = 0;
  pending = 0;
  readonly #options: ChurnOptions;
  #agent: ChildProcess | undefined;
  #client: RpcClient | undefined;
  #watching = true;

  constructor(options: ChurnOptions) {
    this.#options = options;
    mkdirSync(this.etc);
    const old = Array.from({ length: LINES }, (_, at) => `192.0.2.1 n-${at + 1} old\n`).join('');
    writeFileSync(this.target, `${HEAD}${BEGIN}\n${old}${END}\n${TAIL}`, 'latin1');
    execFileSync('chmod', [MODE.toString(8), this.target]);
    const template =
      '{% for i in (1..300) %}\n{% for m in members %}\n{{ m.addr }} {{ m.name }}-{{ i }} {{ m.tags.version }}\n{% endfor %}\n{% endfor %}\n';
    writeFileSync(join(this.directory, 'hosts.liquid'), template);
    const renderer = {
      template: join(this.directory, 'hosts.liquid'),
      target: this.target,
      block: {},
      // Keeps what was in force last: a swap whose reload a kill swallowed would show.
      reload: ['cp', '{target}', join(this.directory, 'reloaded')],
    };
    const config = { tags: { version: 'v0' }, renderers: { hosts: renderer } };
    writeFileSync(join(this.directory, 'config.json'), JSON.stringify(config));
  }

  async start(): Promise<void> {
    const { address, inPlace } = this.#options;
    const words = [
      ...[AGENT, 'run', '-node=n', `-bind=${address}`, `-rpc-addr=${address}:7373`, '-profile=local'],
      ...[`-rpc-socket=${join(this.directory, 's')}`, `-config-file=${join(this.directory, 'config.json')}`],
    ];
    const mount = `mount --bind ${this.target} ${this.target} && exec "$@"`;
    const [program = '', ...args] = inPlace
      ? ['unshare', '--mount', 'sh', '-c', mount, 'sh', process.execPath, ...words]
      : [process.execPath, ...words];
    this.#agent = spawn(program, args, { stdio: 'ignore' });
    const giveUpAt = performance.now() + START_WITHIN_MS;
    for (;;) {
      try {
        this.#client = await RpcClient.connect({ address: { path: join(this.directory, 's') } });
        return;
      } catch (error) {
        if (performance.now() > giveUpAt) throw error;
        await sleep(20);
      }
    }
  }

  /** The next version, known to the agent and not yet written. */
  async change(version: number): Promise<void> {
    await this.#client?.updateTags(new Map([['version', `v${version}`]]));
  }

  /** Has it written; ends early when the agent is killed meanwhile. */
  async rewrite(version: number): Promise<void> {
    try {
      const { attempt } = (await this.#client?.runRenderer('hosts')) ?? {};
      const outcome = attempt?.error ?? attempt?.outcome ?? 'nothing';
      const wanted = this.#options.inPlace ? 'in-place' : 'replaced';
      // The change itself may have been acted on before the request was.
      const isWritten = readFileSync(this.target, 'latin1').includes(` v${version}\n`);
      if (outcome === 'unchanged' && isWritten) return;
      if (outcome !== wanted) this.faults.push(`version ${version}: ${outcome}, not ${wanted}`);
    } catch {
      // Killed: what it left is looked at then.
    }
  }

  /** Kills the agent after a random while, and looks at what it left. */
  async kill(withinMs: number): Promise<void> {
    await sleep(Math.random() * withinMs);
    const gone = new Promise((resolve) => this.#agent?.once('exit', resolve));
    this.#agent?.kill('SIGKILL');
    await gone;
    await this.#client?.close();
    this.kills += 1;
    if (existsSync(join(this.etc, '.hosts.reeve-journal'))) this.journals += 1;
    if (existsSync(join(this.etc, '.hosts.reeve-pending'))) this.pending += 1;
    const fault = faultOf(this.target);
    if (fault === undefined) return;
    if (this.#options.inPlace) this.torn += 1;
    else this.faults.push(`after kill ${this.kills}: ${fault}`);
  }

  /** Waits for the start's own render, which mends what a kill left. */
  async mended(): Promise<void> {
    for (let wait = 0; wait < START_WITHIN_MS; wait += 20) {
      const [renderer] = (await this.#client?.renderers()) ?? [];
      if (renderer !== undefined && renderer.attempts.length > 0) break;
      await sleep(20);
    }
    this.look(`after start ${this.kills}`);
  }

  /** Looks at the file all the time; a write in place may be seen half done, a rename never. */
  async watch(): Promise<void> {
    while (this.#watching) {
      this.looks += 1;
      if (!this.#options.inPlace) this.look('while it ran');
      await sleep(1);
    }
  }

  look(when: string): void {
    const fault = faultOf(this.target);
    if (fault !== undefined) this.faults.push(`${when}: ${fault}`);
    const mode = statSync(this.target).mode & 0o7777;
    if (mode !== MODE) this.faults.push(`${when}: mode ${mode.toString(8)}`);
  }

  /** The last start has mended what there was to mend, and reloaded what is in force. */
  async end(): Promise<void> {
    const giveUpAt = performance.now() + START_WITHIN_MS;
    const reloaded = join(this.directory, 'reloaded');
    while (!existsSync(reloaded) || !readFileSync(reloaded).equals(readFileSync(this.target))) {
      if (performance.now() > giveUpAt) {
        this.faults.push('what was reloaded last is not what the file holds');
        break;
      }
      await sleep(50);
    }
    this.look('in the end');
    this.#watching = false;
    const gone = new Promise((resolve) => this.#agent?.once('exit', resolve));
    this.#agent?.kill('SIGTERM');
    await gone;
    await this.#client?.close();
  }

  remove(): void {
    this.#agent?.kill('SIGKILL');
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Runs it all; needs `dist`, and for writes in place the right to mount. */
export async function churn(options: ChurnOptions): Promise<ChurnReport> {
  const subject = new Churn(options);
  const each = Math.max(1, Math.floor(options.rewrites / options.kills));
  let done = 0;
  try {
    await subject.start();
    await subject.mended();
    const watching = subject.watch();
    while (done < options.rewrites) {
      let renderMs = 0;
      for (let turn = 0; turn < each - 1 && done < options.rewrites - 1; turn += 1) {
        done += 1;
        await subject.change(done);
        const began = performance.now();
        await subject.rewrite(done);
        renderMs = performance.now() - began;
      }
      // The kill falls somewhere into this one.
      done += 1;
      await subject.change(done);
      const last = subject.rewrite(done);
      await subject.kill(renderMs);
      await last;
      await subject.start();
      await subject.mended();
    }
    await subject.end();
    await watching;
    const { kills, journals, torn, pending, looks, faults } = subject;
    return { rewrites: done, kills, journals, torn, pending, looks, faults };
  } finally {
    subject.remove();
  }
}
