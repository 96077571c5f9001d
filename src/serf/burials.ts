import type { Millis } from '../base/machine.ts';
import type { Remains } from '../swim/burials.ts';
import type { MemberRecord } from './members.ts';

/** Pruned names remembered, and reaped members whose incarnation is; the first gives way. */
export const BURIALS_LIMIT = 128;

interface Burial {
  readonly until: Millis;
  readonly ltime: number;
}

/**
 * Who was pruned. What is older than the prune must not bring such a member back: neither join intents, by their
 * Lamport time, nor alive claims, by their incarnation, which SWIM is told. A member may be pruned long after it was
 * reaped, so of reaped members the last incarnation is kept.
 */
export class Burials {
  readonly #bury: (now: Millis, name: string, remains: Remains | undefined) => void;
  readonly #keepMs: Millis;
  readonly #reaped = new Map<string, Remains>();
  readonly #buried = new Map<string, Burial>();

  constructor(bury: (now: Millis, name: string, remains: Remains | undefined) => void, keepMs: Millis) {
    this.#bury = bury;
    this.#keepMs = keepMs;
  }

  /** A member is about to be forgotten. */
  reaped({ name, facts, incarnation }: MemberRecord): void {
    remember(this.#reaped, name, { facts, incarnation });
  }

  /** A member was pruned by a leave intent of this Lamport time, whether it was known or not. */
  bury(now: Millis, name: string, ltime: number): void {
    const before = this.#buried.get(name);
    const remains = this.#reaped.get(name);
    this.#reaped.delete(name);
    remember(this.#buried, name, {
      until: now + this.#keepMs,
      ltime: Math.max(ltime, before?.ltime ?? 0),
    });
    this.#bury(now, name, remains);
  }

  /** True for a join intent of somebody buried that is not newer than the burial. */
  refusesJoin(now: Millis, name: string, ltime: number): boolean {
    const burial = this.#buried.get(name);
    if (burial === undefined) return false;
    if (burial.until >= now) return ltime <= burial.ltime;
    this.#buried.delete(name);
    return false;
  }

  /** The member is here again. */
  back(name: string): void {
    this.#reaped.delete(name);
    this.#buried.delete(name);
  }
}

/** Sets an entry as the newest; beyond the limit the oldest gives way. */
function remember<T>(map: Map<string, T>, name: string, value: T): void {
  map.delete(name);
  map.set(name, value);
  const oldest = map.keys().next();
  if (map.size > BURIALS_LIMIT && oldest.done !== true) map.delete(oldest.value);
}
