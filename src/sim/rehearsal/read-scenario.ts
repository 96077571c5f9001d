import type { Millis } from '../../base/machine.ts';
import { PROFILES, type ProfileName, type SwimProfile } from '../../swim/config.ts';
import type { Weather } from '../weather.ts';
import { choiceOf, countOf, flagOf, listOf, mistake, objectOf, timeOf } from './fields.ts';
import { NODES_MAX, type PlanStep, STEPS_MAX } from './plan.ts';
import { readStep } from './read-step.ts';
import { readTimings } from './read-timings.ts';
import { readWeather } from './read-weather.ts';

/** What a scenario file states; the rest comes from flags and defaults. */
export interface ScenarioFile {
  readonly nodes?: number;
  readonly profile?: ProfileName;
  readonly seed?: number;
  readonly durationMs?: Millis;
  readonly weather?: Partial<Weather>;
  readonly timings?: Partial<SwimProfile>;
  /** Gossip is encrypted, with a key of the seed. */
  readonly isEncrypted?: boolean;
  readonly steps?: readonly PlanStep[];
}

export const PROFILE_NAMES = Object.keys(PROFILES) as readonly ProfileName[];
const KEYS = ['nodes', 'profile', 'seed', 'duration', 'weather', 'timings', 'encrypt', 'steps'] as const;
const SEED_MAX = 2 ** 32 - 1;

/**
 * Reads a scenario from a parsed JSON value.
 *
 * @throws CodedError `ERR_SCENARIO` naming the key that is wrong
 */
export function readScenario(value: unknown): ScenarioFile {
  const it = objectOf(value, 'scenario', KEYS);
  return {
    ...(it['nodes'] === undefined ? {} : { nodes: nodesOf(it['nodes'], 'nodes') }),
    ...(it['profile'] === undefined ? {} : { profile: profileOf(it['profile'], 'profile') }),
    ...(it['seed'] === undefined ? {} : { seed: seedOf(it['seed'], 'seed') }),
    ...(it['duration'] === undefined ? {} : { durationMs: timeOf(it['duration'], 'duration') }),
    ...(it['weather'] === undefined ? {} : { weather: readWeather(it['weather'], 'weather') }),
    ...(it['timings'] === undefined ? {} : { timings: readTimings(it['timings'], 'timings') }),
    ...(it['encrypt'] === undefined ? {} : { isEncrypted: flagOf(it['encrypt'], 'encrypt') }),
    ...(it['steps'] === undefined
      ? {}
      : { steps: listOf(it['steps'], 'steps', STEPS_MAX).map((step, i) => readStep(step, `steps[${i}]`)) }),
  };
}

export function nodesOf(value: unknown, place: string): number {
  return countOf(value, place, 2, NODES_MAX);
}

export function seedOf(value: unknown, place: string): number {
  return countOf(value, place, 0, SEED_MAX);
}

export function profileOf(value: unknown, place: string): ProfileName {
  return choiceOf(value, place, PROFILE_NAMES);
}

/**
 * That a plan names only nodes there will be, and not too many.
 *
 * @throws CodedError `ERR_SCENARIO`
 */
export function checkSteps(nodes: number, steps: readonly PlanStep[]): void {
  const capacity = steps.reduce(
    (sum, { action }) => sum + (action.type === 'join' ? action.count : 0),
    nodes,
  );
  if (capacity > NODES_MAX)
    mistake('', `${capacity} nodes with those that join; at most ${NODES_MAX} are allowed`);
  for (const { action } of steps) {
    const named = 'who' in action && action.who.type === 'names' ? action.who.names : [];
    const from = 'from' in action && action.from !== undefined ? [action.from] : [];
    for (const name of [...named, ...from]) {
      if (Number(name.slice(1)) > capacity) {
        mistake('', `there is no node ${name}: the last one is n${capacity}`);
      }
    }
    if ('who' in action && action.who.type === 'count' && action.who.count > capacity) {
      mistake('', `${action.type} ${action.who.count}: there are only ${capacity} nodes`);
    }
  }
}
