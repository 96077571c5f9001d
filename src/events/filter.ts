import { type ClusterEvent, MEMBER_EVENT_TYPES, type MemberEventType } from './event.ts';

/** One entry of an event filter (agent.md 14.1). An empty `name` means any name. */
export type EventFilter =
  | { readonly type: '*' }
  | { readonly type: MemberEventType }
  | { readonly type: 'user'; readonly name: string }
  | { readonly type: 'query'; readonly name: string };

/** The first entry that is no filter, exactly as written. */
export interface InvalidEventFilter {
  readonly invalid: string;
}

/**
 * Reads a comma-separated list such as `member-join,user:deploy`; an empty text is `*`. Nothing is trimmed and case
 * matters, as in Serf. RPC streams use the same grammar.
 */
export function parseEventFilter(text: string): readonly EventFilter[] | InvalidEventFilter {
  const filters: EventFilter[] = [];
  for (const entry of (text === '' ? '*' : text).split(',')) {
    const filter = parseEntry(entry);
    if (filter === undefined) return { invalid: entry };
    filters.push(filter);
  }
  return filters;
}

/** True when the entry lets the event through. */
export function matches(filter: EventFilter, event: ClusterEvent): boolean {
  if (filter.type === '*') return true;
  if (filter.type !== event.type) return false;
  if (filter.type !== 'user' && filter.type !== 'query') return true;
  return filter.name === '' || ('name' in event && event.name === filter.name);
}

/** True when any entry lets the event through. */
export function matchesAny(filters: readonly EventFilter[], event: ClusterEvent): boolean {
  return filters.some((filter) => matches(filter, event));
}

function parseEntry(entry: string): EventFilter | undefined {
  if (entry === '*') return { type: '*' };
  const colon = entry.indexOf(':');
  const type = colon < 0 ? entry : entry.slice(0, colon);
  if (type === 'user' || type === 'query') {
    return { type, name: colon < 0 ? '' : entry.slice(colon + 1) };
  }
  const member = MEMBER_EVENT_TYPES.find((known) => known === entry);
  return member === undefined ? undefined : { type: member };
}
