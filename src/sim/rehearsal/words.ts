import type { Millis } from '../../base/machine.ts';
import type { SwimProfile } from '../../swim/config.ts';
import { suspicionBounds } from '../../swim/scaling.ts';
import { countOf, mistake, shown, timeOf } from './fields.ts';
import { NODES_MAX, type PlanAction, type PlanStep, stepEnd } from './plan.ts';
import { whoOf } from './read-step.ts';

/** Faults as command-line words: `WHO[:FOR][@AT]`, such as `3`, `20%:60s` or `5:10s@2m`. */

export type WordKind = 'kill' | 'leave' | 'join' | 'pause' | 'partition';

/** A word in the order of the command line. */
export interface Word {
  readonly kind: WordKind;
  readonly text: string;
}

/** The first fault without `@` begins so long after the start; user events go before it. */
const FIRST_AT_MS = 10_000;
const ROUND_MS = 10_000;

/**
 * The steps of these words. A fault without `@` waits until what the one before it did is over and the usual time for
 * the cluster to agree about that has passed.
 *
 * @throws CodedError `ERR_SCENARIO`
 */
export function stepsOfWords(words: readonly Word[], timings: SwimProfile, nodes: number): PlanStep[] {
  const pauseMs = restOf(timings, nodes);
  const steps: PlanStep[] = [];
  let next: Millis = FIRST_AT_MS;
  for (const [i, word] of words.entries()) {
    const { at, action } = readWord(word, i);
    const step = { at: at ?? next, action };
    steps.push(step);
    if (at === undefined) next = stepEnd(step) + pauseMs;
  }
  return steps;
}

/** About how long a cluster takes to agree about a death: a few probes and the shortest suspicion, and half as much again. */
export function restOf(timings: SwimProfile, nodes: number): Millis {
  const usual = 1.5 * (suspicionBounds(timings, nodes).minMs + 5 * timings.probeIntervalMs);
  return Math.ceil(usual / ROUND_MS) * ROUND_MS;
}

const WORD = /^([^:@]+)(?::([^:@]+))?(?:@([^:@]+))?$/;

function readWord(
  { kind, text }: Word,
  index: number,
): { readonly at: Millis | undefined; readonly action: PlanAction } {
  const place = `-${kind} ${text}`;
  const [, who = '', lasts, when] = WORD.exec(text) ?? mistake(place, `is not ${FORMS[kind]}`);
  const at = when === undefined ? undefined : timeOf(when, place);
  if (lasts !== undefined && kind !== 'pause' && kind !== 'partition') {
    return mistake(place, `cannot last; write ${FORMS[kind]}`);
  }
  const forMs = lasts === undefined ? undefined : timeOf(lasts, place);
  if (forMs === undefined && (kind === 'pause' || kind === 'partition')) {
    return mistake(place, `says not for how long; write ${FORMS[kind]}`);
  }
  return { at, action: actionOf(kind, who, forMs ?? 0, place, index) };
}

const FORMS = {
  kill: 'WHO or WHO@AT, such as 3 or 5%@30s',
  leave: 'WHO or WHO@AT, such as 3 or 5%@30s',
  join: 'COUNT or COUNT@AT, such as 3 or 3@30s',
  pause: 'WHO:FOR or WHO:FOR@AT, such as 5:10s or 5:10s@2m',
  partition: 'WHO:FOR or WHO:FOR@AT, such as 20%:60s or 20%:60s@2m',
} as const satisfies Record<WordKind, string>;

function actionOf(kind: WordKind, who: string, forMs: Millis, place: string, index: number): PlanAction {
  switch (kind) {
    case 'kill':
      return { type: 'kill', who: whoOf(who, place), powerLoss: false, disk: 'kept' };
    case 'leave':
      return { type: 'leave', who: whoOf(who, place) };
    case 'join':
      return { type: 'join', count: countOf(who, place, 1, NODES_MAX) };
    case 'pause':
      return { type: 'pause', who: whoOf(who, place), forMs };
    case 'partition':
      return { type: 'partition', who: whoOf(who, place), name: `word ${index}`, kind: 'both', forMs };
    default:
      return mistake(place, `${shown(kind)} is no fault`);
  }
}
