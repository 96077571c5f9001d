import type { Counters } from '../base/counters.ts';
import type { Millis } from '../base/machine.ts';
import type { SwimConfig } from './config.ts';
import type { SwimDelegate } from './delegate.ts';
import type { MemberView } from './members.ts';
import type { Membership } from './membership.ts';
import { encodeState, type RemoteMember, type RemoteState, STATE_NUMBERS } from './state-codec.ts';
import { incompatibility } from './versions.ts';

export interface ExchangeParts {
  readonly config: SwimConfig;
  readonly members: MemberView;
  readonly membership: Membership;
  readonly delegate: SwimDelegate;
  readonly counters: Counters;
}

/** What a push/pull says and what it does to us (memberlist.md 2.2, 3.6, 3.7). */
export class StateExchange {
  readonly #parts: ExchangeParts;

  constructor(parts: ExchangeParts) {
    const { config, members, membership, delegate, counters } = parts;
    this.#parts = { config, members, membership, delegate, counters };
  }

  /** Everything we know, encoded; taken before a request is merged, so a joiner does not meet itself in it. */
  localState(joining: boolean): Uint8Array {
    const { members, delegate, counters } = this.#parts;
    const state = encodeState(joining, members, delegate.localState(joining));
    counters.metrics?.gauge('memberlist.size.local', state.length);
    return state;
  }

  /** Merges a peer's state. Returns why nothing was merged, if so. */
  merge(now: Millis, remote: RemoteState, joining: boolean): string | undefined {
    const { members, delegate, counters } = this.#parts;
    const problem = incompatibility(remote.members, members);
    if (problem !== undefined) {
      counters.add('drop:push-pull-version');
      return problem;
    }
    if (joining) {
      const stories = remote.members.map((member) => member.facts);
      const refusal = delegate.admit(stories, true);
      if (refusal !== undefined) {
        counters.add('drop:push-pull-not-admitted');
        return refusal;
      }
    }
    for (const member of remote.members) this.#mergeMember(now, member);
    if (remote.userState.length > 0) delegate.mergeRemoteState(now, remote.userState, joining);
    return undefined;
  }

  /** A death somebody else reports is only a suspicion here; a leave is believed (memberlist.md 3.6). */
  #mergeMember(now: Millis, { facts, incarnation, state }: RemoteMember): void {
    const { config, membership, counters } = this.#parts;
    const { name } = facts;
    switch (state) {
      case STATE_NUMBERS.alive:
        membership.alive(now, { facts, incarnation, bootstrap: false });
        return;
      case STATE_NUMBERS.suspect:
      case STATE_NUMBERS.dead:
        membership.suspect(now, { name, incarnation, from: config.name });
        return;
      case STATE_NUMBERS.left:
        membership.dead(now, { name, incarnation, from: name });
        return;
      default:
        counters.add('drop:push-pull-state');
    }
  }
}
