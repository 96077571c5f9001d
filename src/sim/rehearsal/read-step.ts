import type { Millis } from '../../base/machine.ts';
import {
  choiceOf,
  countOf,
  flagOf,
  listOf,
  mistake,
  objectOf,
  shareOf,
  shown,
  textOf,
  timeOf,
} from './fields.ts';
import { EVENTS_MAX, NODES_MAX, type PlanAction, type PlanStep, type Who } from './plan.ts';
import { readWeather } from './read-weather.ts';

/** Largest payload of an event: Serf's limit of 512 bytes, less the name. */
const EVENT_BYTES_MAX = 480;
const EVENT_BYTES = 32;
const EVENT_EVERY_MS = 1_000;

type Fields = Readonly<Record<string, unknown>>;

/** What a step may be, by the key that says so, with the keys it may have beside `at`. */
const KINDS = {
  kill: { keys: ['power_loss', 'disk'], read: readKill },
  restart: {
    keys: [],
    read: (it, place) => ({ type: 'restart', who: whoOf(it['restart'], `${place}.restart`) }),
  },
  pause: {
    keys: ['for'],
    read: (it, place) => ({
      type: 'pause',
      who: whoOf(it['pause'], `${place}.pause`),
      ...lasting(it, place),
    }),
  },
  resume: {
    keys: [],
    read: (it, place) => ({ type: 'resume', who: whoOf(it['resume'], `${place}.resume`) }),
  },
  partition: { keys: ['for', 'name', 'direction'], read: readPartition },
  heal: { keys: [], read: readHeal },
  weather: {
    keys: ['for'],
    read: (it, place) => ({
      type: 'weather',
      weather: readWeather(it['weather'], `${place}.weather`),
      ...lasting(it, place),
    }),
  },
  event: { keys: ['size', 'every', 'from'], read: readEvent },
  leave: { keys: [], read: (it, place) => ({ type: 'leave', who: whoOf(it['leave'], `${place}.leave`) }) },
  join: {
    keys: [],
    read: (it, place) => ({ type: 'join', count: countOf(it['join'], `${place}.join`, 1, NODES_MAX) }),
  },
} as const satisfies Record<
  PlanAction['type'],
  { readonly keys: readonly string[]; readonly read: (fields: Fields, place: string) => PlanAction }
>;

type Kind = keyof typeof KINDS;
const WORDS = Object.keys(KINDS) as readonly Kind[];

/** Reads `{"at": "10s", "kill": 3}`. */
export function readStep(value: unknown, place: string): PlanStep {
  const every = [...new Set(['at', ...WORDS, ...WORDS.flatMap((word) => KINDS[word].keys)])];
  const all = objectOf(value, place, every);
  const named = WORDS.filter((word) => all[word] !== undefined);
  const [kind] = named;
  if (kind === undefined || named.length > 1) {
    return mistake(
      place,
      `must have exactly one of ${WORDS.join(', ')}${kind === undefined ? '' : `, not ${named.join(' and ')}`}`,
    );
  }
  const fields = objectOf(value, place, ['at', kind, ...KINDS[kind].keys]);
  if (fields['at'] === undefined) return mistake(place, 'says not when; add "at", such as "at": "10s"');
  return { at: timeOf(fields['at'], `${place}.at`), action: KINDS[kind].read(fields, place) };
}

/** 3, "3", "20%", "n4" or ["n4", "n5"]. */
export function whoOf(value: unknown, place: string): Who {
  if (Array.isArray(value)) {
    const names = listOf(value, place, NODES_MAX).map((name, i) => nameOf(name, `${place}[${i}]`));
    return names.length > 0 ? { type: 'names', names } : mistake(place, 'names nobody');
  }
  if (typeof value === 'string' && /^n\d+$/.test(value))
    return { type: 'names', names: [nameOf(value, place)] };
  if (typeof value === 'string' && value.endsWith('%')) {
    const share = shareOf(value, place);
    return share > 0 ? { type: 'share', share } : mistake(place, 'is about nobody; leave it out');
  }
  if (typeof value === 'number' || (typeof value === 'string' && /^\d+$/.test(value))) {
    return { type: 'count', count: countOf(value, place, 1, NODES_MAX) };
  }
  return mistake(
    place,
    `must be a number of nodes, a share such as "20%" or a list of names, not ${shown(value)}`,
  );
}

function nameOf(value: unknown, place: string): string {
  const name = textOf(value, place);
  if (/^n[1-9]\d{0,5}$/.test(name)) return name;
  return mistake(place, `${shown(name)} is no node; they are called n1, n2 and so on`);
}

/** How long a step lasts, where it says so. */
function lasting(fields: Fields, place: string): { readonly forMs?: Millis } {
  return fields['for'] === undefined ? {} : { forMs: timeOf(fields['for'], `${place}.for`) };
}

function readKill(fields: Fields, place: string): PlanAction {
  return {
    type: 'kill',
    who: whoOf(fields['kill'], `${place}.kill`),
    powerLoss:
      fields['power_loss'] === undefined ? false : flagOf(fields['power_loss'], `${place}.power_loss`),
    disk:
      fields['disk'] === undefined
        ? 'kept'
        : choiceOf(fields['disk'], `${place}.disk`, ['kept', 'lost', 'torn'] as const),
  };
}

function readPartition(fields: Fields, place: string): PlanAction {
  const direction = fields['direction'] ?? 'both';
  return {
    type: 'partition',
    who: whoOf(fields['partition'], `${place}.partition`),
    name: fields['name'] === undefined ? '' : textOf(fields['name'], `${place}.name`),
    kind: choiceOf(direction, `${place}.direction`, ['both', 'in', 'out'] as const),
    ...lasting(fields, place),
  };
}

function readHeal(fields: Fields, place: string): PlanAction {
  const name = fields['heal'];
  return name === true ? { type: 'heal' } : { type: 'heal', name: textOf(name, `${place}.heal`) };
}

function readEvent(fields: Fields, place: string): PlanAction {
  return {
    type: 'event',
    count: countOf(fields['event'], `${place}.event`, 1, EVENTS_MAX),
    bytes:
      fields['size'] === undefined
        ? EVENT_BYTES
        : countOf(fields['size'], `${place}.size`, 0, EVENT_BYTES_MAX),
    everyMs: fields['every'] === undefined ? EVENT_EVERY_MS : timeOf(fields['every'], `${place}.every`),
    ...(fields['from'] === undefined ? {} : { from: nameOf(fields['from'], `${place}.from`) }),
  };
}
