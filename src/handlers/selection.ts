import { RE2JS } from 're2js';
import { CodedError, messageOf } from '../base/errors.ts';
import type { ClusterEvent, MemberInfo, MemberStatus } from '../events/event.ts';
import { type EventFilter, matchesAny } from '../events/filter.ts';
import type { ViewFilter } from '../policy/view.ts';

/** Which members, and so which events, concern a handler. */

/** As configured. */
export const SELF_RULES = ['include', 'only', 'exclude'] as const;

const SELF_FILTERS = { include: 'any', only: 'only', exclude: 'except' } as const;

/** The statuses a member of a view can have. */
export const VIEW_STATUSES = [
  'alive',
  'leaving',
  'left',
  'failed',
] as const satisfies readonly MemberStatus[];

/** Compiling takes time and memory in proportion; no sensible expression is near this. */
const MAX_EXPRESSION_LENGTH = 1024;

/** What a selection is made from, as configured. */
export interface SelectionTexts {
  readonly name?: string | undefined;
  readonly tags?: ReadonlyMap<string, string> | undefined;
  readonly self?: (typeof SELF_RULES)[number] | undefined;
  readonly statuses?: readonly string[] | undefined;
}

/** @throws CodedError `ERR_HANDLER_SPEC` naming the field with a bad expression or an unknown status */
export function memberSelection(texts: SelectionTexts): ViewFilter {
  const tags = [...(texts.tags ?? [])].map(
    ([tag, text]) => [tag, expression(`members.tags.${tag}`, text)] as const,
  );
  return {
    ...(texts.name === undefined ? {} : { name: expression('members.name', texts.name) }),
    tags: new Map(tags),
    self: SELF_FILTERS[texts.self ?? 'include'],
    statuses: new Set((texts.statuses ?? ['alive']).map(statusOf)),
  };
}

function statusOf(text: string): MemberStatus {
  const status = VIEW_STATUSES.find((known) => known === text);
  if (status !== undefined) return status;
  throw new CodedError(
    'ERR_HANDLER_SPEC',
    `members.statuses holds '${text}', which is none of ${VIEW_STATUSES.join(', ')}`,
  );
}

/** Whether a whole text matches; the expressions take linear time, whatever peers put into names and tags. */
function expression(field: string, text: string): (value: string) => boolean {
  if (text.length > MAX_EXPRESSION_LENGTH) {
    throw new CodedError('ERR_HANDLER_SPEC', `${field} has more than ${MAX_EXPRESSION_LENGTH} characters`);
  }
  try {
    const compiled = RE2JS.compile(text);
    return (value) => compiled.matches(value);
  } catch (error) {
    throw new CodedError('ERR_HANDLER_SPEC', `${field} is no regular expression: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Whether a member is selected whatever its status. A tag that it lacks reads as empty, as in Serf's filters. */
function selects(filter: ViewFilter, member: MemberInfo, selfName: string): boolean {
  if (filter.self !== 'any' && (member.name === selfName) !== (filter.self === 'only')) return false;
  if (filter.name !== undefined && !filter.name(member.name)) return false;
  for (const [tag, accepts] of filter.tags) if (!accepts(member.tags.get(tag) ?? '')) return false;
  return true;
}

/**
 * What of an event concerns a handler: a member event is narrowed to the selected members, and one without any is
 * undefined. User events and queries are about no member and only pass the event filters. The type of a member event
 * says what became of its members, so their status does not count.
 */
export function selectEvent(
  filters: readonly EventFilter[],
  selection: ViewFilter,
  event: ClusterEvent,
  selfName: string,
): ClusterEvent | undefined {
  if (!matchesAny(filters, event)) return undefined;
  if (event.type === 'user' || event.type === 'query') return event;
  const members = event.members.filter((member) => selects(selection, member, selfName));
  if (members.length === 0) return undefined;
  return members.length === event.members.length ? event : { ...event, members };
}
