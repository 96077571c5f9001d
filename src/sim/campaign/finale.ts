import type { Millis, OperationId } from '../../base/machine.ts';
import type { Random } from '../../base/random.ts';
import type { Outcome } from '../../serf/effects.ts';
import { Snapshot } from '../../serf/snapshot.ts';
import type { Complain } from '../checks/check.ts';
import type { QueryCheck } from '../checks/messages.ts';
import type { SimNode } from '../node.ts';
import { keyOf } from './keys.ts';
import { movesAfterLeaving } from './move.ts';
import type { Scenario } from './scenario.ts';
import type { Stage } from './stage.ts';
import { confirmedDeath, falseAccusation, quietQueues, sameView } from './trials.ts';

/** Snapshot lines reach the disk within half a second. */
const FLUSHED_MS = 600;
/**
 * Operators repeat a key change that not everybody confirmed. With two transmissions of each message, as the local profile
 * has it, one of nine nodes is missed more often than not, and a removal needs two questions in a row that miss nobody.
 */
const KEY_TRIES = 60;
/** Gossip within a quiet cluster is a matter of a second or two; how long an operator waits for an outcome. */
const OUTCOME_MS = 60_000;
const LOOK_EVERY_MS = 250;
/** A false word has reached most before it is asked who believes it. */
const SLANDER_SPREAD_MS = 5_000;

export interface FinaleParts {
  readonly scenario: Scenario;
  readonly stage: Stage;
  readonly queries: QueryCheck;
  readonly random: Random;
  readonly outcomes: ReadonlyMap<OperationId, Outcome>;
  /** How long what gossip missed may take to come by state exchanges. */
  readonly toldMs: Millis;
  readonly boundMs: Millis;
  readonly complain: (check: string) => Complain;
}

/** How a query in the calm went: gossip may miss somebody, and nothing repeats a query. */
export interface Reached {
  asked: number;
  answered: number;
}

/** What must work in a calm cluster that has converged. */
export class FinaleRun {
  readonly #parts: FinaleParts;
  readonly reached: Reached = { asked: 0, answered: 0 };

  constructor(parts: FinaleParts) {
    this.#parts = parts;
  }

  run(): void {
    const { scenario, stage } = this.#parts;
    this.#message();
    this.#snapshots();
    const parts = new Set(scenario.finale);
    if (parts.has('events')) this.#events();
    if (parts.has('rotate') && scenario.encrypted && scenario.protocols.every((version) => version >= 4))
      this.#rotate();
    if (parts.has('restart')) this.#restart();
    if (parts.has('slander') && stage.wanted.length > 1) this.#slander();
    if (parts.has('move') && stage.wanted.length > 3) this.#move();
    if (parts.has('leave') && stage.wanted.length > 2) this.#leave();
    sameView(this.#parts);
    falseAccusation(this.#parts);
    confirmedDeath(this.#parts);
    quietQueues(this.#parts);
  }

  /** A user event reaches everybody, and a query is answered. */
  #message(): void {
    const { stage, queries } = this.#parts;
    const nodes = stage.wanted;
    const teller = this.#pick(nodes);
    const name = stage.tell(teller);
    const asker = this.#pick(nodes);
    const query = stage.ask(asker);
    this.#until(`event ${name}`, 'event-reaches-all', this.#parts.toldMs, () =>
      nodes.filter((node) => wants(node, name, teller) && !hasHeard(node, name)).map((node) => node.name),
    );
    if (query === undefined) return;
    this.#wait(asker.serf.defaultQueryTimeoutMs);
    this.reached.asked += nodes.length;
    this.reached.answered += queries.responses(query);
  }

  /** What was told in the chaos has come to everybody whose process has run ever since, from one that has too. */
  #events(): void {
    const { stage } = this.#parts;
    const since = new Map(stage.wanted.map((node) => [node.name, firstEventAt(node)]));
    const pending = stage.told.filter(({ node, at }) => (since.get(node) ?? Number.POSITIVE_INFINITY) <= at);
    this.#until('events of the chaos', 'event-reaches-all', this.#parts.toldMs, () =>
      pending.flatMap(({ name, node, at }) =>
        stage.wanted
          .filter((each) => (since.get(each.name) ?? Number.POSITIVE_INFINITY) <= at && !hasHeard(each, name))
          .filter((each) => wants(each, name, stage.cluster.node(node)))
          .map((each) => `${each.name} of ${name}`),
      ),
    );
  }

  /** What a restart would read names everybody who is alive. */
  #snapshots(): void {
    const { stage, complain } = this.#parts;
    this.#wait(FLUSHED_MS);
    for (const node of stage.wanted) {
      const snapshot = new Snapshot(false);
      for (const line of node.disk.lines(stage.cluster.world.now)) snapshot.apply(line);
      const known = new Set(snapshot.alive.map(({ name }) => name));
      const missing = node.alive().filter((name) => !known.has(name));
      if (missing.length > 0)
        complain('snapshot')(`the disk of ${node.name} does not name ${missing.join(', ')}`);
      const heard = lastHeard(node, stage.cluster.world.now - FLUSHED_MS);
      if (snapshot.lastTimes.event < heard)
        complain('snapshot')(
          `the disk of ${node.name} knows events up to ${snapshot.lastTimes.event}, it heard one of ${heard}`,
        );
    }
  }

  /** A node that restarts from its disk finds everybody without help. */
  #restart(): void {
    const { stage } = this.#parts;
    const node = this.#pick(stage.wanted);
    node.crash();
    this.#wait(2_000);
    node.boot();
    this.#until(`${node.name} after its restart`, 'restart', this.#parts.boundMs, () => dissenters(stage));
  }

  /** A live member that an operator declares gone says that it is here, and stays (serf.md 8). */
  #slander(): void {
    const { stage, boundMs } = this.#parts;
    const victim = this.#pick(stage.wanted);
    const operator = this.#pick(stage.wanted.filter((node) => node !== victim));
    operator.forceLeave(victim.name);
    this.#wait(SLANDER_SPREAD_MS);
    this.#until(`${victim.name}, wrongly declared gone`, 'slander', boundMs, () =>
      stage.wanted.flatMap((node) => {
        const status = node.members().find(({ name }) => name === victim.name)?.status;
        return status === 'alive' ? [] : [`${node.name} has it as ${status ?? 'unknown'}`];
      }),
    );
  }

  /** A member under a new address is found there by all, also by who missed the move. */
  #move(): void {
    const { stage, boundMs } = this.#parts;
    movesAfterLeaving(this.#parts);
    this.#until('the move', 'move', boundMs, () => dissenters(stage));
    sameView({ ...this.#parts, toldMs: this.#parts.boundMs });
  }

  /** Whoever leaves in the calm is left for everybody, and failed for nobody. */
  #leave(): void {
    const { stage } = this.#parts;
    const leaver = this.#pick(stage.wanted);
    stage.leave(leaver);
    this.#until(`${leaver.name} leaving`, 'left-not-failed', this.#parts.boundMs, () =>
      stage.wanted.flatMap((node) => {
        const status = node.members().find(({ name }) => name === leaver.name)?.status;
        return status === 'left' ? [] : [`${node.name} has it as ${status ?? 'unknown'}`];
      }),
    );
    // Gossip may miss a few, who then find out by probing; most have heard it from the leaver itself.
    const deceived = stage.wanted.filter((node) => node.swim.members.get(leaver.name)?.status === 'dead');
    if (2 * deceived.length > stage.wanted.length) {
      const names = deceived.map((node) => node.name).join(' ');
      this.#parts.complain('left-not-failed')(`${leaver.name} left, and SWIM of ${names} holds it for dead`);
    }
  }

  /** A new key is installed, used, and the old one removed, each step confirmed by all; nobody is lost. */
  #rotate(): void {
    const { stage, complain, scenario } = this.#parts;
    const before = failuresOf(stage.wanted);
    const [old, fresh] = [keyOf(scenario.seed, 0).base64, keyOf(scenario.seed, 2).base64];
    const operator = this.#pick(stage.wanted);
    const nodes = stage.wanted;
    this.#dismissFailed(operator);
    for (const [action, key] of [
      ['install', fresh],
      ['use', fresh],
      ['remove', old],
    ] as const) {
      if (!this.#changeKeys(operator, action, key)) {
        complain('key-rotation')(`${operator.name} could not ${action} a key in ${KEY_TRIES} tries`);
        return;
      }
      for (const node of nodes) this.#ring(node, action);
    }
    this.#wait(10_000);
    if (failuresOf(nodes) !== before) complain('key-rotation')('somebody failed while keys were rotated');
  }

  /** What a node's key ring holds after a step that all have confirmed: both keys until the old one is removed. */
  #ring(node: SimNode, after: 'install' | 'use' | 'remove'): void {
    const { complain, scenario } = this.#parts;
    const [old, fresh] = [keyOf(scenario.seed, 0).bytes, keyOf(scenario.seed, 2).bytes];
    const holds = (key: Uint8Array): boolean => node.keys.some((each) => sameBytes(each, key));
    if (!holds(fresh)) complain('key-rotation')(`${node.name} lacks the new key after ${after}`);
    if (holds(old) !== (after !== 'remove'))
      complain('key-rotation')(`${node.name} ${holds(old) ? 'has' : 'lacks'} the old key after ${after}`);
    const primary = node.keys[0] ?? new Uint8Array(0);
    if (!sameBytes(primary, after === 'install' ? old : fresh))
      complain('key-rotation')(`${node.name} encrypts with the wrong key after ${after}`);
  }

  /** Members that failed for good may lack a new key, so removing the old one is refused until they are declared gone. */
  #dismissFailed(operator: SimNode): void {
    const failed = (): string[] =>
      operator.members().flatMap(({ name, status }) => (status === 'failed' ? [name] : []));
    for (const name of failed()) operator.forceLeave(name);
    this.#until('failed members dismissed', 'force-leave', OUTCOME_MS, failed);
  }

  #changeKeys(operator: SimNode, action: 'install' | 'use' | 'remove', key: string): boolean {
    const { outcomes, stage } = this.#parts;
    for (let tries = 0; tries < KEY_TRIES; tries += 1) {
      const operation = operator.changeKeys({ action, key });
      stage.cluster.world.runUntil(() => outcomes.has(operation), OUTCOME_MS, LOOK_EVERY_MS);
      const outcome = outcomes.get(operation);
      if (outcome?.type === 'keys' && outcome.report.error === undefined) return true;
    }
    return false;
  }

  #until(what: string, check: string, limitMs: Millis, lacking: () => string[]): void {
    const { stage, complain } = this.#parts;
    const took = stage.cluster.world.runUntil(() => lacking().length === 0, limitMs, LOOK_EVERY_MS);
    if (took === undefined)
      complain(check)(`${what}, after ${Math.round(limitMs)} ms: ${lacking().join('; ')}`);
  }

  #wait(ms: Millis): void {
    this.#parts.stage.cluster.world.run(ms);
  }

  #pick(nodes: readonly SimNode[]): SimNode {
    return nodes[this.#parts.random.below(nodes.length)] as SimNode;
  }
}

/** What everybody sees while not all agree, or somebody lost a vote over its name and is down for a while; else empty. */
function dissenters({ wanted, cluster }: Stage): string[] {
  if (wanted.every((node) => node.isRunning) && cluster.hasConverged()) return [];
  return wanted.map((node) => `${node.name}: ${node.isRunning ? node.alive().join(' ') : 'down'}`);
}

/** World time of the present process's first event, which it publishes as it starts. */
function firstEventAt(node: SimNode): Millis {
  return node.history.find(({ life }) => life === node.lives)?.at ?? Number.POSITIVE_INFINITY;
}

/**
 * A node that came back from its disk wants no events of its earlier life, told by their time (serf.md 16.4). Somebody
 * whose clock is behind may tell a new one with such a time: it is ignored there, as in Serf.
 */
function wants(node: SimNode, name: string, teller: SimNode): boolean {
  const told = teller.history.find(({ event }) => event.type === 'user' && event.name === name)?.event;
  return told?.type === 'user' && told.ltime >= node.config.eventMinTime;
}

function hasHeard(node: SimNode, name: string): boolean {
  return node.history.some(
    ({ event, life }) => life === node.lives && event.type === 'user' && event.name === name,
  );
}

/** The latest Lamport time of the user events that a node heard in its present life up to a moment; 0 without any. */
function lastHeard(node: SimNode, until: Millis): number {
  const times = node.history.map(({ event, life, at }) =>
    life === node.lives && at <= until && event.type === 'user' ? event.ltime : 0,
  );
  return Math.max(0, ...times);
}

function failuresOf(nodes: readonly SimNode[]): number {
  return nodes.reduce(
    (sum, node) => sum + node.history.filter(({ event }) => event.type === 'member-failed').length,
    0,
  );
}

function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}
