import type { Millis } from '../../base/machine.ts';
import { PROFILES, SWIM_DEFAULTS, type SwimProfile } from '../../swim/config.ts';
import { pushPullScale, suspicionBounds } from '../../swim/scaling.ts';
import { SimCluster } from '../cluster.ts';
import { Observer } from './observer.ts';
import { capacityOf, type Plan, stepEnd } from './plan.ts';
import { Stage } from './stage.ts';
import { TrafficMeter } from './traffic.ts';

/** The nodes start so far apart while the cluster forms. */
const START_EVERY_MS = 20;
/** How long it stays quiet between having formed and the rehearsal proper: broadcasts of the joins are sent. */
const QUIET_MS = 10_000;
/** How long it runs on after everybody has agreed at the end. */
const TAIL_MS = 5_000;
/** The unit of `advance`, and how often curves get a point. */
const TICK_MS = 200;

export type Phase = 'forming' | 'quiet' | 'rehearsal' | 'calm' | 'over';

/**
 * A rehearsal under way: a cluster forms, the steps of the plan are done to it, and it comes to rest. The caller decides
 * how much happens at a time, which changes nothing of what happens.
 */
export class Rehearsal {
  readonly plan: Plan;
  readonly cluster: SimCluster;
  readonly observer: Observer;
  readonly stage: Stage;
  /** From the beginning of the rehearsal proper. */
  traffic: TrafficMeter | undefined;
  /** How long the cluster took to form; undefined while it forms, and when it never agreed. */
  formedMs: Millis | undefined;
  /** World time at which the rehearsal proper began. */
  zero: Millis | undefined;
  #phase: Phase = 'forming';
  /** World time at which the present phase is over at the latest. */
  #until: Millis;
  /** The tail after the last agreement, once it has begun. */
  #tailFrom: Millis | undefined;

  constructor(plan: Plan) {
    this.plan = plan;
    const capacity = capacityOf(plan);
    this.cluster = new SimCluster({
      seed: plan.seed,
      settings: plan.settings,
      keepsHistory: false,
      log: false,
    });
    this.observer = new Observer(this.cluster, capacity, suspicionBounds(timingsOf(plan), capacity).maxMs);
    this.stage = new Stage(plan, this.cluster, this.observer);
    this.cluster.watch({
      started: (node) => {
        if (node.lives === 1) this.traffic?.add(node, this.now);
      },
    });
    this.#until = plan.nodes * START_EVERY_MS + settleLimit(plan);
    for (let i = 0; i < plan.nodes; i += 1) {
      this.cluster.world.after(i * START_EVERY_MS, () => this.stage.arrive());
    }
  }

  get phase(): Phase {
    return this.#phase;
  }

  get now(): Millis {
    return this.cluster.world.now;
  }

  /** World time from which on the cluster has only to come to rest; an estimate until the rehearsal proper begins. */
  get expectedEnd(): Millis {
    const { plan } = this;
    const zero = this.zero ?? plan.nodes * START_EVERY_MS + 2 * QUIET_MS;
    return zero + (plan.durationMs ?? lastStepEnd(plan) + TAIL_MS);
  }

  /** Lets a little virtual time pass; false when the rehearsal is over. */
  advance(): boolean {
    if (this.#phase === 'over') return false;
    this.cluster.world.run(TICK_MS);
    this.observer.sample();
    this.traffic?.sample(this.now);
    this.#next();
    return true;
  }

  #next(): void {
    const { now, plan } = this;
    const isAgreed = this.observer.beliefs.isAgreed;
    switch (this.#phase) {
      case 'forming': {
        const isComplete = this.observer.beliefs.runningCount === plan.nodes && isAgreed;
        if (!isComplete && now < this.#until) return;
        if (isComplete) this.formedMs = this.observer.agreedAt ?? now;
        this.#enter('quiet', now + QUIET_MS);
        return;
      }
      case 'quiet':
        if (now >= this.#until) this.#begin();
        return;
      case 'rehearsal':
        if (now < this.#until) return;
        if (plan.durationMs === undefined) this.#enter('calm', now + settleLimit(plan));
        else this.#phase = 'over';
        return;
      case 'calm':
        this.#tailFrom = isAgreed ? (this.#tailFrom ?? now) : undefined;
        if (now >= this.#until || (this.#tailFrom !== undefined && now >= this.#tailFrom + TAIL_MS)) {
          this.#phase = 'over';
        }
        return;
      case 'over':
        return;
    }
  }

  #begin(): void {
    const { now, plan } = this;
    this.zero = now;
    this.traffic = new TrafficMeter(now);
    for (const node of this.cluster.nodes) this.traffic.add(node, now);
    this.stage.schedule();
    this.#enter('rehearsal', now + (plan.durationMs ?? lastStepEnd(plan)));
  }

  #enter(phase: Phase, until: Millis): void {
    this.#phase = phase;
    this.#until = until;
  }
}

/** The gossip timings of a plan's nodes. */
export function timingsOf(plan: Plan): SwimProfile {
  return { ...PROFILES[plan.settings.profile ?? 'lan'], ...SWIM_DEFAULTS, ...plan.settings.swim };
}

function lastStepEnd(plan: Plan): Millis {
  return Math.max(0, ...plan.steps.map(stepEnd));
}

/**
 * How long a cluster may take to come to rest before the rehearsal gives up: dead members are found by probing and condemned,
 * halves find each other again, and what gossip missed comes by a few state exchanges.
 */
export function settleLimit(plan: Plan): Millis {
  const timings = timingsOf(plan);
  const capacity = capacityOf(plan);
  return (
    60_000 +
    3 * timings.tcpTimeoutMs +
    2 * suspicionBounds(timings, capacity).maxMs +
    20 * timings.probeIntervalMs +
    4 * timings.pushPullIntervalMs * pushPullScale(capacity)
  );
}
