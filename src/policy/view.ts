import type { MemberInfo, MemberStatus } from '../events/event.ts';

/** What a handler or renderer acts on: the members it cares for, whole and in a fixed order, never a list of changes. */
export interface View {
  /** Sorted by name, by code unit. */
  readonly members: readonly MemberInfo[];
  /** Raised by one whenever the members change in any way; meaningful on this node and in this run only. */
  readonly generation: number;
  /** Members that pass the filter and were left out all the same, each with the reason. */
  readonly leftOut: readonly LeftOut[];
}

export interface LeftOut {
  readonly name: string;
  readonly why: string;
}

/** Which members belong in a view. */
export interface ViewFilter {
  /** Statuses that are listed. */
  readonly statuses: ReadonlySet<MemberStatus>;
  /** Whether the name fits; absent means any. */
  readonly name?: ((name: string) => boolean) | undefined;
  /** For each tag, whether its value fits; a member without the tag is asked with an empty text. */
  readonly tags: ReadonlyMap<string, (value: string) => boolean>;
  /** `only` lists this node alone, `except` everybody else. */
  readonly self: 'any' | 'only' | 'except';
  /** Why a member that fits is left out all the same (a value outside its grammar); undefined lists it. */
  readonly refuse?: ((member: MemberInfo) => string | undefined) | undefined;
}

/** Everybody alive. */
export const ALIVE_ONLY: ViewFilter = { statuses: new Set(['alive']), tags: new Map(), self: 'any' };

/** The members of `all` that the filter lists, and those it left out; `self` is this node's name. */
export function select(
  all: readonly MemberInfo[],
  filter: ViewFilter,
  self: string,
): Pick<View, 'members' | 'leftOut'> {
  const members: MemberInfo[] = [];
  const leftOut: LeftOut[] = [];
  for (const member of all) {
    if (!fits(member, filter, self)) continue;
    const why = filter.refuse?.(member);
    if (why === undefined) members.push(member);
    else leftOut.push({ name: member.name, why });
  }
  members.sort(byName);
  return { members, leftOut };
}

function fits(member: MemberInfo, filter: ViewFilter, self: string): boolean {
  if (!filter.statuses.has(member.status)) return false;
  if (filter.self !== 'any' && (member.name === self) !== (filter.self === 'only')) return false;
  if (filter.name !== undefined && !filter.name(member.name)) return false;
  for (const [tag, accepts] of filter.tags) if (!accepts(member.tags.get(tag) ?? '')) return false;
  return true;
}

/** Orders by code unit, the same on every node whatever its locale. */
export function byName(a: { readonly name: string }, b: { readonly name: string }): number {
  return a.name === b.name ? 0 : a.name < b.name ? -1 : 1;
}

/** A text that is equal for equal members and different for different ones; tags count, their order does not. */
export function fingerprint(member: MemberInfo): string {
  const tags = [...member.tags].sort(([a], [b]) => (a === b ? 0 : a < b ? -1 : 1));
  return JSON.stringify([member.name, [...member.addr], member.port, member.status, tags]);
}

/** What became of a view: members by name, each list sorted by name. */
export interface ViewChange {
  readonly added: readonly MemberInfo[];
  /** As they were. */
  readonly removed: readonly MemberInfo[];
  /** As they are. */
  readonly changed: readonly MemberInfo[];
}

/** The way from one list of members to another. */
export function changeBetween(before: readonly MemberInfo[], after: readonly MemberInfo[]): ViewChange {
  const old = new Map(before.map((member) => [member.name, member]));
  const names = new Set(after.map(({ name }) => name));
  const added: MemberInfo[] = [];
  const changed: MemberInfo[] = [];
  for (const member of after) {
    const known = old.get(member.name);
    if (known === undefined) added.push(member);
    else if (fingerprint(known) !== fingerprint(member)) changed.push(member);
  }
  return { added, changed, removed: before.filter(({ name }) => !names.has(name)) };
}

/** True when nothing was added, removed or changed. */
export function isUnchanged(change: ViewChange): boolean {
  return change.added.length + change.removed.length + change.changed.length === 0;
}
