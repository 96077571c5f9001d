import { CodedError } from '../../base/errors.ts';
import {
  type Amount,
  DEFAULT_GUARDS,
  DEFAULT_WAIT,
  type FlapConfig,
  type GuardConfig,
  type WaitConfig,
} from '../../policy/config.ts';
import { type Block, type BlockFields, blockBool, blockNumber, blockText, innerBlock } from './block-spec.ts';

/** The fields by which handlers and renderers alike are told when to act, and when not to. */

/** What a flapping node is unless it is said otherwise; only used where `flap` is configured at all. */
const DEFAULT_FLAP: FlapConfig = { threshold: 3, halfLifeMs: 60_000, holdMs: 300_000 };

const FLAP_FIELDS = {
  threshold: {
    type: 'number',
    min: 1,
    max: 1_000,
    defaultText: '3',
    doc: 'Returns, each weighing less the older it is, at which a node is kept out.',
  },
  half_life: {
    type: 'duration',
    min: 1,
    defaultText: '1m',
    doc: 'Time in which the weight of a return halves.',
  },
  hold: {
    type: 'duration',
    defaultText: '5m',
    doc: 'Longest time a node is kept out after its last change.',
  },
} as const satisfies BlockFields;

/** `guards`: what makes a view too doubtful to be acted on. */
export const GUARD_FIELDS = {
  settle: {
    type: 'duration',
    defaultText: 'for ever',
    doc: 'How long the first push/pull with another member is waited for before the view counts without one.',
  },
  allow_empty: { type: 'bool', defaultText: 'false', doc: 'An empty view may replace one that was not.' },
  min_members: { type: 'int', min: 0, defaultText: '0', doc: 'Fewest members of a view.' },
  max_removed: {
    type: 'amount',
    defaultText: 'no bound',
    doc: 'Most members that may go within `max_removed_window`.',
  },
  max_removed_window: { type: 'duration', defaultText: '5m', doc: 'The window of `max_removed`.' },
  require_quorum: {
    type: 'amount',
    defaultText: 'none',
    doc: 'Percentage of the largest cluster lately seen that must be alive and not suspected.',
  },
  quorum_window: {
    type: 'duration',
    defaultText: '1h',
    doc: 'How long a member seen alive counts as part of that cluster, unless it left in good order.',
  },
  hold_when_isolated: {
    type: 'bool',
    defaultText: 'false',
    doc: 'Do nothing while no other member is alive, heard, or free of suspicion.',
  },
  flap: { type: 'block', fields: FLAP_FIELDS, doc: 'Keeps nodes out that come and go; off unless stated.' },
} as const satisfies BlockFields;

/** `wait`: how many changes become one action. */
export const WAIT_FIELDS = {
  min: { type: 'duration', defaultText: '1s', doc: 'Quiet time after a change before it is acted on.' },
  max: { type: 'duration', defaultText: '10s', doc: 'Longest wait after the first of several changes.' },
} as const satisfies BlockFields;

/**
 * The guards a block states under `guards`, with defaults for the rest.
 *
 * @throws CodedError `ERR_CONFIG_RANGE`
 */
export function guardsOf(block: Block): GuardConfig {
  const guards = innerBlock(block, 'guards');
  const maxRemoved = blockText(guards, 'max_removed');
  const quorum = blockText(guards, 'require_quorum');
  return {
    settleMs: blockNumber(guards, 'settle') ?? DEFAULT_GUARDS.settleMs,
    allowEmpty: blockBool(guards, 'allow_empty') ?? DEFAULT_GUARDS.allowEmpty,
    minMembers: blockNumber(guards, 'min_members') ?? DEFAULT_GUARDS.minMembers,
    maxRemoved: maxRemoved === undefined ? DEFAULT_GUARDS.maxRemoved : amountOf(maxRemoved),
    removedWindowMs: blockNumber(guards, 'max_removed_window') ?? DEFAULT_GUARDS.removedWindowMs,
    requireQuorum: quorum === undefined ? DEFAULT_GUARDS.requireQuorum : shareOf(quorum),
    quorumWindowMs: blockNumber(guards, 'quorum_window') ?? DEFAULT_GUARDS.quorumWindowMs,
    holdWhenIsolated: blockBool(guards, 'hold_when_isolated') ?? DEFAULT_GUARDS.holdWhenIsolated,
    flap: guards.has('flap') ? flapOf(innerBlock(guards, 'flap')) : DEFAULT_GUARDS.flap,
  };
}

/**
 * What a block states under `wait`, with defaults for the rest.
 *
 * @throws CodedError `ERR_CONFIG_RANGE`
 */
export function waitOf(block: Block): WaitConfig {
  const wait = innerBlock(block, 'wait');
  const minMs = blockNumber(wait, 'min') ?? DEFAULT_WAIT.minMs;
  const maxMs = blockNumber(wait, 'max') ?? Math.max(minMs, DEFAULT_WAIT.maxMs);
  if (maxMs >= minMs) return { minMs, maxMs };
  throw new CodedError('ERR_CONFIG_RANGE', "'wait.max' is shorter than 'wait.min'");
}

function flapOf(flap: Block): FlapConfig {
  return {
    threshold: blockNumber(flap, 'threshold') ?? DEFAULT_FLAP.threshold,
    halfLifeMs: blockNumber(flap, 'half_life') ?? DEFAULT_FLAP.halfLifeMs,
    holdMs: blockNumber(flap, 'hold') ?? DEFAULT_FLAP.holdMs,
  };
}

function amountOf(text: string): Amount {
  if (text.endsWith('%')) return { share: percent('max_removed', text) };
  const count = Number(text);
  if (Number.isSafeInteger(count)) return { count };
  throw new CodedError('ERR_CONFIG_RANGE', `'guards.max_removed' is ${text}: write a whole number or '25%'`);
}

function shareOf(text: string): number {
  if (text.endsWith('%')) return percent('require_quorum', text);
  throw new CodedError(
    'ERR_CONFIG_RANGE',
    `'guards.require_quorum' is ${text}: write a percentage such as '50%'`,
  );
}

function percent(field: string, text: string): number {
  const share = Number(text.slice(0, -1)) / 100;
  if (share <= 1) return share;
  throw new CodedError('ERR_CONFIG_RANGE', `'guards.${field}' is ${text}, which is more than all`);
}
