import type { Millis } from '../base/machine.ts';
import type { FlapConfig } from './config.ts';

interface Flapper {
  /** Returns, halved with every half-life, as of `at`. */
  penalty: number;
  at: Millis;
  /** Last time it came, went or moved. */
  changedAt: Millis;
  /** Where it was last seen; undefined while it is gone. */
  place: string | undefined;
  damped: boolean;
}

/** Below this weight a node that is gone is forgotten. */
const NEGLIGIBLE = 0.05;

/** A node is let in again once its weight has fallen to this share of the threshold. */
const REUSE_SHARE = 0.5;

/**
 * Keeps nodes out that come and go, as BGP damps flapping routes (RFC 2439): each return adds one to a node's weight,
 * which halves with every half-life. At the threshold the node is kept out until the weight is half of it, and no longer
 * than `holdMs` after its last change.
 */
export class FlapDamping {
  readonly #nodes = new Map<string, Flapper>();

  /**
   * Takes who is in view now, each with the place it is at, and returns who of them is to be kept out.
   */
  observe(now: Millis, present: ReadonlyMap<string, string>, config: FlapConfig): ReadonlySet<string> {
    for (const [name, place] of present) this.#seen(now, name, place, config);
    const damped = new Set<string>();
    for (const [name, node] of this.#nodes) {
      if (!present.has(name)) this.#missing(now, name, node, config);
      if (node.damped && this.#reuseAt(node, config) <= now) node.damped = false;
      if (node.damped && present.has(name)) damped.add(name);
    }
    return damped;
  }

  /** When the next node kept out may be let in again. */
  nextDeadline(config: FlapConfig): Millis {
    let next = Number.POSITIVE_INFINITY;
    for (const node of this.#nodes.values()) {
      if (node.damped) next = Math.min(next, this.#reuseAt(node, config));
    }
    return next;
  }

  #seen(now: Millis, name: string, place: string, config: FlapConfig): void {
    const node = this.#nodes.get(name);
    if (node === undefined) {
      this.#nodes.set(name, { penalty: 0, at: now, changedAt: now, place, damped: false });
      return;
    }
    if (node.place === place) return;
    node.penalty = decayed(node, now, config) + 1;
    node.at = now;
    node.changedAt = now;
    node.place = place;
    if (node.penalty >= config.threshold) node.damped = true;
  }

  #missing(now: Millis, name: string, node: Flapper, config: FlapConfig): void {
    if (node.place !== undefined) {
      node.place = undefined;
      node.changedAt = now;
    }
    if (now - node.changedAt >= config.halfLifeMs && decayed(node, now, config) < NEGLIGIBLE) {
      this.#nodes.delete(name);
    }
  }

  #reuseAt(node: Flapper, { threshold, halfLifeMs, holdMs }: FlapConfig): Millis {
    const halvings = Math.log2(node.penalty / (threshold * REUSE_SHARE));
    return Math.min(node.at + Math.max(0, halvings) * halfLifeMs, node.changedAt + holdMs);
  }
}

function decayed(node: Flapper, now: Millis, { halfLifeMs }: FlapConfig): number {
  return node.penalty * 2 ** (-(now - node.at) / halfLifeMs);
}
