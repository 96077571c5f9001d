import type { Counters } from '../base/counters.ts';
import type { Millis } from '../base/machine.ts';
import { factsOf } from './claims.ts';
import type { SwimConfig } from './config.ts';
import type { MemberFacts, SwimDelegate, SwimMember, SwimStatus } from './delegate.ts';
import type { MemberView } from './members.ts';
import type { Membership } from './membership.ts';
import { encodePushPull, type PushPull, type PushPullNode } from './messages.ts';
import { incompatibility } from './versions.ts';

/** Numbers of the states on the wire (memberlist.md 1.2). */
const STATE_NUMBERS = { alive: 0, suspect: 1, dead: 2, left: 3 } as const satisfies Record<
  SwimStatus,
  number
>;

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
    this.#parts = parts;
  }

  /** Everything we know, encoded; taken before a request is merged, so a joiner does not meet itself in it. */
  localState(joining: boolean): Uint8Array {
    const { members, delegate } = this.#parts;
    const nodes = Array.from(members.values(), nodeOf);
    return encodePushPull({ join: joining, nodes, userState: delegate.localState(joining) });
  }

  /** Merges a peer's state. Returns why nothing was merged, if so. */
  merge(now: Millis, remote: PushPull, joining: boolean): string | undefined {
    const { config, members, delegate, counters } = this.#parts;
    const problem = incompatibility(remote.nodes, members);
    if (problem !== undefined) {
      counters.add('drop:push-pull-version');
      return problem;
    }
    const stories = remote.nodes.map((node) => factsOf(node, node.name, config));
    if (joining) {
      const refusal = delegate.admit(stories, true);
      if (refusal !== undefined) {
        counters.add('drop:push-pull-not-admitted');
        return refusal;
      }
    }
    for (let i = 0; i < stories.length; i += 1) {
      this.#mergeNode(now, remote.nodes[i] as PushPullNode, stories[i] as MemberFacts);
    }
    if (remote.userState.length > 0) delegate.mergeRemoteState(now, remote.userState, joining);
    return undefined;
  }

  /** A death somebody else reports is only a suspicion here; a leave is believed (memberlist.md 3.6). */
  #mergeNode(now: Millis, node: PushPullNode, facts: MemberFacts): void {
    const { config, membership, counters } = this.#parts;
    const { name, incarnation } = node;
    switch (node.state) {
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

function nodeOf(member: SwimMember): PushPullNode {
  const { name, addr, port, meta, vsn } = member.facts;
  return {
    name,
    addr,
    port,
    meta,
    vsn,
    incarnation: member.incarnation,
    state: STATE_NUMBERS[member.status],
  };
}
