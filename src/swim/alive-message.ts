import type { AliveClaim } from './claims.ts';
import type { MemberFacts } from './delegate.ts';
import { newSighting, sight } from './facts-image.ts';
import { sharedFacts } from './facts-pool.ts';
import { encodeAlive } from './messages.ts';

interface Encoded {
  readonly claim: AliveClaim;
  readonly message: Uint8Array;
}

/** The last one made of each member. All nodes of a process pass on the same news, and queues hold it for long. */
const messages = new WeakMap<MemberFacts, Encoded>();
const seen = newSighting();

/** An alive message as it is broadcast: shared, never to be changed. */
export function aliveMessage(facts: MemberFacts, incarnation: number): Uint8Array {
  const known = messages.get(facts);
  if (known !== undefined && known.claim.incarnation === incarnation) return known.message;
  const message = encodeAlive({ ...facts, node: facts.name, incarnation });
  messages.set(facts, { claim: { facts, incarnation, bootstrap: false }, message });
  return message;
}

/**
 * What an alive message claims whose bytes after the type byte are those of one that was made here, as of most that
 * gossip brings; undefined for every other, which is for the decoder.
 */
export function recognisedAlive(body: Uint8Array): AliveClaim | undefined {
  if (!sight(body, 0, seen)) return undefined;
  const facts = sharedFacts.named(body, seen.nameAt, seen.nameEnd, seen.hash);
  const known = facts === undefined ? undefined : messages.get(facts);
  return known !== undefined && isBody(body, known.message) ? known.claim : undefined;
}

/** True when `body` is what follows the type byte of `message`. Compared from behind, where incarnations and names differ. */
function isBody(body: Uint8Array, message: Uint8Array): boolean {
  if (message.length !== body.length + 1) return false;
  for (let i = body.length - 1; i >= 0; i -= 1) if (body[i] !== message[i + 1]) return false;
  return true;
}
