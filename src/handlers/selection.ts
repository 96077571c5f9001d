import { RE2JS } from 're2js';
import { CodedError, messageOf } from '../base/errors.ts';
import type { ClusterEvent, MemberInfo, MemberStatus } from '../events/event.ts';
import { type EventFilter, matchesAny } from '../events/filter.ts';

/** Which members, and so which events, concern a handler. */

export const SELF_RULES = ['include', 'only', 'exclude'] as const;
export type SelfRule = (typeof SELF_RULES)[number];

/** The statuses a member of a view can have. */
export const VIEW_STATUSES = [
  'alive',
  'leaving',
  'left',
  'failed',
] as const satisfies readonly MemberStatus[];

/** Compiling takes time and memory in proportion; no sensible expression is near this. */
const MAX_EXPRESSION_LENGTH = 1024;

export interface MemberSelection {
  /** The whole name must match; undefined for any. */
  readonly name: RE2JS | undefined;
  readonly tags: ReadonlyMap<string, RE2JS>;
  readonly self: SelfRule;
  /** Only for views: events say by their type what became of a member. */
  readonly statuses: readonly MemberStatus[];
}

/** What a selection is made from, as configured. */
export interface SelectionTexts {
  readonly name?: string | undefined;
  readonly tags?: ReadonlyMap<string, string> | undefined;
  readonly self?: SelfRule | undefined;
  readonly statuses?: readonly string[] | undefined;
}

/** @throws CodedError `ERR_HANDLER_SPEC` naming the field with a bad expression or an unknown status */
export function memberSelection(texts: SelectionTexts): MemberSelection {
  const statuses = texts.statuses ?? ['alive'];
  return {
    name: texts.name === undefined ? undefined : expression('members.name', texts.name),
    tags: new Map(
      [...(texts.tags ?? [])].map(([tag, text]) => [tag, expression(`members.tags.${tag}`, text)] as const),
    ),
    self: texts.self ?? 'include',
    statuses: statuses.map((text) => {
      const status = VIEW_STATUSES.find((known) => known === text);
      if (status !== undefined) return status;
      throw new CodedError(
        'ERR_HANDLER_SPEC',
        `members.statuses holds '${text}', which is none of ${VIEW_STATUSES.join(', ')}`,
      );
    }),
  };
}

function expression(field: string, text: string): RE2JS {
  if (text.length > MAX_EXPRESSION_LENGTH) {
    throw new CodedError('ERR_HANDLER_SPEC', `${field} has more than ${MAX_EXPRESSION_LENGTH} characters`);
  }
  try {
    return RE2JS.compile(text);
  } catch (error) {
    throw new CodedError('ERR_HANDLER_SPEC', `${field} is no regular expression: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** Whether a member is selected, whatever its status. A tag that it lacks reads as empty, as in Serf's filters. */
export function selectsMember(selection: MemberSelection, member: MemberInfo, selfName: string): boolean {
  const isSelf = member.name === selfName;
  if (selection.self === 'only' && !isSelf) return false;
  if (selection.self === 'exclude' && isSelf) return false;
  if (selection.name !== undefined && !selection.name.matches(member.name)) return false;
  for (const [tag, wanted] of selection.tags) {
    if (!wanted.matches(member.tags.get(tag) ?? '')) return false;
  }
  return true;
}

/** The selected members of a whole table, by name. */
export function selectView(
  selection: MemberSelection,
  members: readonly MemberInfo[],
  selfName: string,
): readonly MemberInfo[] {
  return members
    .filter(
      (member) => selection.statuses.includes(member.status) && selectsMember(selection, member, selfName),
    )
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

/**
 * What of an event concerns a handler: a member event is narrowed to the selected members, and one without any is
 * undefined. User events and queries are about no member and only pass the filters.
 */
export function selectEvent(
  filters: readonly EventFilter[],
  selection: MemberSelection,
  event: ClusterEvent,
  selfName: string,
): ClusterEvent | undefined {
  if (!matchesAny(filters, event)) return undefined;
  if (event.type === 'user' || event.type === 'query') return event;
  const members = event.members.filter((member) => selectsMember(selection, member, selfName));
  if (members.length === 0) return undefined;
  return members.length === event.members.length ? event : { ...event, members };
}
