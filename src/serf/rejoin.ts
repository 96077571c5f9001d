import { hostPort, ipText } from '../base/address.ts';
import type { Deadlines } from '../base/deadlines.ts';
import type { Millis } from '../base/machine.ts';
import { type Random, shuffle } from '../base/random.ts';
import type { Trace, TraceLevel } from '../base/trace.ts';
import type { SerfConfig } from './config.ts';
import type { SerfDeadline } from './deadline.ts';
import type { LostMembers } from './lost-members.ts';
import type { PreviousNode } from './snapshot.ts';
import type { SwimOperations } from './swim-operations.ts';
import type { SwimPort } from './swim-port.ts';

export interface RejoinParts {
  readonly config: Pick<SerfConfig, 'previousNodes' | 'swim'>;
  readonly deadlines: Deadlines<SerfDeadline>;
  readonly operations: SwimOperations;
  readonly swim: Pick<SwimPort, 'join'>;
  /** Takes all of them: those not met at the start are looked for ever after. */
  readonly lost: LostMembers;
  readonly random: Random;
  readonly trace: Trace | undefined;
  /** False once we are leaving: then nobody is looked for. */
  readonly staying: () => boolean;
}

/**
 * Looks for the members of an earlier run, one after another until one answers (serf.md 8.6): those that were alive in
 * any order, then those that had failed, the last one first. No join intent follows, for we never said that we left.
 */
export class Rejoin {
  readonly #parts: RejoinParts;
  readonly #left: PreviousNode[] = [];

  constructor(parts: RejoinParts) {
    this.#parts = parts;
  }

  start(now: Millis): void {
    const { config, random, deadlines, lost } = this.#parts;
    const { alive, failed } = config.previousNodes;
    if (alive.length + failed.length === 0) return;
    const shuffled = [...alive];
    shuffle(shuffled, random);
    this.#left.push(...this.#others([...shuffled, ...failed]));
    for (const node of this.#left) lost.add(now, node);
    deadlines.set('rejoin', now, { type: 'rejoin' });
  }

  /** Tries the next member. */
  due(now: Millis): void {
    if (!this.#parts.staying()) return;
    const node = this.#left.shift();
    if (node === undefined) {
      this.#log('WARN', 'Failed to re-join any previously known node');
      return;
    }
    const { operations, swim } = this.#parts;
    const place = hostPort(node.address);
    this.#log('INFO', 'Attempting re-join to previously known node', node);
    const operation = operations.begin((at, outcome) => {
      if (outcome.type !== 'joined') return;
      if (outcome.contacted === 0) this.due(at);
      else this.#log('INFO', 'Re-joined to previously known node', node);
    });
    swim.join(now, operation, [{ address: node.address, label: `${node.name}/${place}` }]);
  }

  /** Each address once, without our own: we may have had another name, and would answer ourselves. */
  #others(nodes: readonly PreviousNode[]): PreviousNode[] {
    const { name: self, addr, port } = this.#parts.config.swim;
    const places = new Set([`${hostPort({ ip: ipText(addr) ?? '', port })}`]);
    return nodes.filter(({ name, address }) => {
      const place = hostPort(address);
      if (name === self || places.has(place)) return false;
      places.add(place);
      return true;
    });
  }

  #log(level: TraceLevel, message: string, node?: PreviousNode): void {
    const text = node === undefined ? message : `${message}: ${node.name}: ${hostPort(node.address)}`;
    this.#parts.trace?.note({
      level,
      source: 'serf',
      message,
      text,
      ...(node === undefined ? {} : { fields: { member: node.name } }),
    });
  }
}
