import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { RpcClient } from '../../../src/rpc/client.ts';
import { type HostNetwork, loopbackNetwork, NO_NAMESPACES, namespaceNetwork } from '../host-network.ts';

/** A small site: web servers, a load balancer before them, a client, and an agent on each host but the client's. */

const AGENT = join(import.meta.dirname, '../../../dist/bin/agent.js');
const WEB_PORT = 8080;
const FRONT_PORT = 8000;
export const BALANCER = 'lb';
const CLIENT = 'client';

export interface SiteOptions {
  readonly webs: readonly string[];
  readonly haproxy: string;
  /** What follows each server's address in haproxy's configuration. */
  readonly server: string;
  /** The loopback addresses where no namespaces are to be had, as `127.a.b`. */
  readonly loopback: string;
  /** Requests a second. */
  readonly rate: number;
}

/** One request as the client measured it; times in milliseconds since the epoch. */
export interface Asked {
  readonly at: number;
  readonly tookMs: number;
  /** Who answered; undefined when nobody did. */
  readonly by: string | undefined;
  readonly trouble: string | undefined;
}

/** One version of the balancer's configuration that was put in force. */
export interface Version {
  readonly at: number;
  readonly path: string;
}

export class Site {
  readonly folder = mkdtempSync(join(tmpdir(), 'reeve-balanced-'));
  /** haproxy's configuration. */
  readonly config = join(this.folder, 'haproxy.cfg');
  readonly net: HostNetwork;
  readonly #options: SiteOptions;
  readonly #agents = new Map<string, ChildProcess>();
  readonly #webs = new Map<string, ChildProcess>();
  readonly #others: ChildProcess[] = [];
  readonly #asked: Asked[] = [];

  static async open(options: SiteOptions): Promise<Site> {
    const hosts = [BALANCER, CLIENT, ...options.webs];
    if (NO_NAMESPACES === undefined) return new Site(options, await namespaceNetwork(hosts));
    console.warn(
      `NOTE: no network namespaces (${NO_NAMESPACES}): loopback addresses stand in, and a cut is other agents stopped.`,
    );
    const sites: Site[] = [];
    const silence = (apart: readonly string[]): void => {
      for (const site of sites) site.#silence(apart);
    };
    sites.push(new Site(options, loopbackNetwork(hosts, options.loopback, NO_NAMESPACES, silence)));
    return sites[0]!;
  }

  private constructor(options: SiteOptions, net: HostNetwork) {
    this.#options = options;
    this.net = net;
    mkdirSync(join(this.folder, 'versions'));
    writeFileSync(this.config, baseConfig(this.folder));
    const reload = join(this.folder, 'reload.sh');
    writeFileSync(reload, reloadScript(this.folder));
    const settings = {
      bind: `${net.address(BALANCER)}:${FRONT_PORT}`,
      server: options.server,
      check: `${options.haproxy} -c -f {staged}`,
      reload: `sh ${reload}`,
    };
    const words = Object.entries(settings).map(([name, value]) => `-set=${name}=${value}`);
    const places = [`-config-dir=${join(this.folder, 'recipe')}`, `-target=${this.config}`];
    execFileSync(process.execPath, [AGENT, 'recipe', 'add', ...places, ...words, 'haproxy'], {
      stdio: 'pipe',
    });
  }

  /** Starts an agent; one that was killed comes back as it was. */
  startAgent(host: string, role = 'web'): void {
    const { net, folder } = this;
    const ip = net.address(host);
    const config = {
      ...(host === BALANCER
        ? { state_dir: join(folder, 'state') }
        : { tags: { role, port: String(WEB_PORT) } }),
      retry_join: [BALANCER, ...this.#options.webs.slice(0, 2)]
        .filter((one) => one !== host)
        .map((one) => net.address(one)),
      retry_interval: '1s',
    };
    const file = join(folder, `${host}.json`);
    writeFileSync(file, JSON.stringify(config));
    const words = [
      `-node=${host}`,
      `-bind=${ip}`,
      `-rpc-addr=${ip}:7373`,
      '-profile=local',
      '-log-level=INFO',
    ];
    const child = this.#spawn(host, [
      process.execPath,
      AGENT,
      'run',
      ...words,
      `-rpc-socket=${this.socket(host)}`,
      `-config-file=${file}`,
      ...(host === BALANCER ? [`-config-dir=${join(folder, 'recipe')}`] : []),
    ]);
    const log = join(folder, `${host}.log`);
    const keep = (chunk: Buffer): void => writeFileSync(log, chunk, { flag: 'a' });
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    this.#agents.set(host, child);
  }

  async startWeb(host: string): Promise<void> {
    const script = join(import.meta.dirname, 'web.mjs');
    const child = this.#spawn(host, [
      process.execPath,
      script,
      this.net.address(host),
      String(WEB_PORT),
      host,
    ]);
    this.#webs.set(host, child);
    await new Promise((resolve) => child.stdout?.once('data', resolve));
  }

  /** haproxy as a service runs it: a master that keeps its sockets over reloads. Resolves when it is up. */
  async startBalancer(): Promise<void> {
    const words = [...this.net.enter(BALANCER), this.#options.haproxy, '-W', '-f', this.config];
    const child = spawn(words[0]!, words.slice(1), { stdio: ['ignore', 'ignore', 'pipe'] });
    this.#others.push(child);
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-10_000);
    });
    child.once('exit', (code, signal) => {
      if (signal !== 'SIGKILL') console.warn(`haproxy ended (${code ?? signal}): ${said}`);
    });
    await this.until('haproxy is up', () => said.includes('Loading success'));
    writeFileSync(join(this.folder, 'master'), String(child.pid));
  }

  startLoad(): void {
    const url = `http://${this.net.address(BALANCER)}:${FRONT_PORT}/`;
    const words = [process.execPath, join(import.meta.dirname, 'load.mjs'), url, String(this.#options.rate)];
    const child = this.#spawn(CLIENT, words);
    let rest = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      const lines = (rest + chunk.toString()).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) {
        const [at, tookMs, outcome] = JSON.parse(line) as [number, number, string];
        const failed = outcome.startsWith('!');
        this.#asked.push({
          at,
          tookMs,
          by: failed ? undefined : outcome,
          trouble: failed ? outcome.slice(1) : undefined,
        });
      }
    });
    this.#others.push(child);
  }

  /** Signals the agent and the web server of a host. */
  signal(host: string, signal: NodeJS.Signals): void {
    this.#agents.get(host)?.kill(signal);
    this.#webs.get(host)?.kill(signal);
  }

  agent(host: string): ChildProcess | undefined {
    return this.#agents.get(host);
  }

  stopWeb(host: string): void {
    this.#webs.get(host)?.kill('SIGKILL');
  }

  socket(host: string): string {
    return join(this.folder, `${host}.sock`);
  }

  /** Asks a host's agent. */
  async rpc<T>(host: string, ask: (client: RpcClient) => Promise<T>): Promise<T> {
    await using client = await RpcClient.connect({ address: { path: this.socket(host) } });
    return await ask(client);
  }

  /** Every request so far, in the order of their ends. */
  get asked(): readonly Asked[] {
    return this.#asked;
  }

  /** The servers that the balancer's file lists now. */
  servers(): string[] {
    const text = readFileSync(this.config, 'utf8');
    return [...text.matchAll(/^\s*server (\S+)/gm)].map(([, name]) => name ?? '');
  }

  /** Every version that was reloaded, oldest first. */
  versions(): Version[] {
    const folder = join(this.folder, 'versions');
    return readdirSync(folder)
      .sort()
      .map((name) => ({ at: Number(name.split('.')[0]), path: join(folder, name) }));
  }

  log(host: string): string {
    return readFileSync(join(this.folder, `${host}.log`), 'utf8');
  }

  /** Waits until a host's agent sees so many members alive, itself included. */
  untilAlive(host: string, count: number): Promise<number> {
    return this.until(`${host} sees ${count} members alive`, async () => {
      const members = await this.rpc(host, (client) => client.members());
      return members.filter(({ status }) => status === 'alive').length === count;
    });
  }

  /** Milliseconds until `holds`; throws with `what` when it does not come about. */
  async until(
    what: string,
    holds: () => boolean | Promise<boolean>,
    limitMs = 40_000,
    pauseMs = 50,
  ): Promise<number> {
    const began = performance.now();
    while (
      !(await Promise.resolve()
        .then(holds)
        .catch(() => false))
    ) {
      if (performance.now() - began > limitMs) throw new Error(`not within ${limitMs} ms: ${what}`);
      await sleep(pauseMs);
    }
    return Math.round(performance.now() - began);
  }

  async close(keep = false): Promise<void> {
    const all = [...this.#agents.values(), ...this.#webs.values(), ...this.#others];
    const running = all.filter(({ exitCode, signalCode }) => exitCode === null && signalCode === null);
    const gone = running.map((child) => new Promise((resolve) => child.once('exit', resolve)));
    for (const child of running) child.kill('SIGKILL');
    await Promise.all(gone);
    this.net.close();
    if (!keep) rmSync(this.folder, { recursive: true, force: true });
  }

  #spawn(host: string, words: readonly string[]): ChildProcess {
    const [program = '', ...args] = [...this.net.enter(host), ...words];
    return spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], cwd: this.folder });
  }

  /** Where there is no network to cut, everybody else falls silent. */
  #silence(apart: readonly string[]): void {
    for (const [host, agent] of this.#agents) {
      if (!apart.includes(host)) agent.kill(apart.length === 0 ? 'SIGCONT' : 'SIGSTOP');
    }
  }
}

/** The operator's part of the configuration; the recipe adds its block at the end. */
function baseConfig(folder: string): string {
  return `global
    stats socket ${join(folder, 'stats')} mode 600 level admin expose-fd listeners
    hard-stop-after 5s
defaults
    mode http
    timeout connect 1s
    timeout client 10s
    timeout server 2s
    retries 3
    option redispatch 1
`;
}

/** Keeps the version that is reloaded, under the time; the master takes the signal once it runs. */
function reloadScript(folder: string): string {
  return `set -e
cp "$REEVE_TARGET" "${folder}/versions/$(date +%s%3N).cfg"
[ ! -s "${folder}/master" ] || kill -USR2 "$(cat "${folder}/master")"
`;
}
