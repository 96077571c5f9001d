import type { Millis, OperationId } from '../../base/machine.ts';
import type { SimCluster } from '../cluster.ts';
import type { SimNode } from '../node.ts';
import type { Check, Complain } from './check.ts';

/** A user event, whose name nobody uses twice, comes to one process at most once. */
export function oncePerEventCheck(complain: Complain): Check {
  const seen = new Map<SimNode, Set<string>>();
  return {
    started: (node) => void seen.set(node, new Set()),
    published(node, event) {
      if (event.type !== 'user') return;
      const names = seen.get(node);
      if (names?.has(event.name) === true) complain(`${node.name} was told of ${event.name} twice`);
      names?.add(event.name);
    },
  };
}

interface Asked {
  readonly node: SimNode;
  readonly life: number;
  /** Of the asker's own clock. */
  readonly until: Millis;
  readonly only: ReadonlySet<string>;
  readonly heard: Set<string>;
  isOver: boolean;
}

/** What a query was asked with. */
export interface QueryAsked {
  readonly operation: OperationId;
  readonly timeoutMs: Millis;
  /** Empty for all. */
  readonly only: readonly string[];
}

/** A query that was over, and whom it reached. */
export interface QueryReach {
  readonly asked: number;
  readonly answered: number;
}

/** Slack for clocks that are read at another instant than the machine reads them. */
const CLOCK_SLACK_MS = 1;

/**
 * Answers to a query come from nodes it was put to, each once, and before its deadline by the asker's clock. Queries are
 * announced with `asked`, in the same instant in which they are put.
 */
export class QueryCheck implements Check {
  readonly #complain: Complain;
  readonly #queries = new Map<OperationId, Asked>();
  #world: SimCluster['world'] | undefined;

  constructor(complain: Complain) {
    this.#complain = complain;
  }

  /** A node puts a query. */
  asked(cluster: SimCluster, node: SimNode, { operation, timeoutMs, only }: QueryAsked): void {
    this.#world = cluster.world;
    const until = cluster.world.localTime(node.address) + timeoutMs;
    this.#queries.set(operation, {
      node,
      life: node.lives,
      until,
      only: new Set(only),
      heard: new Set(),
      isOver: false,
    });
  }

  answered: NonNullable<Check['answered']> = (node, operation, answer) => {
    const query = this.#queries.get(operation);
    if (query === undefined) return;
    if (query.isOver) this.#complain(`${node.name} heard of query ${operation} after its end`);
    if (answer === undefined) {
      query.isOver = true;
      return;
    }
    const { type, from } = answer;
    const told = `${node.name} got a query's ${type} from ${from}`;
    if (query.only.size > 0 && !query.only.has(from)) this.#complain(`${told}, which was not asked`);
    if (query.heard.has(`${type} ${from}`)) this.#complain(`${told} twice`);
    query.heard.add(`${type} ${from}`);
    const now = this.#world?.localTime(node.address) ?? 0;
    if (now > query.until + CLOCK_SLACK_MS)
      this.#complain(`${told} ${Math.round(now - query.until)} ms too late`);
  };

  /** Responses that came to a query. */
  responses(operation: OperationId): number {
    const heard = this.#queries.get(operation)?.heard ?? new Set<string>();
    return [...heard].filter((text) => text.startsWith('response')).length;
  }
}
