import type { RunResult } from './run.ts';
import { runScenario } from './run.ts';
import type { Action, Scenario, Step } from './scenario.ts';

/** Runs spent on making one scenario smaller. */
export const SHRINK_RUNS = 200;

/** Tells whether a scenario still shows the fault. */
export type StillFails = (scenario: Scenario) => boolean;

/** The checks that complained, each once. */
export function brokenChecks(result: Pick<RunResult, 'violations'>): string[] {
  return [...new Set(result.violations.map(({ check }) => check))].sort();
}

/** A scenario still shows a fault when one of the same checks complains. */
export function failsLike(checks: readonly string[]): StillFails {
  return (scenario) => brokenChecks(runScenario(scenario)).some((check) => checks.includes(check));
}

/**
 * Makes a failing scenario smaller while it still fails: leaves out steps (delta debugging, Zeller 2002), nodes, the
 * finale and the faults within a weather, and shortens what lasts. Spends at most `SHRINK_RUNS` runs.
 */
export function shrink(scenario: Scenario, stillFails: StillFails): Scenario {
  let left = SHRINK_RUNS;
  let best = scenario;
  const accept = (candidate: Scenario): boolean => {
    if (left <= 0) return false;
    left -= 1;
    if (!stillFails(candidate)) return false;
    best = candidate;
    return true;
  };
  for (let before: Scenario | undefined; before !== best && left > 0; ) {
    before = best;
    fewerSteps(() => best, accept);
    while (best.size > 1 && accept(withoutLastNode(best)));
    for (const part of best.finale) accept({ ...best, finale: best.finale.filter((kept) => kept !== part) });
    for (const variant of simpler(best)) accept(variant);
    for (let index = best.steps.length - 1; index >= 0; index -= 1) {
      for (const action of milder((best.steps[index] as Step).action))
        accept(withAction(best, index, action));
    }
  }
  return best;
}

/** Leaves out halves, then quarters, and so on, down to single steps. */
function fewerSteps(current: () => Scenario, accept: (candidate: Scenario) => boolean): void {
  for (
    let chunk = Math.ceil(current().steps.length / 2);
    chunk >= 1;
    chunk = chunk === 1 ? 0 : Math.ceil(chunk / 2)
  ) {
    for (let from = 0; from < current().steps.length; ) {
      const { steps } = current();
      const kept = [...steps.slice(0, from), ...steps.slice(from + chunk)];
      if (!accept({ ...current(), steps: kept })) from += chunk;
    }
  }
}

function withoutLastNode(scenario: Scenario): Scenario {
  const gone = `n${scenario.size}`;
  return {
    ...scenario,
    size: scenario.size - 1,
    steps: scenario.steps.filter(({ action }) => !namesOf(action).includes(gone)),
  };
}

function namesOf(action: Action): readonly string[] {
  switch (action.type) {
    case 'weather':
      return [];
    case 'partition':
      return action.nodes;
    case 'clog':
      return [action.from, action.to];
    case 'force-leave':
      return [action.by, action.node];
    default:
      return [action.node];
  }
}

function simpler(scenario: Scenario): Scenario[] {
  const { limits, ...roomy } = scenario;
  const last = scenario.steps.at(-1)?.at ?? 0;
  return [
    ...(limits === undefined ? [] : [roomy]),
    ...(scenario.encrypted ? [{ ...scenario, encrypted: false }] : []),
    ...(scenario.protocols.length > 1 ? [{ ...scenario, protocols: [5] }] : []),
    ...(scenario.maxQueueDepth < 4096 ? [{ ...scenario, maxQueueDepth: 4096 }] : []),
    ...(scenario.chaosMs > last + 20_000 ? [{ ...scenario, chaosMs: last + 20_000 }] : []),
  ];
}

/** The same action with one fault fewer, or shorter. */
function milder(action: Action): Action[] {
  const found: Action[] = [];
  if (action.type === 'weather') {
    for (const fault of Object.keys(action.weather)) {
      const weather = Object.fromEntries(Object.entries(action.weather).filter(([name]) => name !== fault));
      found.push({ ...action, weather });
    }
  }
  if (action.type === 'partition' && action.nodes.length > 1) {
    for (const node of action.nodes)
      found.push({ ...action, nodes: action.nodes.filter((kept) => kept !== node) });
  }
  if ('forMs' in action && action.forMs > 1_000)
    found.push({ ...action, forMs: Math.floor(action.forMs / 2) });
  return found;
}

function withAction(scenario: Scenario, index: number, action: Action): Scenario {
  return { ...scenario, steps: scenario.steps.map((step, i) => (i === index ? { ...step, action } : step)) };
}
