import type { Action } from '../policy/governance.ts';
import type { HandlerSelf } from './context.ts';
import { type MemberJson, memberJson } from './recorded-event.ts';

/** What a state handler reads from its standard input, as one JSON object and a newline. */
export interface StateInput {
  /** `start`, `change`, `reload`, `resync`, `retry` after a failure, or `approve` by an operator. */
  readonly reason: string;
  readonly self: { readonly name: string; readonly tags: Readonly<Record<string, string>> };
  /** The whole view, by name. */
  readonly members: readonly MemberJson[];
  /** What is different from the view of the last run that succeeded; removed members as they were. */
  readonly added: readonly MemberJson[];
  readonly removed: readonly MemberJson[];
  readonly changed: readonly MemberJson[];
  /** Raised whenever the view changes; counts from the start of the agent. */
  readonly generation: number;
}

export function stateInput(
  { reason, view, change }: Pick<Action, 'reason' | 'view' | 'change'>,
  self: HandlerSelf,
): StateInput {
  return {
    reason,
    self: { name: self.name, tags: Object.fromEntries(self.tags) },
    members: view.members.map(memberJson),
    added: change.added.map(memberJson),
    removed: change.removed.map(memberJson),
    changed: change.changed.map(memberJson),
    generation: view.generation,
  };
}

/** A view in a few words: `12 members, generation 7`. */
export function viewText({ view }: Pick<Action, 'view'>): string {
  const { members, generation } = view;
  return `${members.length} ${members.length === 1 ? 'member' : 'members'}, generation ${generation}`;
}
