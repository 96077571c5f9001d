import { type LineChart, lineChart } from '../../../src/sim/report/line-chart.ts';
import { markdownTable } from '../../../src/sim/report/markdown.ts';
import { ascending, quantile } from '../../../src/sim/report/quantiles.ts';
import { ARMS } from './arms.ts';
import { count, NOTHING, spread, timesFewer } from './figures.ts';
import type { Cyclic, FalsePositives, Latencies } from './lifeguard.ts';
import { DEATHS_AT_ONCE, jobsOf, type Plan } from './plan.ts';
import type { Section } from './publish.ts';
import type { Store } from './store.ts';

/** One point of the grid, with what every arm made of it. */
export interface Cell {
  readonly c: number;
  readonly d: number;
  readonly i: number;
  readonly byArm: ReadonlyMap<string, FalsePositives>;
}

/** The cells that every arm has run; one that some arm lacks compares nothing. */
export function wholeCells(plan: Plan, store: Store): readonly Cell[] {
  const cells = new Map<string, Cell & { readonly byArm: Map<string, FalsePositives> }>();
  for (const job of jobsOf(plan)) {
    if (job.kind !== 'cyclic' || !job.blocks) continue;
    const { c, d, i }: Cyclic = job;
    const key = `${c} ${d} ${i}`;
    const cell = cells.get(key) ?? { c, d, i, byArm: new Map<string, FalsePositives>() };
    cells.set(key, cell);
    const done = store.get(job);
    if (done !== undefined) cell.byArm.set(job.arm, done.result as FalsePositives);
  }
  const bySize = (a: Cell, b: Cell): number => a.d - b.d || a.i - b.i || a.c - b.c;
  return [...cells.values()].filter(({ byArm }) => byArm.size === ARMS.length).sort(bySize);
}

/** Failure events of an arm over cells. */
export function sumOf(cells: readonly Cell[], arm: string): FalsePositives {
  const all = cells.map(({ byArm }) => byArm.get(arm) ?? { fp: 0, fpMinus: 0, stopped: 0 });
  const add = (pick: (one: FalsePositives) => number): number => all.reduce((sum, one) => sum + pick(one), 0);
  return { fp: add((one) => one.fp), fpMinus: add((one) => one.fpMinus), stopped: add((one) => one.stopped) };
}

/** Latencies of an arm in ascending order, all its jobs together. */
function latenciesOf(
  plan: Plan,
  store: Store,
  arm: string,
): { first: number[]; all: number[]; unreported: number } {
  const found = jobsOf(plan).flatMap((job) => {
    const done = job.kind === 'deaths' && job.arm === arm ? store.get(job) : undefined;
    return done === undefined ? [] : [done.result as Latencies];
  });
  return {
    first: ascending(found.flatMap(({ first }) => first)),
    all: ascending(found.flatMap(({ all }) => all)),
    unreported: found.reduce((sum, { unreported }) => sum + unreported, 0),
  };
}

/** The Lifeguard section. */
export function lifeguardSection(plan: Plan, store: Store): Section {
  const cells = wholeCells(plan, store);
  const planned = plan.c.length * plan.d.length * plan.i.length;
  const body = [
    '## Lifeguard: false positives and detection',
    '',
    intro(plan, cells, planned),
    '### False failure events, summed over the grid',
    '',
    falsePositives(cells),
    '![False failure events at healthy members, by how many members stop, for each arm](evaluation/lifeguard-false-positives.svg)',
    '',
    stoppedWhole(plan, store),
    '### True failures',
    '',
    deathsIntro(plan, store),
    latencies(plan, store),
    '### Beside the published ratios',
    '',
    ...published(plan, store, cells),
    '### Every cell',
    '',
    'FP / FP− of each arm; cells where no arm had any are left out.',
    '',
    everyCell(cells),
  ];
  return {
    body: body.join('\n'),
    charts: { 'lifeguard-false-positives.svg': lineChart(chartOf(plan, cells)) },
  };
}

function intro({ members, c, d, i, forMs }: Plan, cells: readonly Cell[], planned: number): string {
  const list = (values: readonly number[]): string => values.map(count).join(', ');
  return `The shape of the evaluation in *Lifeguard* (Dadgar, Phillips, Currey; arXiv 1707.00788), in virtual time: ${members} members of the
whole Serf machine, lan profile, 1 ms one way, nothing lost. C members stop processing messages for D, run for I, and so on in step
for ${forMs / 1_000} s; then everything runs for 12 s more. A member that has stopped neither sends nor hears, but its timers go on; what it sent
leaves and what came for it is heard when it goes on. Each run begins converged. Grid: C = ${list(c)}; D = ${list(d)} ms; I = ${list(i)} ms:
${planned} cells, one seed each, the same for every arm. ${cells.length === planned ? 'All have been run.' : `**Run by every arm so far: ${cells.length}**; only these are counted below.`}

An event counts as false when an agent reports failed a member that never stopped. **FP** counts them at all agents, **FP−** only at
agents that never stopped. Failures reported of members that had stopped are beside them: those could not answer in time.
α is \`suspicionMult\`; at 5 the wanted confirmations are the paper's 3. β is 6, and plain SWIM waits α · log10 N periods.
`;
}

function falsePositives(cells: readonly Cell[]): string {
  const base = sumOf(cells, 'swim');
  const rows = ARMS.map((arm) => {
    const sum = sumOf(cells, arm.id);
    const isBase = arm.id === 'swim';
    return [
      arm.label,
      count(sum.fp),
      isBase ? '1' : timesFewer(base.fp, sum.fp),
      count(sum.fpMinus),
      isBase ? '1' : timesFewer(base.fpMinus, sum.fpMinus),
      count(sum.stopped),
    ];
  });
  const head = [
    'arm',
    'FP',
    'fewer than SWIM',
    'FP−',
    'fewer than SWIM',
    'of stopped members, at the others',
  ];
  return markdownTable(head, rows);
}

/** What comes of processes that stop with their timers. */
function stoppedWhole(plan: Plan, store: Store): string {
  const found = jobsOf(plan).flatMap((job) => {
    const done = job.kind === 'cyclic' && !job.blocks ? store.get(job) : undefined;
    return done === undefined ? [] : [{ job: job as Cyclic, result: done.result as FalsePositives }];
  });
  const [first] = found;
  if (first === undefined) return '';
  const { c, d, i } = first.job;
  const counts = found.map(({ result }) => result.fp);
  const told = counts.every((fp) => fp === 0) ? 'none in any arm' : counts.map(count).join(', ');
  return `Where processes stop whole, timers included, as under SIGSTOP (C = ${c}, D = ${count(d)} ms, I = ${i} ms), the arms have these FP: ${told}.
Such a process starts no probe that must fail, and the agent reads what waits in its sockets before it acts on its timers.
`;
}

function chartOf(plan: Plan, cells: readonly Cell[]): LineChart {
  const longest = Math.max(...plan.d);
  const at = (c: number): readonly Cell[] => cells.filter((cell) => cell.d === longest && cell.c === c);
  return {
    title: 'False failure events at healthy members (FP−)',
    subtitle: `${plan.members} members; stops of ${count(longest)} ms, all intervals between them together`,
    x: { label: 'members that stop in step (C)', scale: 'log2' },
    y: { label: 'FP−', scale: 'log10' },
    series: ARMS.map((arm) => ({
      label: arm.label,
      style: 'dots',
      points: plan.c.map((c): readonly [number, number] => [c, sumOf(at(c), arm.id).fpMinus]),
    })),
  };
}

function deathsIntro(plan: Plan, store: Store): string {
  const { first } = latenciesOf(plan, store, 'swim');
  const c = Math.min(DEATHS_AT_ONCE, plan.members / 4);
  return `${c} of ${plan.members} members lose power at once, come back when all survivors have reported them, and so on; ${count(first.length)} deaths with SWIM alone.
Seconds from death: median / 99th / 99.9th of the deaths.
`;
}

function latencies(plan: Plan, store: Store): string {
  const rows = ARMS.map((arm) => {
    const { first, all, unreported } = latenciesOf(plan, store, arm.id);
    return [arm.label, count(first.length), spread(first), spread(all), count(unreported)];
  });
  const head = ['arm', 'deaths', 'first agent reports it', 'last agent reports it', 'not by all in 180 s'];
  return markdownTable(head, rows);
}

function published(plan: Plan, store: Store, cells: readonly Cell[]): string[] {
  const swim = sumOf(cells, 'swim');
  const ours = (arm: string): string => {
    const { fp, fpMinus } = sumOf(cells, arm);
    return `FP ${timesFewer(swim.fp, fp)}, FP− ${timesFewer(swim.fpMinus, fpMinus)}`;
  };
  const faster = (arm: string): string => {
    const [base, other] = [latenciesOf(plan, store, 'swim').first, latenciesOf(plan, store, arm).first].map(
      (all) => quantile(all, 0.5),
    );
    if (base === undefined || other === undefined) return NOTHING;
    const share = Math.round(100 * (1 - other / base));
    return share >= 0 ? `${share} % faster` : `${-share} % slower`;
  };
  const alone = sumOf(
    cells.filter(({ c }) => c === 1),
    'swim',
  );
  return [
    markdownTable(
      ['published', 'where from', 'here'],
      [
        ['more than 50 × fewer false positives', 'abstract, first version', ours('lifeguard')],
        ['full Lifeguard: between 50 × and 100 × fewer', 'quoted from its text', ours('lifeguard')],
        [
          'α = 4: 20 × fewer, failures detected 20 % faster',
          'reported by others',
          `${ours('shipped')}; median first report ${faster('shipped')}`,
        ],
        [
          'median detection 45 % faster, FP− still 3 × fewer',
          'abstract, first version',
          'its α and β are unknown: not run',
        ],
        [
          'SWIM alone: one overloaded member of 100 is enough for false positives',
          'reported by others',
          `C = 1, SWIM alone: FP ${count(alone.fp)}, FP− ${count(alone.fpMinus)} over all D and I`,
        ],
        ['each part alone', 'not established', 'the rows of the table above'],
      ],
      ['left', 'left', 'left'],
    ),
    `Not known to us: the paper's counts for each arm and cell, its percentiles, its exact values of C, D and I, how long its runs were, how
often they were repeated, and over what its ratios are taken. Ratios over another grid are other ratios, so this compares the shape and
not the figures. Two more differences: a member whose messages wait goes on probing here, so that its false suspicions add up with D;
and our health score also rises when the process itself was late by more than a probe interval.
`,
  ];
}

function everyCell(cells: readonly Cell[]): string {
  const told = cells.filter(({ byArm }) => [...byArm.values()].some(({ fp }) => fp > 0));
  const rows = told.map(({ c, d, i, byArm }) => [
    count(d),
    count(i),
    count(c),
    ...ARMS.map(({ id }) => {
      const one = byArm.get(id);
      return one === undefined ? NOTHING : `${count(one.fp)} / ${count(one.fpMinus)}`;
    }),
  ]);
  return markdownTable(['D, ms', 'I, ms', 'C', ...ARMS.map(({ label }) => label)], rows, [
    'right',
    'right',
    'right',
  ]);
}
