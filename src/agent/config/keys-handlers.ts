import { messageOf } from '../../base/errors.ts';
import { SELF_RULES } from '../../handlers/selection.ts';
import { HANDLER_KINDS, OVERFLOW_RULES } from '../../handlers/supervised.ts';
import { type Block, type BlockFields, blockText, blockTexts, innerBlock } from './block-spec.ts';
import { filtersOf, policyOf, selectionOf } from './handler-specs.ts';
import { GUARD_FIELDS, WAIT_FIELDS } from './policy-fields.ts';
import type { KeySpec } from './spec.ts';

/** The fields of one entry of `handlers`; docs/handlers.md explains them with examples. */

const NO_HANDLERS: ReadonlyMap<string, Block> = new Map();

/** Which members a handler is about. */
export const MEMBER_FIELDS = {
  name: { type: 'string', doc: 'Regular expression that the whole name of a member must match.' },
  tags: { type: 'map', doc: 'For each tag a regular expression that its whole value must match.' },
  self: {
    type: 'string',
    choices: SELF_RULES,
    defaultText: 'include',
    doc: 'Whether this node counts like any other, alone, or not at all.',
  },
  statuses: {
    type: 'strings',
    defaultText: '`alive`',
    doc: 'For `state`: which members are in the view, by status (alive, leaving, left, failed).',
  },
} as const satisfies BlockFields;

const FIELDS = {
  run: { type: 'string', doc: 'A command for `/bin/sh -c`. Either this or `command`.' },
  command: { type: 'strings', doc: 'A program and its arguments, started without a shell.' },
  kind: {
    type: 'string',
    choices: HANDLER_KINDS,
    defaultText: 'classic',
    doc: 'One run for each event, one process fed all events, or runs on the whole view.',
  },
  events: {
    type: 'strings',
    defaultText: '`*`',
    doc: 'Which events, as in `event_handlers`: `member-join`, `user:deploy`, `query:load`. Not for `state`.',
  },
  members: { type: 'block', fields: MEMBER_FIELDS, doc: 'Which members; events about no member pass.' },
  timeout: {
    type: 'duration',
    defaultText: '`handler_timeout`',
    doc: 'Longest run; for `persistent` the longest wait for an acknowledgement or for input to be taken. 0 for no limit.',
  },
  stop_grace: { type: 'duration', defaultText: '5s', doc: 'Between TERM and KILL.' },
  queue: {
    type: 'block',
    doc: 'Events that wait for the handler.',
    fields: {
      limit: { type: 'int', min: 1, max: 100_000, defaultText: '1024', doc: 'How many may wait.' },
      overflow: {
        type: 'string',
        choices: OVERFLOW_RULES,
        defaultText: 'drop-oldest',
        doc: 'Which one is lost when one more comes; counted and logged.',
      },
    },
  },
  retry: {
    type: 'block',
    doc: 'What follows a failed run; for `persistent` the pauses before the process is started again.',
    fields: {
      attempts: {
        type: 'int',
        min: 0,
        max: 1_000,
        defaultText: '1; `persistent` 0',
        doc: 'Runs for one event in all, 0 for no end; for `persistent` times that one event is sent. Not for `state`.',
      },
      backoff: {
        type: 'duration',
        min: 10,
        defaultText: '1s',
        doc: 'The first pause; each further one is twice as long.',
      },
      max_backoff: { type: 'duration', min: 10, defaultText: '1m', doc: 'The longest pause.' },
      jitter: {
        type: 'number',
        min: 0,
        max: 1,
        defaultText: '0.2',
        doc: 'Share by which a pause varies at random.',
      },
    },
  },
  concurrency: {
    type: 'int',
    min: 1,
    max: 64,
    defaultText: '1',
    doc: 'Runs at a time; more than one gives up the order. For `classic` only.',
  },
  user: { type: 'string', doc: 'User to run as, with all groups of that user; needs `setpriv`.' },
  directory: { type: 'string', defaultText: "the agent's", doc: 'Working directory.' },
  environment: {
    type: 'block',
    doc: "Variables besides Serf's own. Secrets of the agent are never handed down.",
    fields: {
      inherit: {
        type: 'strings',
        defaultText: 'all',
        doc: "Names of the agent's variables that the handler gets, and no other ones.",
      },
      set: { type: 'map', doc: 'Variables with values of their own.' },
    },
  },
  rerun_interrupted: {
    type: 'bool',
    defaultText: 'false',
    doc: 'Run once again, at the next start, what an agent that died did not finish. For `classic`; needs a state directory.',
  },
  resync: {
    type: 'duration',
    defaultText: '10m',
    doc: 'For `state`: how often the view is looked at without an event; 0 for never.',
  },
  guards: {
    type: 'block',
    fields: GUARD_FIELDS,
    doc: 'For `state`: which views are too doubtful to be acted on.',
  },
  wait: { type: 'block', fields: WAIT_FIELDS, doc: 'For `state`: how many changes become one run.' },
  splay: {
    type: 'duration',
    defaultText: '0s',
    doc: 'For `state`: runs of a fleet after a change are spread over this time, each node at a time of its own.',
  },
  acknowledge: {
    type: 'bool',
    defaultText: 'false',
    doc: 'For `persistent`: the process answers each event with `{"ack": ID}`; what it did not is sent again.',
  },
  in_flight: {
    type: 'int',
    min: 1,
    max: 10_000,
    defaultText: '256',
    doc: 'For `persistent` with `acknowledge`: how many events may be unanswered.',
  },
} as const satisfies BlockFields;

/** Fields that mean something to some kinds only: stating one elsewhere would be without effect, so it is refused. */
const FIELDS_OF: Readonly<Record<string, readonly string[]>> = {
  concurrency: ['classic'],
  rerun_interrupted: ['classic'],
  acknowledge: ['persistent'],
  in_flight: ['persistent'],
  events: ['classic', 'persistent'],
  queue: ['classic', 'persistent'],
  resync: ['state'],
  guards: ['state'],
  wait: ['state'],
  splay: ['state'],
};

function checkHandler(block: Block): string | undefined {
  const run = blockText(block, 'run');
  const command = blockTexts(block, 'command');
  if ((run === undefined) === (command === undefined)) return "give either 'run' or 'command'";
  if ((run ?? command?.[0] ?? '').trim() === '') return "'run' or 'command' is empty";
  const kind = blockText(block, 'kind') ?? 'classic';
  for (const field of block.keys()) {
    const kinds = FIELDS_OF[field];
    if (kinds !== undefined && !kinds.includes(kind)) {
      return `'${field}' is for kind ${kinds.join(' or ')}, and this one is ${kind}`;
    }
  }
  const members = innerBlock(block, 'members');
  if (kind === 'state' && innerBlock(block, 'retry').has('attempts')) {
    return "'retry.attempts' is not for kind state, which is tried until it succeeds";
  }
  if (kind !== 'state' && members.has('statuses')) return "'members.statuses' is for kind state";
  try {
    filtersOf(block);
    selectionOf(block);
    policyOf(block);
  } catch (error) {
    return messageOf(error);
  }
  return undefined;
}

/** The key of supervised handlers. */
export const HANDLER_KEYS = {
  handlers: {
    type: 'blocks',
    default: NO_HANDLERS,
    merge: 'merge',
    reloadable: true,
    own: true,
    doc: 'Supervised handlers, by name; see [handlers.md](handlers.md).',
    blocks: { noun: 'handler', fields: FIELDS, check: checkHandler },
  },
} as const satisfies Readonly<Record<string, KeySpec>>;
