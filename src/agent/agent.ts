import { CodedError, messageOf } from '../base/errors.ts';
import { bannerLines } from './banner.ts';
import type { RunArguments } from './config/flags.ts';
import { loadConfig } from './config/load.ts';
import type { AgentSettings, CheckedConfig } from './config/settings.ts';
import { AgentLog } from './logging.ts';
import { expandJoinSources, lookForMembers } from './looking.ts';
import type { MetricsHub } from './metrics/hub.ts';
import { startMetrics } from './metrics/start.ts';
import { type Announcer, announcer, jsonAnnouncer } from './output.ts';
import { reload } from './reload.ts';
import { RunningAgent } from './running.ts';
import { type SignalSource, supervise } from './signals.ts';
import { Syslog } from './syslog.ts';
import { type AgentWorld, processWorld } from './world.ts';

/** What one run of the agent shares between its steps. */
interface Run {
  readonly args: RunArguments;
  readonly world: AgentWorld;
  readonly ui: Announcer;
  readonly log: AgentLog;
  readonly metrics: MetricsHub | undefined;
  /** Ends background work with the run. */
  readonly until: AbortSignal;
}

/**
 * Runs an agent until it leaves, is signalled or fails, and resolves to the exit code of the process. Everything it
 * prints is Serf's (agent.md 10): announcements and the log on standard output, errors on standard error. When it
 * resolves all output has been written and nothing runs any more.
 */
export async function runAgent(args: RunArguments, world: AgentWorld = processWorld()): Promise<number> {
  let ui = announcer(world.out, world.err);
  const controller = new AbortController();
  /** What sends its last lines at the end. */
  const closing: (() => Promise<void> | undefined)[] = [];
  try {
    const checked = await loadConfig(args, world.env, world.host);
    const { logLevel: level, logFormat: format } = checked.settings;
    if (format === 'json') ui = jsonAnnouncer(world.out, world.err, world.now);
    for (const note of checked.notes) ui.heading(note);
    const log = new AgentLog({ level, format, out: world.out, journal: world.journal, now: world.now });
    const syslog = await startSyslog(checked.settings, log);
    closing.push(() => syslog?.close());
    const metrics = startMetrics({
      settings: checked.settings,
      hostName: world.host.hostName(),
      lookup: world.host.lookup,
      log: (text) => log.write('WARN', 'agent', text),
      until: controller.signal,
    });
    closing.push(() => metrics?.close());
    return await runWith(checked.settings, { args, world, ui, log, metrics, until: controller.signal });
  } catch (error) {
    tell(error, world, ui);
    return 1;
  } finally {
    controller.abort();
    await Promise.all([world.out.flush(), world.err.flush(), ...closing.map((close) => close())]);
  }
}

/** The log goes to syslog too, from its first line on, where that is asked for. */
async function startSyslog(
  { syslogFacility: facility }: AgentSettings,
  log: AgentLog,
): Promise<Syslog | undefined> {
  if (facility === undefined) return undefined;
  const onTrouble = (text: string): void => log.write('WARN', 'agent', text);
  const syslog = await Syslog.start({ facility, onTrouble });
  log.tapInto(syslog);
  return syslog;
}

async function runWith(settings: AgentSettings, run: Run): Promise<number> {
  const { world, log, ui, metrics, until } = run;
  const signals = world.signals(until);
  const agent = await RunningAgent.start(settings, { world, log, ui, metrics });
  const background = new AbortController();
  let code = 1;
  try {
    code = await live(agent, signals, { ...run, until: background.signal });
  } finally {
    background.abort();
    const stopped = agent.stop(code === 0).then(() => code);
    // Handlers may take their time to finish; whoever signals then does not want to wait for them.
    const impatient = signals.arrived().then(async () => {
      await agent.endHandlers();
      return 1;
    });
    code = await (code === 0 ? Promise.race([stopped, impatient]) : stopped);
  }
  return code;
}

/** From the banner to the exit code. */
async function live(agent: RunningAgent, signals: SignalSource, run: Run): Promise<number> {
  const { ui, log } = run;
  announce(agent, ui);
  const code = await Promise.race([joinAtStart(agent, run), interrupted(signals)]);
  if (code !== undefined) return code;
  ui.detail('');
  ui.heading('Log data will now stream in as it occurs:');
  ui.detail('');
  log.open();
  void run.world.manager?.ready((text) => log.write('WARN', 'agent', text), run.until);
  lookForMembers(agent, run);
  return await superviseAgent(agent, signals, run);
}

function announce(agent: RunningAgent, ui: Announcer): void {
  const { nodeName, bind, advertise, profile, config, snapshotPath } = agent.settings;
  ui.heading('Serf agent running!');
  const lines = bannerLines({
    nodeName,
    bind,
    advertise,
    rpcAddress: config.values.rpc_addr,
    encrypted: agent.encrypted,
    snapshot: snapshotPath !== '',
    profile,
    compression: config.values.enable_compression,
    mdnsCluster: config.values.discover,
  });
  for (const line of lines) ui.detail(line);
}

/** Nobody to be reached here is fatal: `start_join` says that without a cluster there is no point. */
async function joinAtStart(agent: RunningAgent, run: Run): Promise<undefined> {
  const { ui } = run;
  const { start_join: addresses, replay_on_join: replay } = agent.settings.config.values;
  if (addresses.length === 0) return;
  ui.heading(`Joining cluster...(replay: ${replay})`);
  const count = await agent.join(await expandJoinSources(addresses, run), replay);
  ui.detail(`Join completed. Synced with ${count} initial agents`);
}

/** The exit code of a start that any signal cut short. Taken only then: a later one belongs to the running agent. */
async function interrupted(signals: SignalSource): Promise<number> {
  await signals.arrived();
  return 1;
}

function superviseAgent(agent: RunningAgent, signals: SignalSource, run: Run): Promise<number> {
  const { world, ui, log, args, metrics, until } = run;
  const load = (): Promise<CheckedConfig> => loadConfig(args, world.env, world.host);
  const started = agent.settings;
  return supervise({
    signals,
    ui,
    ended: agent.ended,
    leaveOnTerminate: () => agent.settings.config.values.leave_on_terminate,
    skipLeaveOnInterrupt: () => agent.settings.config.values.skip_leave_on_interrupt,
    leave: () => agent.leave(),
    reload: () => reload({ agent, started, log, ui, load }),
    dumpMetrics: () => {
      for (const [name, value] of agent.figures()) world.err.line(`${name}: ${value}`);
      if (metrics !== undefined) world.err.line(`metrics-dropped: ${metrics.dropped}`);
    },
    sleep: (ms) => world.sleep(ms, until),
  });
}

/** A bad flag is told in Go's words, everything else as an announcement. */
function tell(error: unknown, world: AgentWorld, ui: Announcer): void {
  if (error instanceof CodedError && error.code === 'ERR_FLAG') world.err.line(error.message);
  else if (error instanceof CodedError) ui.error(error.message.replace(/\n+$/, '\n'));
  else ui.error(`internal error: ${error instanceof Error ? error.stack : messageOf(error)}`);
}
