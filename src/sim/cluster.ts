import { assert } from '../base/assert.ts';
import type { Address, Millis } from '../base/machine.ts';
import { SimNode } from './node.ts';
import type { NodeSettings } from './settings.ts';
import type { Watcher } from './watcher.ts';
import { World, type WorldLimits } from './world.ts';

/** The gossip port of every Serf cluster. */
const GOSSIP_PORT = 7946;

export interface SimClusterOptions {
  readonly seed: number;
  /** Settings of every node that is added without its own. */
  readonly settings?: NodeSettings;
  /** False: nodes keep no event history, which large worlds cannot afford. Default true. */
  readonly keepsHistory?: boolean;
  /** True: watchers are told the nodes' log lines. */
  readonly log?: boolean;
  /** What the world keeps of what waits. */
  readonly limits?: WorldLimits;
}

/** Named nodes of the whole Serf machine in one world, and who watches them. */
export class SimCluster {
  readonly world: World;
  readonly #options: SimClusterOptions;
  readonly #nodes = new Map<string, SimNode>();
  readonly #watchers: Watcher[] = [];
  #operations = 0;

  constructor(options: SimClusterOptions) {
    this.#options = options;
    this.world = new World(options.seed, options.limits);
  }

  /** Every node there ever was, in order of being added. */
  get nodes(): readonly SimNode[] {
    return [...this.#nodes.values()];
  }

  /** The nodes whose process runs, paused ones included. */
  get running(): readonly SimNode[] {
    return this.nodes.filter((node) => node.isRunning);
  }

  node(name: string): SimNode {
    const node = this.#nodes.get(name);
    assert(node !== undefined, `there is a node ${name}`);
    return node;
  }

  /** Adds a watcher; earlier ones are told first. */
  watch(watcher: Watcher): void {
    this.#watchers.push(watcher);
  }

  /** Adds a node and starts it. Without an address it gets the next of 10.0.0.0/8, port 7946. */
  add(name: string, settings: NodeSettings = this.#options.settings ?? {}, address?: Address): SimNode {
    assert(!this.#nodes.has(name), `the name ${name} is free`);
    const { seed, keepsHistory = true, log = false } = this.#options;
    const node = new SimNode(name, address ?? addressOf(this.#nodes.size + 1), settings, {
      world: this.world,
      seed,
      keepsHistory,
      logs: log,
      tell: (call) => {
        for (const watcher of this.#watchers) call(watcher);
      },
      nextOperation: () => {
        this.#operations += 1;
        return this.#operations;
      },
    });
    this.#nodes.set(name, node);
    node.boot();
    return node;
  }

  /**
   * Adds nodes n1…nN; each but the first joins through the first. Lets `spreadMs` of virtual time pass in all between
   * their starts, so that they do not act in step. Does not wait for the joins.
   */
  form(count: number, settings?: NodeSettings, spreadMs: Millis = 0): SimNode[] {
    const made: SimNode[] = [];
    for (let i = 1; i <= count; i += 1) {
      const node = this.add(`n${i}`, settings);
      const [first] = made;
      if (first !== undefined) node.join([first]);
      made.push(node);
      if (spreadMs > 0) this.world.run(spreadMs / count);
    }
    return made;
  }

  /** True when every running node believes exactly the running nodes alive. */
  hasConverged(): boolean {
    const { running } = this;
    const names = new Set(running.map((node) => node.name));
    return running.every((node) => {
      const alive = node.alive();
      return alive.length === names.size && alive.every((name) => names.has(name));
    });
  }
}

/** The address of the `n`-th node, from 1: 10.0.0.1 and on. */
export function addressOf(n: number): Address {
  return { ip: `10.${(n >>> 16) & 255}.${(n >>> 8) & 255}.${n & 255}`, port: GOSSIP_PORT };
}
