import type { SerfMember, SerfMemberView } from './members.ts';
import { compilePattern } from './query-filter.ts';
import type { QueryParams } from './query-params.ts';

/** What became of those a query was put to: names, sorted. */
export interface QueryTally {
  readonly answered: readonly string[];
  /** Heard the question and gave no answer. */
  readonly acknowledged: readonly string[];
  /** Gave no sign, or none that arrived: alive members the filters let through, and nodes asked by name. */
  readonly silent: readonly string[];
}

/** Whom a query is put to, as far as its asker can tell. */
export interface Audience {
  /** Alive members that every filter lets through. */
  readonly alive: ReadonlySet<string>;
  /** Nodes asked by name that are not alive or not known. */
  readonly absent: readonly string[];
}

/**
 * Alive members that the filters of a query let through, judged by the tags we know. Undefined when an expression is
 * not one we can evaluate: others may think differently, so nobody can be ruled out.
 */
export function audienceOf(
  params: Pick<QueryParams, 'filterNodes' | 'filterTags'>,
  members: SerfMemberView,
): Audience | undefined {
  const patterns = [...params.filterTags].map(([tag, expr]) => ({ tag, pattern: compilePattern(expr) }));
  const tests: ((member: SerfMember) => boolean)[] = [];
  for (const { tag, pattern } of patterns) {
    if ('why' in pattern) return undefined;
    tests.push(({ tags }) => pattern.regex.matcher(tags.get(tag) ?? '').find());
  }
  const named = new Set(params.filterNodes);
  const alive = new Set<string>();
  for (const member of members.values()) {
    if (member.status !== 'alive' || (named.size > 0 && !named.has(member.name))) continue;
    if (tests.every((passes) => passes(member))) alive.add(member.name);
  }
  const absent = [...named].filter((name) => members.get(name)?.status !== 'alive');
  return { alive, absent };
}
