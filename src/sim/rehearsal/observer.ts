import type { Millis } from '../../base/machine.ts';
import type { ClusterEvent } from '../../events/event.ts';
import type { SimCluster } from '../cluster.ts';
import type { SimNode } from '../node.ts';
import type { NodeEnd, Watcher } from '../watcher.ts';
import { Alarms } from './alarms.ts';
import { Beliefs } from './beliefs.ts';
import { EventsSeen } from './events-seen.ts';
import { NewsDesk } from './news.ts';

/** How many members the running nodes believed alive at one instant. */
export interface KnownPoint {
  readonly at: Millis;
  /** Nodes that ran. */
  readonly running: number;
  readonly least: number;
  readonly mean: number;
  readonly most: number;
}

/** Watches a cluster and keeps what a report needs, without asking any node. */
export class Observer implements Watcher {
  readonly news = new NewsDesk();
  readonly events = new EventsSeen();
  readonly alarms: Alarms;
  readonly beliefs: Beliefs;
  readonly known: KnownPoint[] = [];
  /** When everybody last came to agree. */
  agreedAt: Millis | undefined;
  /** Called at that instant, from inside a machine. */
  onAgreed: ((now: Millis) => void) | undefined;
  readonly #cluster: SimCluster;
  readonly #indexes = new Map<string, number>();
  readonly #nodes: SimNode[] = [];

  /** `graceMs`: see `Alarms`. */
  constructor(cluster: SimCluster, capacity: number, graceMs: Millis) {
    this.#cluster = cluster;
    this.alarms = new Alarms(graceMs);
    this.beliefs = new Beliefs(capacity, {
      agreed: () => {
        this.agreedAt = this.#now;
        this.onAgreed?.(this.#now);
      },
      spread: (member) =>
        this.news.spread(member, this.beliefs.believers(member), this.beliefs.runningCount, this.#now),
    });
    cluster.watch(this);
  }

  /** The place of a node in `beliefs`. */
  indexOf(node: SimNode): number {
    const known = this.#indexes.get(node.name);
    if (known !== undefined) return known;
    const index = this.#nodes.length;
    this.#indexes.set(node.name, index);
    this.#nodes.push(node);
    return index;
  }

  started(node: SimNode): void {
    const index = this.indexOf(node);
    this.news.end(index);
    this.beliefs.start(index);
    if (node.lives > 1) this.alarms.restarted(node.name, this.#now);
  }

  published(node: SimNode, event: ClusterEvent): void {
    const index = this.indexOf(node);
    if (event.type === 'user') this.events.published(index, node.lives, event, this.#now);
    if (!('members' in event) || event.type === 'member-update') return;
    const alive = event.type === 'member-join';
    for (const { name } of event.members) {
      const member = this.#indexes.get(name);
      if (member === undefined) continue;
      if (event.type === 'member-failed') {
        this.alarms.announced(node, this.#nodes[member] as SimNode, this.#now);
      }
      if (member !== index && this.beliefs.believes(index, member) !== alive) {
        this.news.learned(member, alive, this.#now);
      }
      this.beliefs.set(index, member, alive);
    }
  }

  ended(node: SimNode, _how: NodeEnd): void {
    // One that ended while it was stopped is no longer in anybody's way.
    this.alarms.resumed(node.name, this.#now);
    this.beliefs.stop(this.indexOf(node));
  }

  /** Keeps how many members the nodes know now. */
  sample(): void {
    let sum = 0;
    let least = Number.POSITIVE_INFINITY;
    let most = 0;
    for (let index = 0; index < this.#nodes.length; index += 1) {
      if (!this.beliefs.isRunning(index)) continue;
      const known = this.beliefs.known(index);
      sum += known;
      least = Math.min(least, known);
      most = Math.max(most, known);
    }
    const running = this.beliefs.runningCount;
    if (running === 0) return;
    this.known.push({ at: this.#now, running, least, mean: sum / running, most });
  }

  get #now(): Millis {
    return this.#cluster.world.now;
  }
}
