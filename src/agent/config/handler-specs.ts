import { bytesOfText } from '../../base/bytes.ts';
import { CodedError, messageOf } from '../../base/errors.ts';
import { type EventFilter, parseEventFilter } from '../../events/filter.ts';
import { memberSelection, SELF_RULES } from '../../handlers/selection.ts';
import {
  HANDLER_KINDS,
  type HandlerUser,
  OVERFLOW_RULES,
  type SupervisedSpec,
} from '../../handlers/supervised.ts';
import { DEFAULT_RESYNC_MS } from '../../policy/config.ts';
import type { ViewFilter } from '../../policy/view.ts';
import {
  type Block,
  blockBool,
  blockMap,
  blockNumber,
  blockText,
  blockTexts,
  innerBlock,
} from './block-spec.ts';
import type { ConfigHost } from './host.ts';
import { guardsOf, waitOf } from './policy-fields.ts';

/** From the blocks of `handlers` to what runs them: texts compiled, defaults filled in, users looked up. */

const DEFAULTS = {
  stopGraceMs: 5_000,
  queueLimit: 1_024,
  backoffMs: 1_000,
  maxBackoffMs: 60_000,
  jitter: 0.2,
  inFlight: 256,
} as const;

export interface SpecSources {
  readonly host: Pick<ConfigHost, 'user'>;
  /** `handler_timeout`. */
  readonly timeoutMs: number;
  /** Variables with keys of the agent, which nobody may ask for. */
  readonly secretNames: readonly string[];
}

/** @throws CodedError `ERR_HANDLER_SPEC` naming the handler */
export function supervisedSpecs(
  blocks: ReadonlyMap<string, Block>,
  sources: SpecSources,
): readonly SupervisedSpec[] {
  return [...blocks].map(([name, block]) => {
    try {
      return supervisedSpec(name, block, sources);
    } catch (error) {
      throw new CodedError('ERR_HANDLER_SPEC', `Invalid handler '${name}': ${messageOf(error)}`, {
        cause: error,
      });
    }
  });
}

function supervisedSpec(name: string, block: Block, sources: SpecSources): SupervisedSpec {
  const kind = choice(HANDLER_KINDS, blockText(block, 'kind')) ?? 'classic';
  const run = blockText(block, 'run');
  const command = run === undefined ? (blockTexts(block, 'command') ?? []) : ['/bin/sh', '-c', run];
  const retry = innerBlock(block, 'retry');
  const queue = innerBlock(block, 'queue');
  const user = userOf(block, sources.host);
  const environment = environmentOf(block, sources.secretNames);
  const timeoutMs = blockNumber(block, 'timeout') ?? sources.timeoutMs;
  return {
    name,
    kind,
    command,
    shown: run ?? command.map(quoted).join(' '),
    filters: filtersOf(block),
    members: selectionOf(block),
    timeoutMs,
    stopGraceMs: blockNumber(block, 'stop_grace') ?? DEFAULTS.stopGraceMs,
    queue: {
      limit: blockNumber(queue, 'limit') ?? DEFAULTS.queueLimit,
      overflow: choice(OVERFLOW_RULES, blockText(queue, 'overflow')) ?? 'drop-oldest',
    },
    retry: {
      attempts: blockNumber(retry, 'attempts') ?? (kind === 'classic' ? 1 : 0),
      backoffMs: blockNumber(retry, 'backoff') ?? DEFAULTS.backoffMs,
      maxBackoffMs: blockNumber(retry, 'max_backoff') ?? DEFAULTS.maxBackoffMs,
      jitter: blockNumber(retry, 'jitter') ?? DEFAULTS.jitter,
    },
    concurrency: blockNumber(block, 'concurrency') ?? 1,
    user,
    directory: blockText(block, 'directory'),
    environment,
    rerunInterrupted: blockBool(block, 'rerun_interrupted') ?? false,
    policy: policyOf(block),
    acknowledge: blockBool(block, 'acknowledge') ?? false,
    inFlight: blockNumber(block, 'in_flight') ?? DEFAULTS.inFlight,
    fingerprint: JSON.stringify([plain(block), user ?? null, timeoutMs]),
  };
}

/** @throws CodedError `ERR_CONFIG_RANGE` */
export function policyOf(block: Block): SupervisedSpec['policy'] {
  return {
    guards: guardsOf(block),
    wait: waitOf(block),
    splayMs: blockNumber(block, 'splay') ?? 0,
    resyncMs: blockNumber(block, 'resync') ?? DEFAULT_RESYNC_MS,
  };
}

/** @throws CodedError `ERR_HANDLER_SPEC` for an entry that is no filter */
export function filtersOf(block: Block): readonly EventFilter[] {
  return (blockTexts(block, 'events') ?? ['*']).flatMap((entry) => {
    const filters = parseEventFilter(entry);
    if (!('invalid' in filters)) return filters;
    throw new CodedError('ERR_HANDLER_SPEC', `events holds '${filters.invalid}', which is no event`);
  });
}

/** @throws CodedError `ERR_HANDLER_SPEC` for a bad expression or status */
export function selectionOf(block: Block): ViewFilter {
  const members = innerBlock(block, 'members');
  return memberSelection({
    name: blockText(members, 'name'),
    tags: blockMap(members, 'tags'),
    self: choice(SELF_RULES, blockText(members, 'self')),
    statuses: blockTexts(members, 'statuses'),
  });
}

function userOf(block: Block, host: Pick<ConfigHost, 'user'>): HandlerUser | undefined {
  const name = blockText(block, 'user');
  if (name === undefined) return undefined;
  const user = host.user(name);
  if (user !== undefined) return user;
  throw new CodedError('ERR_HANDLER_SPEC', `user '${name}' does not exist on this system`);
}

function environmentOf(block: Block, secretNames: readonly string[]): SupervisedSpec['environment'] {
  const environment = innerBlock(block, 'environment');
  const inherit = blockTexts(environment, 'inherit');
  const secret = inherit?.find((name) => secretNames.includes(name));
  if (secret !== undefined) {
    throw new CodedError(
      'ERR_HANDLER_SPEC',
      `environment.inherit names ${secret}, which holds a key of the agent and is never handed down`,
    );
  }
  const set = blockMap(environment, 'set') ?? new Map<string, string>();
  const bad = [...set.keys()].find((name) => name === '' || name.includes('=') || name.includes('\0'));
  if (bad !== undefined) {
    throw new CodedError('ERR_HANDLER_SPEC', `environment.set: '${bad}' cannot be the name of a variable`);
  }
  return { inherit, set };
}

function choice<T extends string>(known: readonly T[], text: string | undefined): T | undefined {
  return known.find((one) => one === text);
}

/** A word of a command as a shell would need it. */
function quoted(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** A block as plain arrays, in the order of its names, so that only a change of meaning changes its text. */
function plain(value: unknown): unknown {
  if (!(value instanceof Map)) return value;
  return [...value]
    .map(([key, inner]) => [String(key), plain(inner)] as const)
    .sort(([a], [b]) => Buffer.compare(bytesOfText(a), bytesOfText(b)));
}
