import { systemRandom } from '../runtime/system.ts';
import { CONFIG_KEYS, specOf } from './config/table.ts';
import type { AgentLog } from './logging.ts';
import { retryJoin } from './retry-join.ts';
import type { RunningAgent } from './running.ts';
import { ANCHOR_INTERVAL_MS, FIRST_PAUSE_MS, seek } from './seek.ts';
import { expandSources, isSource } from './sources/sources.ts';
import type { AgentWorld } from './world.ts';

const chance = systemRandom();

/** How a running agent finds its cluster, and finds it again: `retry_join`, company after loneliness, `anchors`. */

export interface Looking {
  readonly world: AgentWorld;
  readonly log: AgentLog;
  /** Ends the search with the run. */
  readonly until: AbortSignal;
}

/**
 * The addresses that configured join entries stand for now.
 *
 * @throws CodedError `ERR_JOIN_SOURCE` when they stand for none
 */
export async function expandJoinSources(
  entries: readonly string[],
  { world, log, until }: Looking,
): Promise<readonly string[]> {
  const { addresses, problems } = await expandSources(entries, { env: plainEnv(world.env), signal: until });
  for (const problem of problems) log.write('WARN', 'agent', problem);
  return addresses;
}

/** Starts every search the configuration asks for; none of them ends before the run does. */
export function lookForMembers(agent: RunningAgent, looking: Looking): void {
  const { anchors, start_join: atStart, retry_join: later } = agent.settings.config.values;
  void joinThenKeepCompany(agent, [...new Set([...atStart, ...later])], looking);
  if (anchors.length > 0) void seekEntries(agent, anchors, looking, 'anchors');
}

async function joinThenKeepCompany(
  agent: RunningAgent,
  entries: readonly string[],
  looking: Looking,
): Promise<void> {
  if (entries.length === 0) return;
  const { world, log, until } = looking;
  const { values } = agent.settings.config;
  if (values.retry_join.length > 0) {
    const outcome = await retryJoin({
      addresses: values.retry_join,
      intervalMs: values.retry_interval,
      maxAttempts: values.retry_max_attempts,
      backoff: values.retry_join.some(isSource)
        ? { firstMs: FIRST_PAUSE_MS, random: () => chance.float() }
        : undefined,
      replay: values.replay_on_join,
      join: async (listed) => agent.join(await expandJoinSources(listed, looking), values.replay_on_join),
      sleep: (ms) => world.sleep(ms, until),
      log: (level, text) => log.write(level, 'agent', text),
      signal: until,
    });
    if (outcome === 'gave-up') agent.finish(1);
    if (outcome !== 'joined') return;
  }
  await seekEntries(agent, entries, looking, 'members');
}

/** Anchors are wanted always, at a steady pace; other members only while the agent is alone. */
async function seekEntries(
  agent: RunningAgent,
  entries: readonly string[],
  looking: Looking,
  what: 'anchors' | 'members',
): Promise<void> {
  const { world, log, until } = looking;
  const capMs = what === 'anchors' ? ANCHOR_INTERVAL_MS : agent.settings.config.values.retry_interval;
  await seek({
    what,
    wanted: () => agent.isStaying && (what === 'anchors' || agent.isAlone),
    capMs,
    firstMs: what === 'anchors' ? capMs : FIRST_PAUSE_MS,
    reach: async () => agent.reach(await expandJoinSources(entries, looking)),
    sleep: (ms) => world.sleep(ms, until),
    random: () => chance.float(),
    log: (level, text) => log.write(level, 'agent', text),
    signal: until,
  });
}

/** Commands get the agent's environment without its secrets. */
function plainEnv(env: AgentWorld['env']): Record<string, string | undefined> {
  const secret = new Set(CONFIG_KEYS.flatMap((key) => (specOf(key).masked ? (specOf(key).env ?? []) : [])));
  return Object.fromEntries(Object.entries(env).filter(([name]) => !secret.has(name)));
}
