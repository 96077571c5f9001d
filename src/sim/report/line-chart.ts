import { type Axis, type Scale, scaleOf } from './axis.ts';

/** One curve. Points are [x, y] in the axes' units, in order of x. */
export interface Series {
  readonly label: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Measured values have dots on their line; formulas are dashed. Default line. */
  readonly style?: 'line' | 'dots' | 'dashed';
  /** Index of its colour; default its place among the series. Two series of one colour belong together. */
  readonly color?: number;
}

/** A stretch of the x axis, shaded over the plot's height; a line where it begins. */
export interface Mark {
  readonly from: number;
  readonly to: number;
  /** Above the plot where there is room, and shown by a reader that points at it. */
  readonly label: string;
}

export interface LineChart {
  readonly title: string;
  /** A line below the title: what was run. */
  readonly subtitle?: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
  /** What went on meanwhile, behind the curves. */
  readonly marks?: readonly Mark[];
  /** Pixels. */
  readonly width?: number;
  readonly height?: number;
}

/** Colours that people who see few still tell apart (Okabe and Ito), for light and for dark paper. */
const COLORS = [
  ['#0072b2', '#56b4e9'],
  ['#d55e00', '#ff8c42'],
  ['#009e73', '#2fd0a4'],
  ['#b0568f', '#e08dc0'],
  ['#8a6d00', '#e6c229'],
  ['#5c5c5c', '#b8b8b8'],
] as const;

const LEFT = 64;
const RIGHT = 24;
const BOTTOM = 52;
const LEGEND_LINE = 20;
/** Width of a letter of the legend; wide enough for every common font. */
const LETTER = 6.9;
/** Height of the line with the labels of marks, the width of their letters, and the fewest that say something. */
const MARK_LINE = 16;
const MARK_LETTER = 6;
const MARK_LETTERS_MIN = 5;

/**
 * A line chart as a document of its own: SVG without scripts, fonts or anything else to load. It follows the reader's
 * light or dark theme. The same chart gives the same bytes.
 */
export function lineChart(chart: LineChart): string {
  const { width = 720, height = 400, series, marks = [] } = chart;
  const points = series.flatMap((one) => one.points);
  const x = scaleOf(
    chart.x,
    points.map(([value]) => value),
  );
  const y = scaleOf(
    chart.y,
    points.map(([, value]) => value),
  );
  const legend = legendOf(series, width);
  const above = (chart.subtitle === undefined ? 40 : 60) + legend.height;
  const top = above + (marks.length === 0 ? 0 : MARK_LINE);
  const plot: Plot = { x, y, left: LEFT, top, width: width - LEFT - RIGHT, height: height - top - BOTTOM };
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(chart.title)}">`,
    style(),
    `<rect class="paper" width="${width}" height="${height}" rx="8"/>`,
    text(20, 28, 'title', chart.title),
    ...(chart.subtitle === undefined ? [] : [text(20, 48, 'note', chart.subtitle)]),
    `<g transform="translate(20 ${above - legend.height})">${legend.body}</g>`,
    ...frame(plot, chart),
    ...marks.map((one) => mark(plot, one)),
    ...markLabels(plot, marks),
    ...series.map((one, i) => curve(plot, one, colorOf(one, i))),
    '</svg>',
    '',
  ].join('\n');
}

interface Plot {
  readonly x: Scale;
  readonly y: Scale;
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

function frame(plot: Plot, { x, y }: LineChart): string[] {
  const { left, top, width, height } = plot;
  const bottom = top + height;
  const lines: string[] = [];
  for (const tick of plot.y.ticks) {
    const at = pixel(bottom - plot.y.at(tick) * height);
    lines.push(`<path class="grid" d="M${left} ${at}H${left + width}"/>`);
    lines.push(text(left - 8, Number(at) + 4, 'tick end', plot.y.format(tick)));
  }
  for (const tick of plot.x.ticks) {
    const at = pixel(left + plot.x.at(tick) * width);
    lines.push(`<path class="grid faint" d="M${at} ${top}V${bottom}"/>`);
    lines.push(text(at, bottom + 18, 'tick middle', plot.x.format(tick)));
  }
  lines.push(`<path class="axis" d="M${left} ${bottom}H${left + width}"/>`);
  lines.push(text(left + width / 2, bottom + 40, 'label middle', x.label));
  const middle = top + height / 2;
  lines.push(
    `<text class="label middle" transform="translate(16 ${pixel(middle)}) rotate(-90)">${escaped(y.label)}</text>`,
  );
  return lines;
}

function mark({ x, left, top, width, height }: Plot, { from, to, label }: Mark): string {
  const start = left + clamped(x.at(from)) * width;
  const end = left + clamped(x.at(to)) * width;
  const bottom = top + height;
  const band =
    end > start
      ? `<rect class="band" x="${pixel(start)}" y="${pixel(top)}" width="${pixel(end - start)}" height="${pixel(height)}"/>`
      : '';
  const line = `<path class="mark" d="M${pixel(start)} ${pixel(top)}V${pixel(bottom)}"/>`;
  return `<g><title>${escaped(label)}</title>${band}${line}</g>`;
}

/** The labels of marks above the plot, each as far as the next mark lets it. */
function markLabels({ x, left, top, width }: Plot, marks: readonly Mark[]): string[] {
  const starts = marks.map(({ from }) => left + clamped(x.at(from)) * width);
  return marks.flatMap(({ label }, i) => {
    const start = starts[i] ?? left;
    const next = Math.min(left + width, ...starts.filter((other, j) => j > i && other >= start));
    const letters = Math.floor((next - start - 4) / MARK_LETTER);
    if (letters < Math.min(label.length, MARK_LETTERS_MIN)) return [];
    const shown = label.length <= letters ? label : `${label.slice(0, letters - 1).trimEnd()}…`;
    return [text(start, top - 5, 'tick', shown)];
  });
}

function curve(plot: Plot, series: Series, color: number): string {
  const { left, top, width, height } = plot;
  const places = series.points
    .filter(([x, y]) => plot.x.has(x) && plot.y.has(y))
    .map(([x, y]): readonly [string, string] => [
      pixel(left + clamped(plot.x.at(x)) * width),
      pixel(top + (1 - clamped(plot.y.at(y))) * height),
    ]);
  if (places.length === 0) return '';
  const path = `<path d="${places.map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${x} ${y}`).join('')}"/>`;
  const dots =
    series.style === 'dots' ? places.map(([x, y]) => `<circle cx="${x}" cy="${y}" r="3.5"/>`).join('') : '';
  return `<g class="curve c${color}${series.style === 'dashed' ? ' dashed' : ''}">${path}${dots}</g>`;
}

function legendOf(
  series: readonly Series[],
  width: number,
): { readonly body: string; readonly height: number } {
  const parts: string[] = [];
  let at = 0;
  let line = 0;
  series.forEach((one, i) => {
    const wide = 34 + one.label.length * LETTER + 18;
    if (at > 0 && at + wide > width - 40) {
      at = 0;
      line += 1;
    }
    const y = line * LEGEND_LINE + 6;
    const dot = one.style === 'dots' ? `<circle cx="${pixel(at + 13)}" cy="${y}" r="3.5"/>` : '';
    const look = `curve c${colorOf(one, i)}${one.style === 'dashed' ? ' dashed' : ''}`;
    parts.push(`<g class="${look}"><path d="M${pixel(at)} ${y}h26"/>${dot}</g>`);
    parts.push(text(pixel(at + 34), y + 4, 'key', one.label));
    at += wide;
  });
  return { body: parts.join(''), height: series.length === 0 ? 0 : (line + 1) * LEGEND_LINE + 8 };
}

function colorOf(series: Series, place: number): number {
  return (series.color ?? place) % COLORS.length;
}

function style(): string {
  const strokes = (dark: 0 | 1): string =>
    COLORS.map((pair, i) => `.c${i}{stroke:${pair[dark]}}.c${i} circle{fill:${pair[dark]}}`).join('');
  return `<style>
text{font:12px system-ui,-apple-system,"Segoe UI",Roboto,Helvetica,Arial,sans-serif;fill:#444}
.title{font-size:16px;font-weight:600;fill:#111}.note{fill:#666}.label{fill:#333}.tick{fill:#666;font-size:11px}
.middle{text-anchor:middle}.end{text-anchor:end}
.paper{fill:#fff}.grid{stroke:#e4e4e4;fill:none}.faint{stroke:#f2f2f2}.axis{stroke:#999;fill:none}
.band{fill:#8a6d00;opacity:.09}.mark{stroke:#8a6d00;stroke-dasharray:2 4;fill:none}
.curve path{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}.curve circle{stroke:#fff;stroke-width:1}
.dashed path{stroke-dasharray:6 5;stroke-width:1.6}
${strokes(0)}
@media(prefers-color-scheme:dark){text{fill:#bbb}.title{fill:#f2f2f2}.note,.tick{fill:#999}.label{fill:#ccc}
.paper{fill:#16181c}.grid{stroke:#2c2f36}.faint{stroke:#22252b}.axis{stroke:#666}.curve circle{stroke:#16181c}
.band{fill:#e6c229}.mark{stroke:#e6c229}
${strokes(1)}}
</style>`;
}

function text(x: number | string, y: number, look: string, content: string): string {
  return `<text x="${typeof x === 'number' ? pixel(x) : x}" y="${pixel(y)}" class="${look}">${escaped(content)}</text>`;
}

/** What lies outside the limits is drawn at them. */
function clamped(share: number): number {
  return Math.min(1, Math.max(0, share));
}

function pixel(value: number): string {
  return String(Math.round(value * 10) / 10);
}

/** Text as it stands in SVG and HTML, in attributes too. */
export function escaped(content: string): string {
  return content
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
