import { unreachable } from '../../base/assert.ts';
import { formatDuration } from '../../base/duration.ts';
import type { Weather } from '../weather.ts';
import type { PlanAction } from './plan.ts';

/** Names are listed up to so many. */
const NAMES_SHOWN = 4;

/** What a step does, in a few words; `members` are the nodes it was about. */
export function actionText(action: PlanAction, members: readonly string[]): string {
  const forText =
    'forMs' in action && action.forMs !== undefined ? ` for ${formatDuration(action.forMs)}` : '';
  switch (action.type) {
    case 'kill':
      return `${action.powerLoss ? 'power loss of' : 'kill'} ${membersText(members)}`;
    case 'restart':
    case 'resume':
    case 'pause':
      return `${action.type} ${membersText(members)}${forText}`;
    case 'partition': {
      const way = { both: '', in: ', deaf', out: ', mute' }[action.kind];
      return `partition ${membersText(members)}${way}${forText}`;
    }
    case 'heal':
      return action.name === undefined ? 'heal all partitions' : `heal partition ${action.name}`;
    case 'leave':
    case 'join':
      return `${membersText(members)} ${members.length === 1 ? `${action.type}s` : action.type}`;
    case 'weather':
      return `weather: ${weatherText(action.weather)}${forText}`;
    case 'event':
      return action.count === 1
        ? 'a user event'
        : `${action.count} user events, ${formatDuration(action.everyMs)} apart`;
    default:
      return unreachable(action);
  }
}

function membersText(members: readonly string[]): string {
  if (members.length === 0) return 'nobody';
  if (members.length <= NAMES_SHOWN) return members.join(', ');
  return `${members.length} nodes`;
}

/** The weather that differs from a good network, in a few words. */
export function weatherText(weather: Partial<Weather>): string {
  const parts = Object.entries(WEATHER_WORDS).flatMap(([key, [word, kind]]) => {
    const value = weather[key as keyof Weather];
    if (value === undefined || !Number.isFinite(value)) return [];
    return [
      `${word} ${kind === 'share' ? percent(value) : kind === 'time' ? formatDuration(value) : `${value} B`}`,
    ];
  });
  return parts.length === 0 ? 'calm' : parts.join(', ');
}

/** Every part of the weather: its word for people and what kind of number it is. */
const WEATHER_WORDS = {
  latencyMs: ['latency', 'time'],
  jitterMs: ['jitter', 'time'],
  tailMs: ['tail', 'time'],
  loss: ['loss', 'share'],
  duplicate: ['duplicates', 'share'],
  corrupt: ['corruption', 'share'],
  mtuBytes: ['MTU', 'bytes'],
  streamRefuse: ['streams refused', 'share'],
  streamCut: ['streams cut', 'share'],
  streamHalfOpen: ['streams half open', 'share'],
  streamLatencyMs: ['stream latency', 'time'],
} as const satisfies Record<keyof Weather, readonly [word: string, kind: 'time' | 'share' | 'bytes']>;

/** A share of 1 as people write it: 5 %, 0.1 %. */
export function percent(share: number): string {
  return `${Number((share * 100).toFixed(3))} %`;
}
