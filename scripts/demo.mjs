/**
 * `npm run demo`: a cluster in less than a minute. Three agents on loopback addresses (and a real `serf` when one is
 * installed) find each other; a hosts file and a load balancer's configuration follow, by two recipes; one event reaches everybody,
 * one node is killed, one leaves and comes back elsewhere. Ends with a summary; the exit code says whether all of it happened.
 */
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { agent, Cast, installed, output } from './demo/cast.mjs';
import { Show } from './demo/show.mjs';
import { AGENT, buildIfStale, installIfNeeded, main } from './lib/project.mjs';

const ADDRESS = { alpha: '127.30.0.1', beta: '127.30.0.2', gamma: '127.30.0.3', delta: '127.30.0.4' };
const EVERYBODY = Object.keys(ADDRESS);
const NEW_ADDRESS = '127.30.0.5';
const SEED = ADDRESS.alpha;
/** Within this time every two nodes have exchanged all they know: the profile's push/pull interval twice, and some air. */
const HEALED_S = 40;

/** What an administrator would have written; the backend is the recipe's. */
const HAPROXY = `defaults
    mode http
    timeout connect 2s
    timeout client 10s
    timeout server 10s

frontend main
    bind 127.30.0.1:8080
    default_backend web

`;

const rpc = (address) => `${address}:7373`;

function textOf(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Everything the acts share. */
async function prepare() {
  await installIfNeeded();
  await buildIfStale();
  const folder = mkdtempSync(join(tmpdir(), 'reeve-demo-'));
  const files = {
    hosts: join(folder, 'hosts'),
    haproxy: join(folder, 'haproxy.cfg'),
    reloads: join(folder, 'reloads'),
    reload: join(folder, 'reload.sh'),
    conf: join(folder, 'conf'),
    deploys: (name) => join(folder, `${name}.deploys`),
  };
  writeFileSync(files.hosts, '127.0.0.1\tlocalhost\n');
  writeFileSync(files.haproxy, HAPROXY);
  writeFileSync(files.reload, `#!/bin/sh\necho reload >> '${files.reloads}'\n`);
  chmodSync(files.reload, 0o755);
  process.env.PATH = `${process.env.PATH}:/usr/sbin`;
  const [serf, haproxy] = await Promise.all([installed('serf', 'version'), installed('haproxy', '-v')]);
  return { folder, files, serf, haproxy, show: new Show(), cast: new Cast(folder) };
}

/** The arguments that every node of the demo is started with, whichever program runs it. */
function nodeArgs({ files }, name, address, role) {
  return [
    `-node=${name}`,
    `-bind=${address}`,
    `-rpc-addr=${rpc(address)}`,
    '-profile=local',
    `-tag=role=${role}`,
    `-event-handler=user:deploy=cat >> ${files.deploys(name)}`,
    ...(address === SEED ? [] : [`-retry-join=${SEED}`, '-retry-interval=1s']),
  ];
}

function startOurs(stage, name, address, role, more = []) {
  stage.show.command(
    `agent run -node=${name} -bind=${address} -tag role=${role}${address === SEED ? '' : ` -join=${SEED}`}`,
  );
  const args = nodeArgs(stage, name, address, role);
  stage.cast.start(name, process.execPath, [AGENT, 'run', ...args, ...more]);
}

/** What the first node keeps; installed before it starts, as on a new host. */
async function addRecipe({ show, files }, name, ...options) {
  show.command(`agent recipe add ${name}`);
  const added = await output(process.execPath, [
    AGENT,
    'recipe',
    'add',
    name,
    `-config-dir=${files.conf}`,
    ...options,
  ]);
  const keeps = added.split('\n').find((line) => line.startsWith('It keeps'));
  show.output(keeps ?? added);
}

function startSerf(stage, name, address, role) {
  stage.show.command(`serf agent -node=${name} -bind=${address} -tag role=${role} -join=${SEED}`);
  stage.cast.start(name, 'serf', ['agent', ...nodeArgs(stage, name, address, role)]);
}

/** True when `agent members` of a node, unless stated the first, lists exactly these, as NAME → status. */
async function membersAre(expected, address = SEED) {
  const listed = await agent(rpc(address), 'members', '-format=json');
  try {
    const members = JSON.parse(listed).members ?? [];
    const found = Object.fromEntries(members.map(({ name, status }) => [name, status]));
    const names = Object.keys(expected);
    return names.length === members.length && names.every((name) => found[name] === expected[name]);
  } catch {
    return false;
  }
}

/** The last column of a hosts file's lines, or the second word of a load balancer's `server` lines. */
const namesIn = {
  hosts: (text) =>
    text
      .split('\n')
      .filter((line) => line.includes('\t'))
      .map((line) => line.split('\t')[1]),
  haproxy: (text) => [...text.matchAll(/^\s*server (\S+)/gm)].map(([, name]) => name),
};

function lists(stage, file, ...names) {
  return () => {
    const found = new Set(namesIn[file](textOf(stage.files[file])));
    found.delete('localhost');
    return found.size === names.length && names.every((name) => found.has(name));
  };
}

async function showMembers({ show }) {
  show.command(`agent members -rpc-addr=${rpc(SEED)}`);
  show.output(await agent(rpc(SEED), 'members'));
}

async function forming(stage) {
  const { show, files, serf, haproxy } = stage;
  show.section(serf ? 'A cluster forms: three agents, and one real serf' : 'A cluster forms: four agents');
  show.follow(files.hosts, 'hosts');
  show.follow(files.haproxy, 'haproxy.cfg');
  await addRecipe(stage, 'hosts', `-target=${files.hosts}`);
  // Of three servers two are about to go, which is more than the recipe believes unless it is told so.
  const check = haproxy ? [] : ['-set', 'check=true'];
  const own = ['-set', 'max_removed=2', '-set', `reload=${files.reload}`, ...check];
  await addRecipe(stage, 'haproxy', `-target=${files.haproxy}`, ...own);
  startOurs(stage, 'alpha', ADDRESS.alpha, 'lb', [`-config-dir=${files.conf}`]);
  startOurs(stage, 'beta', ADDRESS.beta, 'web');
  startOurs(stage, 'gamma', ADDRESS.gamma, 'web');
  if (serf) startSerf(stage, 'delta', ADDRESS.delta, 'web');
  else startOurs(stage, 'delta', ADDRESS.delta, 'web');
  const alive = Object.fromEntries(EVERYBODY.map((name) => [name, 'alive']));
  // What gossip happens to miss among so few, the next push/pull brings.
  await show.expect(`${EVERYBODY.length} members, all alive, as each sees it`, HEALED_S, async () => {
    const views = await Promise.all(Object.values(ADDRESS).map((address) => membersAre(alive, address)));
    return views.every(Boolean);
  });
  await show.expect('the hosts file lists every member', 15, lists(stage, 'hosts', ...EVERYBODY));
  await show.expect(
    'haproxy.cfg lists every web server',
    20,
    lists(stage, 'haproxy', 'beta', 'gamma', 'delta'),
  );
  await showMembers(stage);
}

async function telling(stage) {
  const { show, files } = stage;
  show.section('One event reaches every node, once');
  show.command(`agent event -rpc-addr=${rpc(ADDRESS.beta)} -coalesce=false deploy v42`);
  show.output(await agent(rpc(ADDRESS.beta), 'event', '-coalesce=false', 'deploy', 'v42'));
  await Promise.all(
    EVERYBODY.map((name) =>
      show.expect(
        `the deploy handler of ${name} runs, with v42`,
        HEALED_S,
        () => textOf(files.deploys(name)) === 'v42\n',
      ),
    ),
  );
}

async function killing(stage) {
  const { show, cast } = stage;
  show.section('One node is killed');
  show.command('kill -9 gamma');
  await cast.end('gamma', 'SIGKILL');
  const failed = {
    alpha: 'alive',
    beta: 'alive',
    gamma: 'failed',
    delta: 'alive',
  };
  await show.expect('gamma is seen as failed', 20, () => membersAre(failed));
  await show.expect('haproxy.cfg drops gamma', 20, lists(stage, 'haproxy', 'beta', 'delta'));
  await show.expect(
    'the hosts file keeps gamma: it may come back',
    3,
    lists(stage, 'hosts', 'alpha', 'beta', 'gamma', 'delta'),
  );
}

async function leaving(stage) {
  const { show, cast } = stage;
  show.section('One node leaves');
  show.command(`agent leave -rpc-addr=${rpc(ADDRESS.beta)}`);
  show.output(await agent(rpc(ADDRESS.beta), 'leave'));
  const left = {
    alpha: 'alive',
    beta: 'left',
    gamma: 'failed',
    delta: 'alive',
  };
  await show.expect('beta is seen as left', 8, () => membersAre(left));
  await show.expect('its process has ended', 5, () => !cast.isRunning('beta'));
  await show.expect('the hosts file drops beta', 15, lists(stage, 'hosts', 'alpha', 'gamma', 'delta'));
  await show.expect('haproxy.cfg drops beta', 20, lists(stage, 'haproxy', 'delta'));
  await showMembers(stage);
}

async function returning(stage) {
  const { show, files } = stage;
  show.section('It comes back at another address');
  startOurs(stage, 'beta', NEW_ADDRESS, 'web');
  await show.expect('haproxy.cfg lists beta at its new address', 20, () =>
    textOf(files.haproxy).includes(`server beta ${NEW_ADDRESS}:`),
  );
  await show.expect(
    'the hosts file has one line for it',
    8,
    () =>
      textOf(files.hosts)
        .split('\n')
        .filter((line) => line.endsWith('\tbeta'))
        .join() === `${NEW_ADDRESS}\tbeta`,
  );
  if (!stage.serf) return;
  show.command(`serf members -rpc-addr=${rpc(ADDRESS.delta)}`);
  show.output(await output('serf', ['members', `-rpc-addr=${rpc(ADDRESS.delta)}`]));
  await show.expect('the real serf sees the same', HEALED_S, async () => {
    const listed = await output('serf', ['members', `-rpc-addr=${rpc(ADDRESS.delta)}`]);
    const seen = (name, address, status) =>
      new RegExp(`^${name}\\s+${address}:7946\\s+${status}\\b`, 'm').test(listed);
    return (
      seen('alpha', ADDRESS.alpha, 'alive') &&
      seen('beta', NEW_ADDRESS, 'alive') &&
      seen('gamma', ADDRESS.gamma, 'failed')
    );
  });
}

/** The last page: what was expected, what happened, how long it took. Returns the exit code. */
function summarise({ show, cast, files, serf, haproxy }) {
  const failed = show.results.filter(({ met }) => !met);
  show.section('Summary');
  const width = Math.max(...show.results.map(({ title }) => title.length));
  for (const { title, met, seconds } of show.results) {
    show.line(`   ${met ? 'ok  ' : 'FAIL'} ${title.padEnd(width)}  ${seconds.toFixed(1).padStart(5)} s`);
  }
  const reloads = textOf(files.reloads).split('\n').length - 1;
  show.line();
  show.line(
    `   The load balancer's configuration was ${haproxy ? 'checked by haproxy and ' : ''}reloaded ${reloads} times.`,
  );
  if (!serf)
    show.line('   No real serf took part: none is installed here (on Debian: apt-get install serf).');
  show.line(
    `   ${show.results.length - failed.length} of ${show.results.length} expectations met in ${show.seconds().toFixed(0)} s.`,
  );
  if (failed.length === 0) return 0;
  for (const name of EVERYBODY) {
    show.section(`The last lines of ${name}`);
    show.output(cast.lastWords(name));
  }
  return 1;
}

await main(async () => {
  const stage = await prepare();
  const interrupted = new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => resolve(130));
  });
  const play = async () => {
    await forming(stage);
    await telling(stage);
    await killing(stage);
    await leaving(stage);
    await returning(stage);
    await stage.show.expect('by now no deploy handler has run twice', 0, () =>
      EVERYBODY.every((name) => textOf(stage.files.deploys(name)) === 'v42\n'),
    );
    return summarise(stage);
  };
  try {
    return await Promise.race([play(), interrupted]);
  } finally {
    stage.show.close();
    await stage.cast.endAll();
    rmSync(stage.folder, { recursive: true, force: true });
    // An interrupted play still waits for its next expectation; nothing is left for it to see.
    process.nextTick(() => setImmediate(() => process.exit()));
  }
});
