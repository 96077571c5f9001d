import { encodeWith } from '../wire/msgpack.ts';
import type { Reader } from '../wire/msgpack-reader.ts';
import { factsOf } from './claims.ts';
import type { SwimConfig } from './config.ts';
import type { MemberFacts, SwimStatus } from './delegate.ts';
import { sharedFacts } from './facts-pool.ts';
import type { MemberView } from './members.ts';
import { nodeKind, type PushPullNode, readPushPull, writePushPullHeader } from './messages.ts';

/**
 * A whole state to and from a push/pull. With a thousand members it is most of what a quiet node sends and reads, and
 * nearly all of it was said before: what a member says of itself is encoded once, and recognised without being decoded.
 */

/** Numbers of the states on the wire (memberlist.md 1.2). */
export const STATE_NUMBERS = { alive: 0, suspect: 1, dead: 2, left: 3 } as const satisfies Record<
  SwimStatus,
  number
>;

/** A member as a peer sees it. */
export interface RemoteMember {
  readonly facts: MemberFacts;
  readonly incarnation: number;
  /** One of STATE_NUMBERS, or what a peer made up. */
  readonly state: number;
}

/** A peer's whole state. */
export interface RemoteState {
  readonly join: boolean;
  readonly members: readonly RemoteMember[];
  readonly userState: Uint8Array;
}

/** The push/pull message that says everything in the table. */
export function encodeState(join: boolean, members: MemberView, userState: Uint8Array): Uint8Array {
  return encodeWith((to) => {
    writePushPullHeader(to, { join, nodes: members.size, userStateLen: userState.length });
    members.each((facts, incarnation, status) => {
      const state = STATE_NUMBERS[status];
      if (!sharedFacts.write(to, facts, incarnation, state))
        nodeKind.write(to, { ...facts, incarnation, state });
    });
    to.raw(userState);
  });
}

/** A whole push/pull. Throws WireError as `decodePushPull`. */
export function decodeState(
  body: Uint8Array,
  config: Pick<SwimConfig, 'bindPort' | 'protocolVersion'>,
): RemoteState {
  const { join, nodes, userState } = readPushPull(body, (from) => readMember(from, config));
  return { join, members: nodes, userState };
}

function readMember(from: Reader, config: Pick<SwimConfig, 'bindPort' | 'protocolVersion'>): RemoteMember {
  const known = sharedFacts.find(from.input, from.at);
  // Both stand for another port than the one in the message.
  if (known !== undefined && known.facts.port !== 0 && config.protocolVersion >= 2) {
    from.moveTo(sharedFacts.foundEnd);
    return known;
  }
  const node: PushPullNode = nodeKind.read(from);
  return { facts: factsOf(node, node.name, config), incarnation: node.incarnation, state: node.state };
}
