import { unreachable } from '../../base/assert.ts';
import { CodedError } from '../../base/errors.ts';
import type { Address, Millis, OperationId } from '../../base/machine.ts';
import { type Random, seededRandom, shuffle } from '../../base/random.ts';
import type { Outcome } from '../../serf/effects.ts';
import type { QueryAsked } from '../checks/messages.ts';
import { SimCluster } from '../cluster.ts';
import type { SimNode } from '../node.ts';
import type { NodeEnd, Watcher } from '../watcher.ts';
import { CALM, deafen, mute, separate } from '../weather.ts';
import { RETRY_JOIN_MS } from './bound.ts';
import { keyOf } from './keys.ts';
import { settingsOf } from './node-settings.ts';
import type { Action, Scenario } from './scenario.ts';
import { strangersOf } from './strangers.ts';

/** An evicted agent is started again after this long, as by a service manager with a back-off. */
const EVICTED_RESTART_MS = 30_000;
/** Members an operator names for a join. */
const JOIN_TARGETS = 3;
const PARTITION = { separate, deafen, mute } as const;

type Crash = Extract<Action, { type: 'crash' }>;

/**
 * Puts a scenario on: does its steps, undoes what lasts only for a while, and does what operators do, such as joining
 * again after a join that reached nobody.
 */
export class Stage implements Watcher {
  readonly cluster: SimCluster;
  /** User events told in the chaos, and by whom. */
  readonly told: { readonly name: string; readonly node: string; readonly at: Millis }[] = [];
  /** Told of each query as it is put. */
  onQuery: ((node: SimNode, asked: QueryAsked) => void) | undefined;
  readonly #scenario: Scenario;
  readonly #random: Random;
  /** Nodes that shall run when calm comes. */
  readonly #wanted = new Set<string>();
  readonly #joins = new Map<OperationId, { readonly node: SimNode; readonly life: number }>();
  #moves = 0;
  #marks = 0;

  constructor(scenario: Scenario, options: { readonly log?: boolean } = {}) {
    this.#scenario = scenario;
    this.#random = seededRandom(scenario.seed, 'schedule');
    this.cluster = new SimCluster({
      seed: scenario.seed,
      log: options.log ?? false,
      limits: scenario.limits ?? {},
    });
    this.cluster.watch(this);
  }

  /** The nodes that shall run once it is calm. */
  get wanted(): readonly SimNode[] {
    return this.cluster.nodes.filter((node) => this.#wanted.has(node.name));
  }

  /** Starts a new node, which joins through others. */
  arrive(name: string): void {
    if (this.cluster.nodes.some((node) => node.name === name)) return;
    const node = this.cluster.add(name, settingsOf(this.#scenario, this.cluster.nodes.length));
    node.answerer = (query) => (query.name.startsWith('q') ? new Uint8Array([1]) : undefined);
    this.#wanted.add(name);
    this.#join(node);
  }

  /** A name for an event or query that nobody used before. */
  mark(kind: 'e' | 'q'): string {
    this.#marks += 1;
    return `${kind}${this.#marks}`;
  }

  /** Plans every step of the chaos, which begins now. */
  begin(): void {
    for (const { at, action } of this.#scenario.steps)
      this.cluster.world.after(at, () => this.perform(action));
  }

  /** Takes every fault back; whoever shall run does. */
  calm(): void {
    const { world } = this.cluster;
    world.heal();
    Object.assign(world.weather, CALM);
    for (const node of this.cluster.nodes) {
      world.setClockRate(node.address, 1);
      if (node.isPaused) node.resume();
      if (!node.isRunning && this.#wanted.has(node.name)) this.#restart(node, false);
    }
  }

  /**
   * Joins again whoever met only nodes that were cut off themselves: two nodes that never heard of each other, directly
   * or through others, cannot find each other, nor can they by an address that is out of date, and nobody looks for
   * members that left; operators look after that.
   */
  introduce(): void {
    const running = this.wanted.filter((node) => node.isRunning && node.serf.state === 'alive');
    for (const node of strangersOf(running)) this.#join(node);
  }

  /** Ends a node's part in good order. */
  leave(node: SimNode): void {
    if (node.serf.state !== 'alive') return;
    this.#wanted.delete(node.name);
    node.leave();
  }

  /** Starts a node that ended again, under an address of its own. */
  returnElsewhere(node: SimNode): void {
    this.#wanted.add(node.name);
    this.#restart(node, true, true);
  }

  /** Does one thing, or nothing where it makes no sense any more. */
  perform(action: Action): void {
    const { world } = this.cluster;
    switch (action.type) {
      case 'weather':
        Object.assign(world.weather, CALM, action.weather);
        world.after(action.forMs, () => Object.assign(world.weather, CALM));
        return;
      case 'partition': {
        this.#marks += 1;
        const name = `partition ${this.#marks}`;
        world.partition(PARTITION[action.kind](this.#addressesOf(action.nodes)), name);
        world.after(action.forMs, () => world.heal(name));
        return;
      }
      case 'clog': {
        const [from, to] = [this.#find(action.from), this.#find(action.to)];
        if (from !== undefined && to !== undefined) world.clog(from.address, to.address, action.forMs);
        return;
      }
      case 'arrive':
        this.arrive(action.node);
        return;
      default:
        this.#performAt(action);
    }
  }

  settled(_node: SimNode, operation: OperationId, outcome: Outcome): void {
    const join = this.#joins.get(operation);
    if (join === undefined) return;
    this.#joins.delete(operation);
    if (outcome.type === 'joined' && outcome.contacted > 0) return;
    this.cluster.world.after(RETRY_JOIN_MS, () => this.#join(join.node, join.life));
  }

  ended(node: SimNode, how: NodeEnd): void {
    if (how !== 'evicted') return;
    this.cluster.world.after(EVICTED_RESTART_MS, () => {
      if (!node.isRunning && this.#wanted.has(node.name)) this.#restart(node, true);
    });
  }

  #performAt(action: Exclude<Action, { type: 'weather' | 'partition' | 'clog' | 'arrive' }>): void {
    const { world } = this.cluster;
    const node = this.#find(action.type === 'force-leave' ? action.by : action.node);
    if (node === undefined || !node.isRunning) return;
    const { lives } = node;
    switch (action.type) {
      case 'pause':
        if (node.isPaused) return;
        node.pause();
        world.after(action.forMs, () => {
          if (node.lives === lives && node.isPaused) node.resume();
        });
        return;
      case 'clock-rate':
        world.setClockRate(node.address, action.rate);
        world.after(action.forMs, () => world.setClockRate(node.address, 1));
        return;
      case 'clock-step':
        world.stepClock(node.address, action.ms);
        return;
      case 'crash':
        this.#crash(node, action);
        return;
      default:
        if (!node.isPaused && node.serf.state === 'alive') this.#operate(node, action);
    }
  }

  /** What an operator does at a node. */
  #operate(
    node: SimNode,
    action: Extract<
      Action,
      { type: 'leave' | 'force-leave' | 'user-event' | 'query' | 'tags' | 'install-key' }
    >,
  ): void {
    switch (action.type) {
      case 'leave': {
        this.leave(node);
        const { returnAfterMs, newAddress = false } = action;
        if (returnAfterMs !== undefined) this.#wanted.add(node.name);
        if (returnAfterMs !== undefined) {
          this.cluster.world.after(returnAfterMs, () => {
            if (!node.isRunning && this.#wanted.has(node.name)) this.#restart(node, true, newAddress);
          });
        }
        return;
      }
      case 'force-leave':
        if (this.#find(action.node)?.isRunning !== true) node.forceLeave(action.node);
        return;
      case 'user-event':
        for (let i = 0; i < action.count; i += 1) this.tell(node, new Uint8Array(action.bytes));
        return;
      case 'query':
        this.ask(node, action.only, action.relayFactor);
        return;
      case 'tags':
        node.setTags(action.tags);
        return;
      case 'install-key':
        tolerating(() => node.changeKeys({ action: 'install', key: keyOf(this.#scenario.seed, 1).base64 }));
        return;
      default:
        unreachable(action);
    }
  }

  /** A node tells a user event of a name of its own. */
  tell(node: SimNode, payload: Uint8Array | null = null): string {
    const name = this.mark('e');
    this.told.push({ name, node: node.name, at: this.cluster.world.now });
    node.userEvent(name, payload);
    return name;
  }

  /** A node asks all, or some by name; undefined where its limits or its protocol refuse. */
  ask(node: SimNode, only: readonly string[] = [], relayFactor = 0): OperationId | undefined {
    const timeoutMs = node.serf.defaultQueryTimeoutMs;
    return tolerating(() => {
      const operation = node.query({
        name: this.mark('q'),
        filterNodes: only,
        relayFactor,
        requestAck: true,
        timeoutMs,
      });
      this.onQuery?.(node, { operation, timeoutMs, only });
      return operation;
    });
  }

  #crash(node: SimNode, { disk, powerLoss, restartAfterMs, newAddress }: Crash): void {
    node.crash({ disk, powerLoss });
    if (restartAfterMs === undefined) {
      this.#wanted.delete(node.name);
      return;
    }
    this.cluster.world.after(restartAfterMs, () => {
      if (!node.isRunning && this.#wanted.has(node.name)) this.#restart(node, disk === 'lost', newAddress);
    });
  }

  /** Starts a node again. With its disk it finds its cluster alone; else an operator joins it. */
  #restart(node: SimNode, joins: boolean, moves = false): void {
    if (moves) this.#moves += 1;
    const address: Address = moves ? { ip: `10.200.0.${this.#moves}`, port: 7946 } : node.address;
    node.boot(address);
    const { previousNodes } = node.config;
    if (joins || previousNodes.alive.length + previousNodes.failed.length === 0) this.#join(node);
  }

  #join(node: SimNode, life: number = node.lives): void {
    if (!node.isRunning || node.lives !== life || node.serf.state !== 'alive') return;
    if (node.isPaused) {
      this.cluster.world.after(RETRY_JOIN_MS, () => this.#join(node, life));
      return;
    }
    const others = this.wanted.filter((other) => other !== node && other.isRunning);
    shuffle(others, this.#random);
    if (others.length === 0) return;
    this.#joins.set(node.join(others.slice(0, JOIN_TARGETS)), { node, life });
  }

  #find(name: string): SimNode | undefined {
    return this.cluster.nodes.find((node) => node.name === name);
  }

  #addressesOf(names: readonly string[]): Address[] {
    return names.flatMap((name) => this.#find(name)?.address ?? []);
  }
}

/** Limits refuse what they refuse; that is no fault of the node. */
function tolerating<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return undefined;
  }
}
