import { formatDuration } from '../../base/duration.ts';
import type { Millis } from '../../base/machine.ts';
import { seededRandom } from '../../base/random.ts';
import { PROFILES, type ProfileName } from '../../swim/config.ts';
import type { NodeSettings } from '../settings.ts';
import type { Weather } from '../weather.ts';
import { countOf, mistake, shareOf, timeOf } from './fields.ts';
import { EVENTS_MAX, type Plan, type PlanStep } from './plan.ts';
import { checkSteps, nodesOf, profileOf, type ScenarioFile, seedOf } from './read-scenario.ts';
import { stepsOfWords, type Word } from './words.ts';

const NODES = 100;
const SEED = 1;
const EVENTS = 10;
/** User events begin after this and are over before the first fault. */
const EVENTS_AT_MS = 500;
const EVENTS_SPAN_MS = 8_000;
const EVENT_BYTES = 32;
const KEY_BYTES = 16;

/** What the command line states, as it was typed; undefined where it says nothing. */
export interface PlanWords {
  readonly nodes: string | undefined;
  readonly profile: string | undefined;
  readonly seed: string | undefined;
  readonly events: string | undefined;
  readonly duration: string | undefined;
  readonly weather: Readonly<
    Record<'loss' | 'duplicate' | 'corrupt' | 'latency' | 'jitter', string | undefined>
  >;
  readonly isEncrypted: boolean;
  readonly faults: readonly Word[];
}

/** What the operator's own configuration says. */
export interface OwnSettings {
  readonly profile: ProfileName;
  readonly settings: NodeSettings;
}

/**
 * The plan of a rehearsal: the command line before the scenario file before the configuration before the defaults. Steps of
 * file and command line add up.
 *
 * @throws CodedError `ERR_SCENARIO`
 */
export function makePlan(words: PlanWords, file: ScenarioFile, own: OwnSettings | undefined): Plan {
  const nodes = words.nodes === undefined ? (file.nodes ?? NODES) : nodesOf(words.nodes, '-nodes');
  const seed = words.seed === undefined ? (file.seed ?? SEED) : seedOf(words.seed, '-seed');
  const profile =
    words.profile === undefined
      ? (file.profile ?? own?.profile ?? 'lan')
      : profileOf(words.profile, '-profile');
  const timings = { ...PROFILES[profile], ...file.timings };
  const durationMs = words.duration === undefined ? file.durationMs : timeOf(words.duration, '-duration');
  const faults = stepsOfWords(words.faults, timings, nodes);
  const stated = [...(file.steps ?? []), ...faults];
  const steps = inOrder([...eventSteps(words.events, file.steps ?? []), ...stated]);
  checkSteps(nodes, steps);
  checkEnd(stated, durationMs);
  const isEncrypted = words.isEncrypted || file.isEncrypted === true;
  return {
    seed,
    nodes,
    settings: {
      ...own?.settings,
      profile,
      swim: { ...own?.settings.swim, ...file.timings },
      // Only a restart reads one, and thousands of them are much memory.
      snapshot: steps.some(({ action }) => action.type === 'restart'),
      ...(isEncrypted && (own?.settings.keys ?? []).length === 0
        ? { keys: [seededRandom(seed, 'key').bytes(KEY_BYTES)] }
        : {}),
    },
    weather: { ...file.weather, ...weatherOf(words.weather) },
    steps,
    ...(durationMs === undefined ? {} : { durationMs }),
  };
}

function weatherOf(words: PlanWords['weather']): Partial<Weather> {
  const { loss, duplicate, corrupt, latency, jitter } = words;
  return {
    ...(loss === undefined ? {} : { loss: shareOf(loss, '-loss') }),
    ...(duplicate === undefined ? {} : { duplicate: shareOf(duplicate, '-duplicate') }),
    ...(corrupt === undefined ? {} : { corrupt: shareOf(corrupt, '-corrupt') }),
    ...(latency === undefined ? {} : { latencyMs: timeOf(latency, '-latency') }),
    ...(jitter === undefined ? {} : { jitterMs: timeOf(jitter, '-jitter') }),
  };
}

/** Events in the quiet before the first fault, unless the file has its own. */
function eventSteps(word: string | undefined, steps: readonly PlanStep[]): PlanStep[] {
  const hasOwn = steps.some(({ action }) => action.type === 'event');
  const count = word === undefined ? (hasOwn ? 0 : EVENTS) : countOf(word, '-events', 0, EVENTS_MAX);
  if (count === 0) return [];
  const everyMs = EVENTS_SPAN_MS / count;
  return [{ at: EVENTS_AT_MS, action: { type: 'event', count, bytes: EVENT_BYTES, everyMs } }];
}

/** That no step waits for a time that never comes. */
function checkEnd(steps: readonly PlanStep[], durationMs: Millis | undefined): void {
  const late = steps.find(({ at }) => durationMs !== undefined && at >= durationMs);
  if (late === undefined) return;
  const [at, end] = [late.at, durationMs ?? 0].map(formatDuration);
  mistake('', `${late.action.type} at ${at}: the rehearsal ends after ${end}; give it a longer duration`);
}

/** By time; of one time, as they were stated. */
function inOrder(steps: readonly PlanStep[]): PlanStep[] {
  return steps
    .map((step, place) => ({ step, place }))
    .sort((a, b) => a.step.at - b.step.at || a.place - b.place)
    .map(({ step }) => step);
}
