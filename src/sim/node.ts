import { hostPort } from '../base/address.ts';
import { assert } from '../base/assert.ts';
import type { Address, Millis, NetworkEffects, OperationId } from '../base/machine.ts';
import { type Random, seededRandom } from '../base/random.ts';
import type { MemberInfo, QueryEvent } from '../events/event.ts';
import type { SerfConfig } from '../serf/config.ts';
import type { SerfEffects } from '../serf/effects.ts';
import type { KeyRequest } from '../serf/key-manager.ts';
import { plainQuery, type QueryParams } from '../serf/query-params.ts';
import { Serf } from '../serf/serf.ts';
import { Swim } from '../swim/swim.ts';
import { Keyring } from '../wire/keyring.ts';
import { type DiskFate, VirtualDisk } from './disk.ts';
import { type NodeSettings, nodeConfig } from './settings.ts';
import type { Traffic } from './sites.ts';
import type { NodeEvent, NodeSurroundings } from './surroundings.ts';
import type { NodeEnd } from './watcher.ts';

/** Answers a query, or not; called outside of any machine. */
export type QueryAnswerer = (query: QueryEvent, node: SimNode) => Uint8Array | undefined;

/**
 * A node over all its lives: its name, settings, disk and keys outlive its process. Commands go to the running process;
 * one that cannot be carried out throws the machine's CodedError.
 */
export class SimNode {
  readonly name: string;
  readonly settings: NodeSettings;
  readonly disk: VirtualDisk;
  /** Every event published, over all lives; empty where the cluster keeps no history. */
  readonly history: NodeEvent[] = [];
  /** How queries are answered; undefined for not at all. */
  answerer: QueryAnswerer | undefined;
  readonly #around: NodeSurroundings;
  readonly #random: Random;
  #address: Address;
  #tags: ReadonlyMap<string, string>;
  #keys: readonly Uint8Array[];
  #config: SerfConfig | undefined;
  #serf: Serf | undefined;
  #swim: Swim | undefined;
  #lives = 0;
  #isPaused = false;
  /** The leave that ends this process. */
  #leaving: OperationId | undefined;

  /** Does not start it; `boot` does. */
  constructor(name: string, address: Address, settings: NodeSettings, around: NodeSurroundings) {
    this.name = name;
    this.settings = settings;
    this.disk = new VirtualDisk(settings.rejoinAfterLeave ?? false);
    this.#around = around;
    this.#random = seededRandom(around.seed, `disk of ${name}`);
    this.#address = address;
    this.#tags = new Map(Object.entries(settings.tags ?? {}));
    this.#keys = settings.keys ?? [];
  }

  get address(): Address {
    return this.#address;
  }

  /** True while a process runs, paused or not. */
  get isRunning(): boolean {
    return this.#serf !== undefined;
  }

  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Processes so far. */
  get lives(): number {
    return this.#lives;
  }

  /** The keys on this node's disk, the primary first. */
  get keys(): readonly Uint8Array[] {
    return this.#keys;
  }

  /** The running machine. */
  get serf(): Serf {
    assert(this.#serf !== undefined, `${this.name} is not running`);
    return this.#serf;
  }

  /** The gossip layer of the running machine: incarnations and SWIM statuses, for checkers. */
  get swim(): Swim {
    assert(this.#swim !== undefined, `${this.name} is not running`);
    return this.#swim;
  }

  /** What its latest process was started with. */
  get config(): SerfConfig {
    assert(this.#config !== undefined, `${this.name} was started`);
    return this.#config;
  }

  /** Bytes and messages of this node's present address. */
  get traffic(): Readonly<Traffic> {
    return this.#around.world.traffic(this.#address);
  }

  /** The members this node believes in, of every status, by name. */
  members(): MemberInfo[] {
    return this.serf.members();
  }

  /** Names of the members it believes alive, sorted. */
  alive(): string[] {
    return this.members().flatMap(({ name, status }) => (status === 'alive' ? [name] : []));
  }

  /** Starts a process, here or at another address. A later start counts as the fault `restart`. */
  boot(address: Address = this.#address): void {
    assert(this.#serf === undefined, `${this.name} is running already`);
    const { world } = this.#around;
    this.#lives += 1;
    if (this.#lives > 1) world.count('restart', address);
    if (hostPort(address) !== hostPort(this.#address)) world.count('new-address', address);
    this.#address = address;
    const { clockOffsetMs } = this.settings;
    const options = clockOffsetMs === undefined ? {} : { clockOffsetMs };
    this.#around.tell((watcher) => watcher.started?.(this));
    world.add(address, (network, random) => this.#build(address, network, random), options);
  }

  /** The process dies, or its whole machine; `disk` is what the next start finds. */
  crash(options: { readonly disk?: DiskFate; readonly powerLoss?: boolean } = {}): void {
    const { disk = 'kept', powerLoss = false } = options;
    const { world } = this.#around;
    world.kill(this.#address, { powerLoss });
    this.disk.crash(world.now, disk, this.#random);
    if (this.settings.snapshot !== false) world.count(`disk-${disk}`, this.#address);
    this.#ended('crashed');
  }

  pause(): void {
    this.#isPaused = true;
    this.#around.world.pause(this.#address);
  }

  resume(): void {
    this.#isPaused = false;
    this.#around.world.resume(this.#address);
  }

  /** Joins through other nodes or addresses; settles as `joined`. */
  join(to: readonly (SimNode | Address)[], ignoreOld = false): OperationId {
    const targets = to.map((target) => {
      const address = target instanceof SimNode ? target.address : target;
      return { address, label: hostPort(address) };
    });
    return this.#run((now, operation) => this.serf.join(now, operation, targets, { ignoreOld }));
  }

  /** Leaves in good order; its process ends when that is done, unless `stays`. */
  leave(options: { readonly stays?: boolean } = {}): OperationId {
    const operation = this.#run((now, id) => this.serf.leave(now, id));
    if (options.stays !== true) this.#leaving = operation;
    return operation;
  }

  /** Ends the process without a word to the cluster, as an interrupted agent does. */
  stop(): void {
    const { world } = this.#around;
    world.command(this.#address, (now) => this.serf.shutdown(now));
    this.#end('stopped');
  }

  userEvent(name: string, payload: Uint8Array | null = null, coalesce = false): void {
    this.#around.world.command(this.#address, (now) => this.serf.userEvent(now, name, payload, coalesce));
  }

  /** Asks the cluster; answers go to watchers. */
  query(params: Partial<QueryParams> & { readonly name: string }): OperationId {
    return this.#run((now, operation) =>
      this.serf.query(now, operation, { ...plainQuery(params.name, params.payload ?? null), ...params }),
    );
  }

  setTags(tags: Readonly<Record<string, string>>): OperationId {
    const wanted = new Map(Object.entries(tags));
    const operation = this.#run((now, id) => this.serf.setTags(now, id, wanted));
    this.#tags = wanted;
    return operation;
  }

  forceLeave(name: string, prune = false): OperationId {
    return this.#run((now, operation) => this.serf.forceLeave(now, operation, name, prune));
  }

  /** Changes or lists the cluster's keys; settles as `keys`. */
  changeKeys(request: KeyRequest): OperationId {
    return this.#run((now, operation) => this.serf.keys(now, operation, request));
  }

  #run(call: (now: Millis, operation: OperationId) => void): OperationId {
    const operation = this.#around.nextOperation();
    this.#around.world.command(this.#address, (now) => call(now, operation));
    return operation;
  }

  #build(address: Address, network: NetworkEffects, random: Random): Serf {
    const { world, logs, tell } = this.#around;
    const keyring = this.#keys.length === 0 ? undefined : new Keyring(this.#keys, this.#keys[0]);
    const config = nodeConfig(this.name, address, this.settings, {
      tags: this.#tags,
      keyring,
      earlier: this.settings.snapshot === false ? undefined : this.disk.boot(world.now),
      persistKeyring: (keys) => {
        this.#keys = keys;
        return undefined;
      },
    });
    this.#config = config;
    const life = this.#lives;
    const serf = new Serf({
      config,
      random,
      effects: this.#effects(network, life),
      trace: logs ? { note: (record) => tell((watcher) => watcher.logged?.(this, record)) } : undefined,
      createSwim: (options) => {
        const swim = new Swim(options);
        this.#swim = swim;
        return swim;
      },
    });
    this.#serf = serf;
    return serf;
  }

  #effects(network: NetworkEffects, life: number): SerfEffects {
    const { world, tell, keepsHistory } = this.#around;
    return {
      ...network,
      publish: (event) => {
        world.witness(event.type);
        if (keepsHistory) this.history.push({ at: world.now, life, event });
        tell((watcher) => watcher.published?.(this, event));
        if (event.type === 'query' && this.answerer !== undefined) this.#answerLater(event, life);
      },
      settle: (operation, outcome) => {
        tell((watcher) => watcher.settled?.(this, operation, outcome));
        if (operation === this.#leaving) this.#endLater(life, 'left');
      },
      answer: (query, answer, tally) => tell((watcher) => watcher.answered?.(this, query, answer, tally)),
      record: (line) => this.disk.record(world.now, line),
      evict: () => this.#endLater(life, 'evicted'),
    };
  }

  #answerLater(query: QueryEvent, life: number): void {
    const { world } = this.#around;
    world.after(0, () => {
      if (this.#lives !== life || this.#serf === undefined || this.#isPaused) return;
      const payload = this.answerer?.(query, this);
      if (payload !== undefined) {
        world.command(this.#address, (now) => this.#serf?.respond(now, query.id, payload));
      }
    });
  }

  #endLater(life: number, how: NodeEnd): void {
    this.#around.world.after(0, () => {
      if (this.#lives !== life || this.#serf === undefined) return;
      this.#around.world.command(this.#address, (now) => this.#serf?.shutdown(now));
      this.#end(how);
    });
  }

  #end(how: NodeEnd): void {
    this.disk.close();
    this.#around.world.stop(this.#address);
    this.#ended(how);
  }

  #ended(how: NodeEnd): void {
    this.#serf = undefined;
    this.#swim = undefined;
    this.#leaving = undefined;
    this.#isPaused = false;
    this.#around.tell((watcher) => watcher.ended?.(this, how));
  }
}
