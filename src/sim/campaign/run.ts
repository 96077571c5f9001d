import { messageOf } from '../../base/errors.ts';
import type { Millis, OperationId } from '../../base/machine.ts';
import { seededRandom } from '../../base/random.ts';
import type { Outcome } from '../../serf/effects.ts';
import { PROFILES, SWIM_DEFAULTS } from '../../swim/config.ts';
import type { Violation } from '../checks/check.ts';
import { QueryCheck } from '../checks/messages.ts';
import { CHECKS, Violations, watchWith } from '../checks/watch.ts';
import type { FaultCounts } from '../faults.ts';
import { boundMs, convergenceBound } from './bound.ts';
import { FinaleRun, type Reached } from './finale.ts';
import { nodesOf, type Scenario } from './scenario.ts';
import { Stage } from './stage.ts';

/** How often the checks look at every node. */
const LOOK_EVERY_MS = 500;
/** How often convergence is asked for. */
const ASK_EVERY_MS = 250;
/** A quiet cluster of this time's length after all is done must still agree. */
const LAST_LOOK_MS = 3_000;

/** A vote over a name that came back elsewhere is over within this, and whoever loses it goes down then. */
const VOTE_MS = 10_000;

/** What became of a scenario. */
export interface RunResult {
  readonly violations: readonly Violation[];
  /** The world's digest at the end. */
  readonly hash: string;
  readonly faults: FaultCounts;
  readonly virtualMs: Millis;
  /** From the end of chaos until all agreed; undefined when they did not within the bound. */
  readonly convergedMs: Millis | undefined;
  readonly boundMs: Millis;
  /** How far the query in the calm reached. */
  readonly reached: Reached;
}

export interface RunOptions {
  /** Prepares the stage before anybody starts: a watcher, an observer, a planted bug. */
  readonly prepare?: (stage: Stage) => void;
  /** Nodes tell their log to watchers. */
  readonly log?: boolean;
}

/** Forms the cluster, lets chaos happen, then calm, and says which rules were broken. Never throws: a crash is a violation. */
export function runScenario(scenario: Scenario, options: RunOptions = {}): RunResult {
  const stage = new Stage(scenario, { log: options.log ?? false });
  const { cluster } = stage;
  const { world } = cluster;
  const violations = new Violations(() => world.now);
  const complain = (check: string) => violations.add.bind(violations, check);
  const profile = PROFILES[scenario.profile];
  const bound = convergenceBound(profile, SWIM_DEFAULTS.deadNodeReclaimTimeMs, nodesOf(scenario).length);
  const outcomes = new Map<OperationId, Outcome>();
  cluster.watch({ settled: (_node, operation, outcome) => void outcomes.set(operation, outcome) });
  const queries = new QueryCheck(complain('query-answers'));
  stage.onQuery = (node, asked) => queries.asked(cluster, node, asked);
  const checks = Object.entries(CHECKS).map(([name, make]) => make(complain(name)));
  watchWith(cluster, [...checks, queries], LOOK_EVERY_MS);
  options.prepare?.(stage);
  let convergedMs: Millis | undefined;
  let reached: Reached = { asked: 0, answered: 0 };
  const limit = boundMs(bound);
  const agree = (name: string): Millis | undefined => {
    const took = world.runUntil(() => hasConverged(stage), limit, ASK_EVERY_MS);
    if (took === undefined) complain('convergence')(`${name}: ${viewsOf(stage)}`);
    return took;
  };
  try {
    for (let i = 1; i <= scenario.size; i += 1) stage.arrive(`n${i}`);
    if (agree('the cluster forms') !== undefined) {
      stage.begin();
      world.run(scenario.chaosMs);
      stage.calm();
      stage.introduce();
      convergedMs = agree('calm');
      if (convergedMs !== undefined && hasMoves(scenario)) {
        world.run(VOTE_MS);
        agree('votes over');
      }
    }
    if (convergedMs !== undefined && stage.wanted.length > 0) {
      const random = seededRandom(scenario.seed, 'finale');
      const toldMs = 2 * bound.told;
      const finale = new FinaleRun({
        scenario,
        stage,
        queries,
        random,
        outcomes,
        toldMs,
        boundMs: limit,
        complain,
      });
      reached = finale.reached;
      finale.run();
      agree('after the finale');
      world.run(LAST_LOOK_MS);
      if (!isAgreed(stage)) complain('convergence')(`at the end: ${viewsOf(stage)}`);
    }
  } catch (error) {
    const stack = error instanceof Error ? (error.stack ?? '').split('\n').slice(1, 5).join(' ') : '';
    violations.add('crash', `${messageOf(error)}${stack}`);
  }
  return {
    violations: violations.found,
    hash: world.hash,
    faults: world.faults,
    virtualMs: world.now,
    convergedMs,
    boundMs: limit,
    reached,
  };
}

function hasMoves({ steps }: Scenario): boolean {
  return steps.some(({ action }) => 'newAddress' in action && action.newAddress === true);
}

/** Whoever shall run does, all agree on exactly these, and nobody is under suspicion. */
function hasConverged(stage: Stage): boolean {
  if (!isAgreed(stage)) return false;
  return stage.wanted.every((node) =>
    [...node.swim.members.values()].every(({ status }) => status !== 'suspect'),
  );
}

/** Whoever shall run does, and all agree on exactly these. */
function isAgreed({ wanted, cluster }: Stage): boolean {
  if (wanted.some((node) => !node.isRunning)) return false;
  return cluster.running.length === wanted.length && cluster.hasConverged();
}

/** What everybody believes, in one line. */
function viewsOf(stage: Stage): string {
  const { running } = stage.cluster;
  const wanted = stage.wanted.map(({ name }) => name).join(' ');
  const views = running.map((node) => {
    const members = node
      .members()
      .map(({ name, status }) => (status === 'alive' ? name : `${name}(${status})`));
    return `${node.name} sees ${members.join(' ')}`;
  });
  return `wanted ${wanted}; ${views.join('; ')}`;
}
