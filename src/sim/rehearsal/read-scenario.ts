import type { Millis } from '../../base/machine.ts';
import { PROFILES, type ProfileName, type SwimProfile } from '../../swim/config.ts';
import type { Weather } from '../weather.ts';
import { choiceOf, countOf, flagOf, listOf, mistake, objectOf, shown, timeOf } from './fields.ts';
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
 * @param from the file it is from, which every mistake names
 * @throws CodedError `ERR_SCENARIO` naming the key that is wrong
 */
export function readScenario(value: unknown, from = 'scenario'): ScenarioFile {
  const it = objectOf(value, from, KEYS);
  const place = (key: string): string => `${from}: ${key}`;
  return {
    ...(it['nodes'] === undefined ? {} : { nodes: nodesOf(it['nodes'], place('nodes')) }),
    ...(it['profile'] === undefined ? {} : { profile: profileOf(it['profile'], place('profile')) }),
    ...(it['seed'] === undefined ? {} : { seed: seedOf(it['seed'], place('seed')) }),
    ...(it['duration'] === undefined ? {} : { durationMs: timeOf(it['duration'], place('duration')) }),
    ...(it['weather'] === undefined ? {} : { weather: readWeather(it['weather'], place('weather')) }),
    ...(it['timings'] === undefined ? {} : { timings: readTimings(it['timings'], place('timings')) }),
    ...(it['encrypt'] === undefined ? {} : { isEncrypted: flagOf(it['encrypt'], place('encrypt')) }),
    ...(it['steps'] === undefined ? {} : { steps: readSteps(it['steps'], place('steps')) }),
  };
}

function readSteps(value: unknown, place: string): readonly PlanStep[] {
  const steps = listOf(value, place, STEPS_MAX).map((step, i) => readStep(step, `${place}[${i}]`));
  const names = steps.flatMap(({ action }) => (action.type === 'partition' ? [action.name] : []));
  for (const [i, { action }] of steps.entries()) {
    if (action.type !== 'heal' || action.name === undefined || names.includes(action.name)) continue;
    const known = [...new Set(names.filter((name) => name !== ''))].join(', ');
    const hint = known === '' ? 'name one, or write true for all' : `there are ${known}`;
    return mistake(`${place}[${i}].heal`, `there is no partition named ${shown(action.name)}; ${hint}`);
  }
  return steps;
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
