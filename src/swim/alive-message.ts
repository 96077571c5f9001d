import type { MemberFacts } from './delegate.ts';
import { encodeAlive } from './messages.ts';

interface Encoded {
  readonly incarnation: number;
  readonly message: Uint8Array;
}

/** The last one made of each member. All nodes of a process pass on the same news, and queues hold it for long. */
const messages = new WeakMap<MemberFacts, Encoded>();

/** An alive message as it is broadcast: shared, never to be changed. */
export function aliveMessage(facts: MemberFacts, incarnation: number): Uint8Array {
  const known = messages.get(facts);
  if (known !== undefined && known.incarnation === incarnation) return known.message;
  const message = encodeAlive({ ...facts, node: facts.name, incarnation });
  messages.set(facts, { incarnation, message });
  return message;
}
