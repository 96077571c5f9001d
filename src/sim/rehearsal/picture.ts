import { escaped } from '../report/line-chart.ts';
import { chartsOf } from './charts.ts';
import { badgeOf } from './page.ts';
import type { Rehearsal } from './rehearsal.ts';
import type { Results } from './results.ts';
import { weatherText } from './step-text.ts';

/** Pixels. */
const CHART = { width: 720, height: 400 };
const GAP = 16;
const HEADER = 104;
const WIDTH = 2 * CHART.width + 3 * GAP;

/** The plots alone, as one SVG with a heading: for a page or a ticket that has its own words. */
export function resultsPicture(rehearsal: Rehearsal, results: Results, command: string): string {
  const charts = chartsOf(rehearsal);
  const height = HEADER + Math.ceil(charts.length / 2) * (CHART.height + GAP);
  const [verdict] = badgeOf(results);
  const title = `${results.nodes} nodes, ${results.profile}, seed ${results.seed}: ${verdict}`;
  const placed = charts.map((chart, i) => {
    const x = GAP + (i % 2) * (CHART.width + GAP);
    const y = HEADER + Math.floor(i / 2) * (CHART.height + GAP);
    return chart.replace('<svg ', `<svg x="${x}" y="${y}" `);
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-label="${escaped(title)}">`,
    '<style>.ground{fill:#f3f4f6}.head{font-size:24px;font-weight:600}.said{font-size:15px}.typed{font:13px monospace}',
    '@media(prefers-color-scheme:dark){.ground{fill:#0d0e11}}</style>',
    `<rect class="ground" width="${WIDTH}" height="${height}"/>`,
    // After the first chart: its rules for texts are those of the document.
    ...placed,
    heading(34, 'title head', title),
    heading(60, 'note said', `Weather: ${weatherText(results.weather)}`),
    heading(84, 'label typed', command),
    '</svg>',
    '',
  ].join('\n');
}

function heading(y: number, look: string, content: string): string {
  return `<text x="${GAP + 4}" y="${y}" class="${look}">${escaped(content)}</text>`;
}
