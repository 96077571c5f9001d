import type { MemberEvent, MemberEventType, MemberInfo } from './event.ts';

/** Transitions held before they are let go early, so that a window over a huge cluster stays small in memory. */
export const MAX_HELD_TRANSITIONS = 8192;

interface Transition {
  readonly type: MemberEventType;
  readonly member: MemberInfo;
}

/**
 * The member transitions of one window. Every transition survives, in each member's own order; only two successive
 * ones of the same type become the latest of them. What was taken is forgotten, so nothing is ever told twice.
 */
export class HeldMembers {
  readonly #byName = new Map<string, Transition[]>();
  #size = 0;

  get full(): boolean {
    return this.#size >= MAX_HELD_TRANSITIONS;
  }

  hold(type: MemberEventType, member: MemberInfo): void {
    const transitions = this.#byName.get(member.name);
    if (transitions === undefined) {
      this.#byName.set(member.name, [{ type, member }]);
      this.#size += 1;
      return;
    }
    if (transitions.at(-1)?.type === type) {
      transitions[transitions.length - 1] = { type, member };
      return;
    }
    transitions.push({ type, member });
    this.#size += 1;
  }

  /**
   * Empties the window into few events: round n holds the nth transition of every member that has one, one event per
   * type. Types follow the order in which a round's members were first seen, members the order of their names.
   */
  take(): MemberEvent[] {
    const histories = [...this.#byName.values()];
    this.#byName.clear();
    this.#size = 0;
    const events: MemberEvent[] = [];
    for (let round = 0, left = histories; left.length > 0; round += 1) {
      const groups = new Map<MemberEventType, MemberInfo[]>();
      left = left.filter((history) => {
        const transition = history[round];
        if (transition === undefined) return false;
        const group = groups.get(transition.type);
        if (group === undefined) groups.set(transition.type, [transition.member]);
        else group.push(transition.member);
        return true;
      });
      for (const [type, members] of groups) events.push({ type, members: members.sort(byName) });
    }
    return events;
  }
}

function byName(a: MemberInfo, b: MemberInfo): number {
  if (a.name === b.name) return 0;
  return a.name < b.name ? -1 : 1;
}
