import type { Millis } from '../../base/machine.ts';
import { type Random, seededRandom, shuffle } from '../../base/random.ts';
import type { Weather } from '../weather.ts';
import type { Action, Finale, Scenario, Step } from './scenario.ts';

/** How long chaos lasts at least and at most: several probe cycles, a few suspicions, one or two push/pulls. */
const CHAOS_MIN_MS = 40_000;
const CHAOS_MORE_MS = 60_000;
/** Steps per scenario at least and at most. */
const STEPS_MIN = 3;
const STEPS_MORE = 9;
/** A node under a new address comes back no sooner: its name must have been dead for a while before it may move. */
const MOVE_AFTER_MS = 60_000;
const MOVE_MORE_MS = 10_000;
/** Chaos goes on for so long after the last move. */
const AFTER_MOVE_MS = 5_000;

/** Room for a few datagrams only, so that small clusters run out of it too. */
const TIGHT = { inboxBytes: 8_192, clogDatagrams: 10 };

/** Cluster sizes and their weights: most protocol faults need few nodes, and few nodes are cheap. */
const SIZES: readonly (readonly [weight: number, least: number, more: number])[] = [
  [10, 2, 1],
  [60, 3, 4],
  [22, 6, 5],
  [7, 11, 10],
  [1, 21, 20],
];

/** What a step may be, by weight. */
const KINDS = [
  ['weather', 5],
  ['partition', 5],
  ['clog', 2],
  ['pause', 4],
  ['clock-rate', 2],
  ['clock-stall', 1],
  ['clock-step', 2],
  ['crash', 6],
  ['leave', 3],
  ['arrive', 2],
  ['user-event', 4],
  ['query', 3],
  ['tags', 3],
  ['install-key', 1],
] as const;

type Kind = (typeof KINDS)[number][0];

/** What a draw may use. */
interface Draft {
  readonly random: Random;
  readonly names: string[];
  readonly at: Millis;
  /** Left of the chaos. */
  readonly leftMs: Millis;
  readonly encrypted: boolean;
}

/** The scenario of a seed; the same for ever as long as this file stays as it is. */
export function scenarioOf(seed: number): Scenario {
  const random = seededRandom(seed, 'scenario');
  const [, least, more] = pickWeighted(SIZES, random);
  const size = least + random.below(more + 1);
  const encrypted = random.float() < 0.4;
  const chaosMs = CHAOS_MIN_MS + Math.floor(CHAOS_MORE_MS * random.float());
  const names = Array.from({ length: size }, (_, i) => `n${i + 1}`);
  const instants = Array.from({ length: STEPS_MIN + random.below(STEPS_MORE + 1) }, () =>
    Math.floor(0.9 * chaosMs * random.float()),
  ).sort((a, b) => a - b);
  const steps: Step[] = [];
  for (const at of instants) {
    const draft = { random, names, at, leftMs: chaosMs - at, encrypted };
    for (const action of actionsOf(pickWeighted(KINDS, random)[0], draft)) steps.push({ at, action });
  }
  return {
    seed,
    size,
    profile: random.float() < 0.7 ? 'lan' : 'local',
    encrypted,
    protocols: random.float() < 0.6 ? [5] : [5, 2 + random.below(4), 2 + random.below(4)],
    ...(random.float() < 0.7 ? {} : { limits: TIGHT }),
    maxQueueDepth: random.float() < 0.8 ? 4096 : 8,
    chaosMs: Math.max(chaosMs, ...steps.map(movedAt)),
    steps,
    finale: (
      ['leave', 'move', 'slander', 'restart', 'rotate', 'events'] as const satisfies readonly Finale[]
    ).filter((part) => random.float() < 0.3 && (part !== 'rotate' || encrypted)),
  };
}

/** When a step that moves a name has had its effect; 0 for other steps. */
function movedAt({ at, action }: Step): Millis {
  return action.type === 'crash' && action.newAddress ? at + (action.restartAfterMs ?? 0) + AFTER_MOVE_MS : 0;
}

function actionsOf(kind: Kind, draft: Draft): Action[] {
  const { random, names } = draft;
  const node = names[random.below(names.length)] as string;
  const forMs = Math.floor(draft.leftMs * (0.1 + 0.9 * random.float()));
  switch (kind) {
    case 'weather':
      return [{ type: 'weather', weather: weatherOf(draft), forMs }];
    case 'partition':
      return [{ type: 'partition', kind: partitionKind(random), nodes: sideOf(draft), forMs }];
    case 'clog': {
      const others = names.filter((name) => name !== node);
      const to = others[random.below(others.length)] ?? node;
      return [{ type: 'clog', from: node, to, forMs: Math.min(forMs, 20_000) }];
    }
    case 'pause':
      return [{ type: 'pause', node, forMs: random.float() < 0.5 ? Math.min(forMs, 4_000) : forMs }];
    case 'clock-rate':
      return [{ type: 'clock-rate', node, rate: 0.7 + 0.8 * random.float(), forMs }];
    case 'clock-stall':
      return [{ type: 'clock-rate', node, rate: 0, forMs: Math.min(forMs, 15_000) }];
    case 'clock-step':
      return [{ type: 'clock-step', node, ms: Math.floor(30_000 * random.float() * random.float()) }];
    case 'crash':
      return crashOf(draft, node);
    case 'leave': {
      if (random.float() < 0.4) return [{ type: 'leave', node }];
      const newAddress = random.float() < 0.3;
      return [{ type: 'leave', node, returnAfterMs: Math.floor(forMs / 2), newAddress }];
    }
    case 'arrive': {
      const name = `n${names.length + 1}`;
      names.push(name);
      return [{ type: 'arrive', node: name }];
    }
    default:
      return [operatorAction(kind, draft, node)];
  }
}

function operatorAction(
  kind: Extract<Kind, 'user-event' | 'query' | 'tags' | 'install-key'>,
  { random, names, encrypted }: Draft,
  node: string,
): Action {
  switch (kind) {
    case 'user-event':
      return {
        type: kind,
        node,
        count: random.float() < 0.8 ? 1 : 1 + random.below(30),
        bytes: random.below(200),
      };
    case 'query': {
      const only = random.float() < 0.5 ? [] : names.filter(() => random.float() < 0.5);
      return { type: kind, node, only, relayFactor: random.below(3) };
    }
    case 'tags':
      return { type: kind, node, tags: { role: `r${random.below(4)}`, note: 'x'.repeat(random.below(100)) } };
    case 'install-key':
      return encrypted ? { type: kind, node } : { type: 'user-event', node, count: 1, bytes: 0 };
  }
}

function weatherOf({ random, encrypted }: Draft): Partial<Weather> {
  const weather: Partial<Weather> = {};
  const maybe = (probability: number): boolean => random.float() < probability;
  if (maybe(0.6)) weather.loss = 0.5 * random.float() * random.float();
  if (maybe(0.5)) weather.tailMs = 300 * random.float() * random.float();
  if (maybe(0.3)) weather.jitterMs = 200 * random.float();
  if (maybe(0.3)) weather.latencyMs = 1 + 100 * random.float();
  if (maybe(0.4)) weather.duplicate = 0.3 * random.float();
  // Plain gossip has no checksum of its own in most packets: damaged ones may mean anything, and the real network's
  // own checksum keeps them away. Ciphers detect all damage.
  if (encrypted && maybe(0.4)) weather.corrupt = 0.3 * random.float();
  if (maybe(0.15)) weather.mtuBytes = 120 + random.below(800);
  if (maybe(0.3)) weather.streamRefuse = 0.5 * random.float();
  if (maybe(0.3)) weather.streamCut = 0.6 * random.float();
  if (maybe(0.3)) weather.streamHalfOpen = 0.5 * random.float();
  if (maybe(0.3)) weather.streamLatencyMs = 2_000 * random.float() * random.float();
  return weather;
}

function partitionKind(random: Random): 'separate' | 'deafen' | 'mute' {
  const draw = random.float();
  return draw < 0.6 ? 'separate' : draw < 0.8 ? 'deafen' : 'mute';
}

/** One node alone, a half, or any side. */
function sideOf({ random, names }: Draft): string[] {
  const shuffled = [...names];
  shuffle(shuffled, random);
  const draw = random.float();
  const count =
    draw < 0.4
      ? 1
      : draw < 0.7
        ? Math.ceil(names.length / 2)
        : 1 + random.below(Math.max(1, names.length - 1));
  return shuffled.slice(0, count);
}

function crashOf(draft: Draft, node: string): Action[] {
  const { random, names, leftMs } = draft;
  const disk = random.float() < 0.5 ? 'kept' : random.float() < 0.5 ? 'torn' : 'lost';
  const powerLoss = random.float() < 0.4;
  const crash = { type: 'crash', node, disk, powerLoss, newAddress: false } as const;
  if (random.float() < 0.2) return moveOf(draft, crash);
  if (random.float() < 0.75) {
    return [{ ...crash, restartAfterMs: Math.floor(leftMs * random.float() * 0.9) }];
  }
  if (random.float() < 0.5) return [crash];
  const by = names.find((name) => name !== node);
  return by === undefined ? [crash] : [crash, { type: 'force-leave', by, node }];
}

/** A node comes back under a new address; somebody may sleep through it all and tell of the old one afterwards. */
function moveOf({ random, names }: Draft, crash: Extract<Action, { type: 'crash' }>): Action[] {
  const restartAfterMs = MOVE_AFTER_MS + Math.floor(MOVE_MORE_MS * random.float());
  const moving: Action = { ...crash, restartAfterMs, newAddress: true };
  const others = names.filter((name) => name !== crash.node);
  const sleeper = others[random.below(others.length)];
  if (sleeper === undefined || random.float() < 0.5) return [moving];
  return [moving, { type: 'pause', node: sleeper, forMs: restartAfterMs + AFTER_MOVE_MS / 2 }];
}

function pickWeighted<T extends readonly unknown[]>(choices: readonly T[], random: Random): T {
  const weightOf = (choice: T): number => choice.find((part) => typeof part === 'number') as number;
  const total = choices.reduce((sum, choice) => sum + weightOf(choice), 0);
  let draw = random.float() * total;
  for (const choice of choices) {
    draw -= weightOf(choice);
    if (draw < 0) return choice;
  }
  return choices[choices.length - 1] as T;
}
