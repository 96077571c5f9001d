import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, get, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ipBytes } from '../../src/base/address.ts';
import type { MemberEventType } from '../../src/events/event.ts';
import { HandlerRunner } from '../../src/handlers/runner.ts';
import { parseHandlerSpec } from '../../src/handlers/spec.ts';
import { describeWithHaproxy, HAPROXY_BIN } from '../support/interop.ts';
import { member } from '../unit/events/samples.ts';

const example = fileURLToPath(new URL('../../handlers-examples/scripts/haproxy/', import.meta.url));

let folder = '';
let config = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'haproxy-'));
  config = join(folder, 'haproxy.cfg');
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

function handle(event: string, input: string, env: Record<string, string> = {}) {
  return spawnSync(process.execPath, [join(example, 'haproxy.mjs')], {
    input,
    encoding: 'utf8',
    timeout: 30_000,
    env: {
      PATH: process.env['PATH'],
      SERF_EVENT: event,
      HAPROXY_CFG: config,
      HAPROXY_PROGRAM: HAPROXY_BIN,
      HAPROXY_RELOAD: `echo x >> ${folder}/reloads`,
      ...env,
    },
  });
}

const line = (name: string, address: string, role = 'web', tags = `role=${role}`): string =>
  `${name}\t${address}\t${role}\t${tags}\n`;

const servers = (): string[] =>
  readFileSync(config, 'utf8')
    .split('\n')
    .filter((one) => /^\s*server /.test(one))
    .map((one) => one.trim().split(' ').slice(1, 3).join(' '));

const reloads = (): number =>
  existsSync(join(folder, 'reloads')) ? readFileSync(join(folder, 'reloads'), 'utf8').length / 2 : 0;

describeWithHaproxy('haproxy handler', () => {
  test('lists members of the role in order, drops failed ones at once, follows a new address and a changed tag', () => {
    handle('member-join', line('b', '10.0.0.2') + line('a', '10.0.0.1') + line('db', '10.0.0.9', 'db'));
    expect(servers()).toEqual(['a 10.0.0.1:80', 'b 10.0.0.2:80']);
    handle('member-failed', line('a', '10.0.0.1'));
    expect(servers()).toEqual(['b 10.0.0.2:80']);
    handle('member-join', line('a', 'fd00::1', 'web', 'role=web,port=8080'));
    expect(servers()).toEqual(['a [fd00::1]:8080', 'b 10.0.0.2:80']);
    handle('member-update', line('b', '10.0.0.2', 'old'));
    expect(servers()).toEqual(['a [fd00::1]:8080']);
    handle('member-leave', line('a', 'fd00::1'));
    expect(servers()).toEqual([]);
    expect(reloads()).toBe(5);
    expect(readdirSync(folder).sort()).toEqual(['haproxy.cfg', 'reloads']);
  });

  test('neither writes nor reloads when the bytes are equal', () => {
    handle('member-join', line('a', '10.0.0.1'));
    expect(handle('member-update', line('a', '10.0.0.1') + line('db', '10.0.0.9', 'db')).status).toBe(0);
    expect(reloads()).toBe(1);
  });

  test.each([
    ['a', '10.0.0.1', 'role=web,port=80 backup'],
    ['a', '10.0.0.1', 'role=web,port=0'],
    ['a', '10.0.0.1', 'role=web,port=65536'],
    ['a', '10.0.0.1', 'role=web,port=80\\n    server evil 6.6.6.6:80'],
    ['a', '10.0.0.1', 'role=web,port='],
    ['a', '10.0.0.1', 'note=x,port=81,role=web,port=80'],
    ['a b', '10.0.0.1', 'role=web'],
    ['a"', '10.0.0.1', 'role=web'],
    ['@SERVERS@', '10.0.0.1', 'role=web'],
    ['$&', '10.0.0.1', 'role=web'],
    ['a', '10.0.0', 'role=web'],
  ])('leaves out %j at %j with tags %j, says so, and lists the others', (name, address, tags) => {
    const run = handle('member-join', line(name, address, 'web', tags) + line('ok', '10.0.0.2'));
    expect(run).toMatchObject({ status: 0, stderr: expect.stringContaining('left out') });
    expect(servers()).toEqual(['ok 10.0.0.2:80']);
  });

  test('a comma in another tag does not cost a member its place', () => {
    handle('member-join', line('a', '10.0.0.1', 'web', 'note=x,y=z,w,role=web,port=81'));
    expect(servers()).toEqual(['a 10.0.0.1:81']);
  });

  test('a configuration that haproxy refuses never replaces the old one', () => {
    handle('member-join', line('a', '10.0.0.1'));
    const before = readFileSync(config, 'utf8');
    writeFileSync(join(folder, 'template'), 'backend web\n  bogus directive\n  @SERVERS@ check\n');
    const run = handle('member-join', line('b', '10.0.0.2'), { HAPROXY_TEMPLATE: join(folder, 'template') });
    expect(run).toMatchObject({ status: 1, stderr: expect.stringContaining('haproxy refuses') });
    expect(readFileSync(config, 'utf8')).toBe(before);
    expect(reloads()).toBe(1);
  });

  test('a template without a place for servers is an error', () => {
    writeFileSync(join(folder, 'template'), 'backend web\n');
    const run = handle('member-join', line('a', '10.0.0.1'), { HAPROXY_TEMPLATE: join(folder, 'template') });
    expect(run).toMatchObject({ status: 1, stderr: expect.stringContaining('no line with @SERVERS@') });
  });

  test('a reload that fails puts the old file back and is tried again at the next event', () => {
    handle('member-join', line('a', '10.0.0.1'));
    const run = handle('member-join', line('b', '10.0.0.2'), { HAPROXY_RELOAD: 'echo no >&2; false' });
    expect(run).toMatchObject({
      status: 1,
      stderr: expect.stringContaining('the old configuration is back: no'),
    });
    expect(servers()).toEqual(['a 10.0.0.1:80']);
    expect(handle('member-join', line('b', '10.0.0.2')).status).toBe(0);
    expect(servers()).toEqual(['a 10.0.0.1:80', 'b 10.0.0.2:80']);
    expect(reloads()).toBe(2);
  });

  test('a run killed between the swap and the reload is made up for', () => {
    handle('member-join', line('a', '10.0.0.1'));
    writeFileSync(`${config}.reeve-reload`, '');
    handle('member-update', line('a', '10.0.0.1'));
    expect(reloads()).toBe(2);
    handle('member-update', line('a', '10.0.0.1'));
    expect(reloads()).toBe(2);
  });

  test('with an agent to ask, lists who is alive whatever was missed', () => {
    const members = [
      { name: 'a', addr: '10.0.0.1:7946', status: 'alive', tags: { role: 'web', port: '81' } },
      { name: 'f', addr: '10.0.0.2:7946', status: 'failed', tags: { role: 'web' } },
      { name: 'd', addr: '10.0.0.3:7946', status: 'alive', tags: {} },
    ];
    writeFileSync(join(folder, 'agent'), `#!/bin/sh\necho '${JSON.stringify({ members })}'\n`, {
      mode: 0o755,
    });
    handle('member-join', line('ghost', '10.0.0.4'));
    handle('member-leave', line('x', '10.0.0.5'), { REEVE_AGENT: join(folder, 'agent') });
    expect(servers()).toEqual(['a 10.0.0.1:81']);
  });

  test('real traffic: a server is added, one is killed, requests keep succeeding', {
    timeout: 60_000,
  }, async () => {
    await using cluster = await startCluster();
    const { dispatch, names, until, kill } = cluster;
    dispatch('member-join', 'one');
    await until(() => names().has('one'), 'the first server answers');
    dispatch('member-join', 'two');
    await until(() => names().has('two'), 'the second server answers');
    await kill('two');
    dispatch('member-failed', 'two');
    await until(() => servers().length === 1, 'the list converges');
    await cluster.settled();
    const failures = cluster.failures();
    const answers = cluster.answers();
    await until(() => cluster.answers() >= answers + 100, 'a hundred more answers');
    expect(cluster.failures()).toBe(failures);
    expect(names()).toEqual(new Set(['one']));
  });
});

const ADDRESSES = { one: '127.41.7.2', two: '127.41.7.3' } as const;
const FRONT = { host: '127.41.7.1', port: 18_041 };
const BACKEND_PORT = 18_042;

/** A running haproxy, two servers behind it, the handler under a runner, and a steady stream of requests. */
async function startCluster() {
  const backends = new Map<string, Server>();
  for (const [name, address] of Object.entries(ADDRESSES)) {
    const server = createServer((_request, response) => response.end(name));
    await new Promise<void>((resolve) => server.listen(BACKEND_PORT, address, resolve));
    backends.set(name, server);
  }
  const template = join(folder, 'template');
  writeFileSync(
    template,
    `global
  stats socket ${folder}/stats mode 600 level admin expose-fd listeners
defaults
  mode http
  timeout connect 1s
  timeout client 5s
  timeout server 5s
  option redispatch
frontend front
  bind ${FRONT.host}:${FRONT.port}
  default_backend web
backend web
  balance roundrobin
  @SERVERS@ check inter 500ms
`,
  );
  writeFileSync(config, readFileSync(template, 'utf8').replace(/ *@SERVERS@.*\n/, ''));
  const haproxy = spawn(HAPROXY_BIN ?? 'haproxy', ['-W', '-f', config], { stdio: 'ignore' });
  const exited = new Promise<void>((resolve) => haproxy.once('exit', () => resolve()));
  const runner = startRunner(template, haproxy);
  const load = startLoad();
  return {
    names: load.names,
    failures: load.failures,
    answers: load.answers,
    until: waitUntil,
    settled: () =>
      waitUntil(() => runner.stats.every((one) => !one.running), 'the handler is done').then(load.calm),
    dispatch: (type: MemberEventType, name: keyof typeof ADDRESSES) => {
      const tags = new Map([
        ['role', 'web'],
        ['port', String(BACKEND_PORT)],
      ]);
      runner.dispatch({ type, members: [member(name, { addr: ipBytes(ADDRESSES[name])!, tags })] });
    },
    kill: (name: string) => closeServer(backends.get(name)!),
    async [Symbol.asyncDispose]() {
      await load.stop();
      await runner.stop();
      haproxy.kill('SIGTERM');
      const hard = setTimeout(() => haproxy.kill('SIGKILL'), 5_000);
      await exited;
      clearTimeout(hard);
      for (const server of backends.values()) await closeServer(server);
    },
  };
}

function startRunner(template: string, haproxy: ChildProcess): HandlerRunner {
  const settings = [
    `HAPROXY_CFG=${config}`,
    `HAPROXY_TEMPLATE=${template}`,
    `HAPROXY_PROGRAM=${HAPROXY_BIN}`,
    `HAPROXY_RELOAD='kill -USR2 ${haproxy.pid}'`,
  ];
  const filter = 'member-join,member-leave,member-failed,member-update,member-reap';
  return new HandlerRunner({
    handlers: [
      parseHandlerSpec(`${filter}=${settings.join(' ')} exec '${process.execPath}' '${example}haproxy.mjs'`),
    ],
    context: {
      self: () => ({ name: 'balancer', tags: new Map() }),
      facts: () => ({
        members: [],
        exchanges: 1,
        suspects: new Set<string>(),
        silent: false,
        nobodyToJoin: true,
      }),
      respond: () => {},
      log: (level, text) => {
        if (level === 'ERR' || level === 'WARN') process.stderr.write(`[${level}] ${text}\n`);
      },
      secretNames: [],
    },
  });
}

/** Asks the front for its answer again and again; remembers who answered lately. */
function startLoad() {
  let recent: string[] = [];
  let answers = 0;
  let failures = 0;
  let stopped = false;
  const loop = async (): Promise<void> => {
    while (!stopped) {
      const name = await ask();
      if (name === undefined) failures += 1;
      else {
        answers += 1;
        recent = [...recent, name].slice(-50);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  const done = loop();
  return {
    names: () => new Set(recent),
    answers: () => answers,
    failures: () => failures,
    /** Waits until only the new worker answers. */
    calm: async () => {
      const from = answers;
      await waitUntil(() => answers >= from + 50, 'fifty answers after the change');
    },
    stop: () => {
      stopped = true;
      return done;
    },
  };
}

function ask(): Promise<string | undefined> {
  return new Promise((resolve) => {
    const request = get({ ...FRONT, agent: false, timeout: 5_000 }, (response) => {
      let body = '';
      response.on('data', (chunk) => {
        body += chunk;
      });
      response.on('end', () => resolve(response.statusCode === 200 ? body : undefined));
      response.on('error', () => resolve(undefined));
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(undefined));
  });
}

async function waitUntil(check: () => boolean, what: string): Promise<void> {
  const end = performance.now() + 20_000;
  while (!check()) {
    if (performance.now() > end) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function closeServer(server: Server): Promise<void> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(() => resolve()));
}
