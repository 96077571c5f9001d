import { unreachable } from '../../base/assert.ts';
import type { Millis, OperationId } from '../../base/machine.ts';
import { type Random, seededRandom, shuffle } from '../../base/random.ts';
import type { Outcome } from '../../serf/effects.ts';
import type { SimCluster } from '../cluster.ts';
import type { SimNode } from '../node.ts';
import type { Watcher } from '../watcher.ts';
import { CALM, type Cut, deafen, mute, separate, type Weather } from '../weather.ts';
import type { Observer } from './observer.ts';
import { type Plan, type PlanAction, type PlanStep, stepEnd, type Who } from './plan.ts';

/** A join that reached nobody is tried again after this long, as an agent with `retry_join` or an operator would. */
const RETRY_JOIN_MS = 5_000;
const CUTS = { both: separate, in: deafen, out: mute } as const;

/** A step as it was carried out. */
export interface DoneStep {
  readonly step: PlanStep;
  /** World time. */
  readonly at: Millis;
  /** World time at which what it did was undone, or its last event sent. */
  readonly until: Millis;
  /** The nodes it was about. */
  readonly members: readonly string[];
  /** How long after `until` everybody agreed again; undefined while they do not. */
  agreedMs: Millis | undefined;
}

/** Carries out the steps of a plan. */
export class Stage implements Watcher {
  readonly done: DoneStep[] = [];
  readonly #plan: Plan;
  readonly #cluster: SimCluster;
  readonly #observer: Observer;
  readonly #random: Random;
  readonly #joins = new Map<OperationId, SimNode>();
  readonly #byName = new Map<string, SimNode>();

  constructor(plan: Plan, cluster: SimCluster, observer: Observer) {
    this.#plan = plan;
    this.#cluster = cluster;
    this.#observer = observer;
    this.#random = seededRandom(plan.seed, 'rehearsal');
    cluster.watch(this);
    observer.onAgreed = (now) => {
      for (const step of this.done) if (now >= step.until) step.agreedMs ??= now - step.until;
    };
  }

  /** Adds the next node; each but the first joins through the first. */
  arrive(): SimNode {
    const node = this.#cluster.add(`n${this.#byName.size + 1}`);
    this.#byName.set(node.name, node);
    const others = this.#cluster.running.filter((other) => other !== node && !other.isPaused);
    const first = others.find(({ name }) => name === 'n1') ?? others[0];
    if (first !== undefined) this.#joins.set(node.join([first]), node);
    return node;
  }

  settled(_node: SimNode, operation: OperationId, outcome: Outcome): void {
    const node = this.#joins.get(operation);
    if (node === undefined) return;
    this.#joins.delete(operation);
    if (outcome.type !== 'joined' || outcome.contacted > 0) return;
    const { lives } = node;
    this.#cluster.world.after(RETRY_JOIN_MS, () => {
      if (!node.isRunning || node.lives !== lives || node.isPaused) return;
      const [other] = this.#pick(
        { type: 'count', count: 1 },
        this.#up().filter((one) => one !== node),
      );
      if (other !== undefined) this.#joins.set(node.join([other]), node);
    });
  }

  /** Puts every step into the world's future, from now on. */
  schedule(): void {
    const { world } = this.#cluster;
    Object.assign(world.weather, this.#plan.weather);
    const zero = world.now;
    for (const step of this.#plan.steps) {
      world.after(step.at, () => {
        const members = this.#do(step.action);
        const done: DoneStep = {
          step,
          at: world.now,
          until: zero + stepEnd(step),
          members,
          agreedMs: undefined,
        };
        this.done.push(done);
        // Who leaves does so after a while: nobody has noticed yet.
        if (step.action.type === 'leave') return;
        world.after(done.until - world.now, () => {
          if (this.#observer.beliefs.isAgreed) done.agreedMs ??= 0;
        });
      });
    }
  }

  #do(action: PlanAction): readonly string[] {
    switch (action.type) {
      case 'kill':
        return this.#each(action.who, this.#cluster.running, (node) => this.#kill(node, action));
      case 'restart':
        return this.#each(action.who, this.#dead(), (node) => this.#restart(node));
      case 'pause':
        return this.#pause(action.who, action.forMs);
      case 'resume':
        return this.#each(action.who, this.#paused(), (node) => this.#resume(node));
      case 'leave':
        return this.#each(action.who, this.#up(), (node) => this.#leave(node));
      case 'join':
        return Array.from({ length: action.count }, () => this.#join());
      case 'partition':
        return this.#partition(action);
      case 'heal':
        this.#heal(action.name);
        return [];
      case 'weather':
        this.#weather(action.weather, action.forMs);
        return [];
      case 'event':
        this.#events(action);
        return [];
      default:
        return unreachable(action);
    }
  }

  #kill(node: SimNode, { powerLoss, disk }: Extract<PlanAction, { type: 'kill' }>): void {
    this.#observer.news.begin('death', this.#observer.indexOf(node), node.name, this.#now);
    node.crash({ powerLoss, disk });
  }

  #restart(node: SimNode): void {
    node.boot();
    const [other] = this.#pick(
      { type: 'count', count: 1 },
      this.#up().filter((one) => one !== node),
    );
    if (other !== undefined) this.#joins.set(node.join([other]), node);
  }

  #pause(who: Who, forMs: Millis | undefined): string[] {
    return this.#each(who, this.#up(), (node) => {
      const { lives } = node;
      node.pause();
      this.#observer.alarms.paused(node.name);
      if (forMs === undefined) return;
      this.#cluster.world.after(forMs, () => {
        if (node.lives === lives && node.isPaused) this.#resume(node);
      });
    });
  }

  #resume(node: SimNode): void {
    this.#observer.alarms.resumed(node.name, this.#now);
    node.resume();
  }

  #leave(node: SimNode): void {
    this.#observer.news.begin('leave', this.#observer.indexOf(node), node.name, this.#now);
    this.#observer.alarms.leaves(node.name);
    node.leave();
  }

  #join(): string {
    const node = this.arrive();
    this.#observer.news.begin('join', this.#observer.indexOf(node), node.name, this.#now);
    return node.name;
  }

  #partition({ who, name, kind, forMs }: Extract<PlanAction, { type: 'partition' }>): string[] {
    const { world } = this.#cluster;
    const chosen = this.#pick(who, this.#cluster.running);
    const cut: Cut = CUTS[kind](chosen.map(({ address }) => address));
    world.partition(cut, name);
    this.#observer.alarms.separated(name, cut, this.#now);
    if (forMs !== undefined) world.after(forMs, () => this.#heal(name));
    return chosen.map((node) => node.name);
  }

  #heal(name: string | undefined): void {
    this.#cluster.world.heal(name);
    this.#observer.alarms.healed(name, this.#now);
  }

  #weather(weather: Partial<Weather>, forMs: Millis | undefined): void {
    const { world } = this.#cluster;
    Object.assign(world.weather, weather);
    if (forMs === undefined) return;
    const usual: Weather = { ...CALM, ...this.#plan.weather };
    const before = Object.fromEntries(
      Object.keys(weather).map((key) => [key, usual[key as keyof Weather]]),
    ) as Partial<Weather>;
    world.after(forMs, () => Object.assign(world.weather, before));
  }

  #events(action: Extract<PlanAction, { type: 'event' }>): void {
    const { world } = this.#cluster;
    for (let i = 0; i < action.count; i += 1) world.after(i * action.everyMs, () => this.#event(action));
  }

  #event({ bytes, from }: Extract<PlanAction, { type: 'event' }>): void {
    const who: Who = from === undefined ? { type: 'count', count: 1 } : { type: 'names', names: [from] };
    const [sender] = this.#pick(who, this.#up());
    if (sender === undefined) return;
    const others = this.#cluster.running.filter((node) => node !== sender);
    const audience = new Map(others.map((node) => [this.#observer.indexOf(node), node.lives]));
    const name = this.#observer.events.begin(this.#now, audience);
    sender.userEvent(name, this.#random.bytes(bytes));
  }

  #each(who: Who, from: readonly SimNode[], act: (node: SimNode) => void): string[] {
    const chosen = this.#pick(who, from);
    for (const node of chosen) act(node);
    return chosen.map(({ name }) => name);
  }

  /** The nodes meant, of those that can be; in the order they were added. */
  #pick(who: Who, from: readonly SimNode[]): SimNode[] {
    if (who.type === 'names') return from.filter(({ name }) => who.names.includes(name));
    const count = who.type === 'count' ? who.count : Math.max(1, Math.round(who.share * from.length));
    const places = from.map((_, place) => place);
    shuffle(places, this.#random);
    const chosen = new Set(places.slice(0, count));
    return from.filter((_, place) => chosen.has(place));
  }

  #up(): SimNode[] {
    return this.#cluster.running.filter((node) => !node.isPaused);
  }

  #paused(): SimNode[] {
    return this.#cluster.running.filter((node) => node.isPaused);
  }

  #dead(): SimNode[] {
    return this.#cluster.nodes.filter((node) => !node.isRunning);
  }

  get #now(): Millis {
    return this.#cluster.world.now;
  }
}
