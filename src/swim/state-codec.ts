import { bytesEmptyAsNil, encodeWith, i64, u16, u32 } from '../wire/msgpack.ts';
import type { Reader } from '../wire/msgpack-reader.ts';
import { Writer } from '../wire/msgpack-writer.ts';
import { factsOf } from './claims.ts';
import type { SwimConfig } from './config.ts';
import type { MemberFacts, SwimStatus } from './delegate.ts';
import { type FactsSpan, sharedFacts } from './facts-pool.ts';
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

/** A node's map without the two values that change by themselves: they come before `state` and before `end`. */
interface Image {
  readonly bytes: Uint8Array;
  readonly afterIncarnation: number;
  readonly afterState: number;
}

const images = new WeakMap<MemberFacts, Image>();
const imager = new Writer();

/** What stands before each value of a node's map, whose keys are sorted; the head of the map with the first. */
const LITERALS = {
  addr: Buffer.from('\x87\xa4Addr', 'latin1'),
  incarnation: Buffer.from('\xabIncarnation', 'latin1'),
  meta: Buffer.from('\xa4Meta', 'latin1'),
  name: Buffer.from('\xa4Name', 'latin1'),
  port: Buffer.from('\xa4Port', 'latin1'),
  state: Buffer.from('\xa5State', 'latin1'),
  vsn: Buffer.from('\xa3Vsn', 'latin1'),
} as const;

/** The push/pull message that says everything in the table. */
export function encodeState(join: boolean, members: MemberView, userState: Uint8Array): Uint8Array {
  return encodeWith((to) => {
    writePushPullHeader(to, { join, nodes: members.size, userStateLen: userState.length });
    for (const { facts, incarnation, status } of members.values()) {
      const { bytes, afterIncarnation, afterState } = imageOf(facts);
      to.raw(bytes, 0, afterIncarnation);
      to.integer(incarnation);
      to.raw(bytes, afterIncarnation, afterState);
      to.integer(STATE_NUMBERS[status]);
      to.raw(bytes, afterState);
    }
    to.raw(userState);
  });
}

function imageOf(facts: MemberFacts): Image {
  const known = images.get(facts);
  if (known !== undefined) return known;
  imager.reset();
  imager.raw(LITERALS.addr);
  imager.bytes(facts.addr);
  imager.raw(LITERALS.incarnation);
  const afterIncarnation = imager.length;
  imager.raw(LITERALS.meta);
  bytesEmptyAsNil.write(imager, facts.meta);
  imager.raw(LITERALS.name);
  imager.text(facts.name);
  imager.raw(LITERALS.port);
  imager.integer(facts.port);
  imager.raw(LITERALS.state);
  const afterState = imager.length;
  imager.raw(LITERALS.vsn);
  imager.bytes(facts.vsn);
  const image = { bytes: imager.result(), afterIncarnation, afterState };
  images.set(facts, image);
  return image;
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
  const start = from.at;
  const known = readKnownMember(from);
  // Both stand for another port than the one in the message.
  if (known !== undefined && known.facts.port !== 0 && config.protocolVersion >= 2) return known;
  from.rewind(start);
  const node: PushPullNode = nodeKind.read(from);
  return { facts: factsOf(node, node.name, config), incarnation: node.incarnation, state: node.state };
}

const span: FactsSpan = {
  nameFrom: 0,
  nameTo: 0,
  addrFrom: 0,
  addrTo: 0,
  metaFrom: 0,
  metaTo: 0,
  vsnFrom: 0,
  vsnTo: 0,
  port: 0,
};

/** The node as peers write it, of whom everything was heard before but the incarnation and state; else undefined. */
function readKnownMember(from: Reader): RemoteMember | undefined {
  if (!from.takeLiteral(LITERALS.addr)) return undefined;
  span.addrFrom = from.takeSpan();
  span.addrTo = from.at;
  if (!from.takeLiteral(LITERALS.incarnation)) return undefined;
  const incarnation = u32.read(from);
  if (!from.takeLiteral(LITERALS.meta)) return undefined;
  span.metaFrom = from.takeSpan();
  span.metaTo = from.at;
  if (!from.takeLiteral(LITERALS.name)) return undefined;
  span.nameFrom = from.takeSpan();
  span.nameTo = from.at;
  if (!from.takeLiteral(LITERALS.port)) return undefined;
  span.port = u16.read(from);
  if (!from.takeLiteral(LITERALS.state)) return undefined;
  const state = i64.read(from);
  if (!from.takeLiteral(LITERALS.vsn)) return undefined;
  span.vsnFrom = from.takeSpan();
  span.vsnTo = from.at;
  if (span.addrFrom < 0 || span.metaFrom < 0 || span.nameFrom < 0 || span.vsnFrom < 0) return undefined;
  const facts = sharedFacts.match(from.input, span);
  return facts === undefined ? undefined : { facts, incarnation, state };
}
