/**
 * `npm start`: one agent for a first look, with everything it needs done first.
 *
 * Arguments go to the agent and win over what is chosen here: a loopback address with the quick `local` profile, an
 * RPC address of its own, a hosts file kept under .run/NODE/, and every event shown on this terminal.
 */
import { spawn } from 'node:child_process';
import { appendFileSync, existsSync, mkdirSync, readFileSync, statSync, watch, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join, relative } from 'node:path';
import { flagValue, nodeName, rpcAddress } from './lib/flags.mjs';
import { AGENT, buildIfStale, installIfNeeded, main, ROOT, run } from './lib/project.mjs';

/** A terminal's Ctrl-C arrives from the terminal and again from npm; an agent takes a second one as "now". */
const SAME_SIGNAL_MS = 700;
const ORPHAN_CHECK_MS = 1_000;
const EVENT_LOG_BYTES = 1024 * 1024;

function sizeOf(path) {
  try {
    return statSync(path).size;
  } catch {
    return 0;
  }
}

/** A hosts file that lists the members, by the recipe; what somebody made of it meanwhile stays. */
async function keepHosts(folder, hosts) {
  const conf = join(folder, 'conf');
  const settings = join(conf, 'hosts.json');
  if (existsSync(settings) && readFileSync(settings, 'utf8').includes(JSON.stringify(hosts))) return conf;
  const code = await run(
    process.execPath,
    [AGENT, 'recipe', 'add', 'hosts', `-config-dir=${conf}`, `-target=${hosts}`, '-force', '-format=json'],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  if (code !== 0) throw new Error('The hosts file of this node could not be set up.');
  return conf;
}

/** The run folder's files and the settings below the user's own, which a later file or a flag overrides. */
async function prepare(args) {
  const bind = flagValue(args, 'bind') ?? '127.0.0.1';
  const node = flagValue(args, 'node') ?? nodeName(bind);
  const folder = join(ROOT, '.run', node.replace(/[^A-Za-z0-9._-]/g, '_'));
  mkdirSync(folder, { recursive: true });
  const paths = {
    settings: join(folder, 'agent.json'),
    hosts: join(folder, 'hosts'),
    events: join(folder, 'events.log'),
  };
  const settings = {
    node_name: node,
    bind,
    rpc_addr: rpcAddress(bind),
    profile: 'local',
    event_handlers: [join(ROOT, 'scripts/show-event.sh')],
  };
  writeFileSync(paths.settings, `${JSON.stringify(settings, null, 2)}\n`);
  // Made anew: what an earlier run knew is not what this one knows.
  writeFileSync(paths.hosts, '127.0.0.1\tlocalhost\n');
  if (sizeOf(paths.events) > EVENT_LOG_BYTES) writeFileSync(paths.events, '');
  else appendFileSync(paths.events, '');
  return { ...paths, conf: await keepHosts(folder, paths.hosts) };
}

/** Prints what is added to a file from now on. */
function follow(path) {
  let shown = sizeOf(path);
  return watch(path, () => {
    const bytes = readFileSync(path);
    if (bytes.length > shown) process.stdout.write(bytes.subarray(shown));
    shown = bytes.length;
  });
}

/** Hands this process's signals to the agent, each once. */
function forwardSignals(agent) {
  const last = new Map();
  const parent = process.ppid;
  const forward = (signal) => {
    const now = performance.now();
    if (now - (last.get(signal) ?? Number.NEGATIVE_INFINITY) > SAME_SIGNAL_MS) agent.kill(signal);
    last.set(signal, now);
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGUSR1']) process.on(signal, forward);
  process.on('SIGHUP', () => {
    forward('SIGHUP');
    // A closing terminal sends HUP too, and takes the parent with it; an agent nobody watches leaves.
    setTimeout(() => process.ppid !== parent && forward('SIGINT'), ORPHAN_CHECK_MS).unref();
  });
}

await main(async () => {
  const args = process.argv.slice(2);
  await installIfNeeded();
  await buildIfStale();
  const paths = await prepare(args);
  process.stdout.write(`Hosts file of this node: ${relative(process.cwd(), paths.hosts)}\n`);
  // In a process group of its own: a terminal's signals then reach the agent through this process only.
  const agent = spawn(
    process.execPath,
    [AGENT, 'run', `-config-file=${paths.settings}`, `-config-dir=${paths.conf}`, ...args],
    {
      cwd: ROOT,
      detached: true,
      env: { ...process.env, EVENTS_FILE: paths.events },
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  );
  const events = follow(paths.events);
  forwardSignals(agent);
  const code = await new Promise((resolve, reject) => {
    agent.once('error', reject);
    agent.once('exit', (status, signal) => resolve(status ?? 128 + constants.signals[signal]));
  });
  events.close();
  return code;
});
