import { describe, expect, it } from 'vitest';
import { plainNumber, scaleOf } from '../../../../src/sim/report/axis.ts';
import { type LineChart, lineChart } from '../../../../src/sim/report/line-chart.ts';

const CHART: LineChart = {
  title: 'Load < limit & "more"',
  x: { label: 'members', scale: 'log2' },
  y: { label: 'datagrams' },
  series: [
    {
      label: 'measured',
      style: 'dots',
      points: [
        [8, 5],
        [16, 5.5],
        [32, 6],
      ],
    },
    {
      label: 'formula',
      style: 'dashed',
      points: [
        [8, 5],
        [32, 5],
      ],
    },
  ],
};

describe('marks', () => {
  it('have their label above the plot, as far as the next one lets them', () => {
    const labels = ['kill n1, n2, n3 and n4', 'hidden by the next', 'partition 99 nodes', 'the end'];
    const svg = lineChart({
      ...CHART,
      x: { label: 's', min: 0, max: 100 },
      marks: [0, 12, 12, 98].map((from, i) => ({ from, to: from, label: labels[i] ?? '' })),
    });
    const shown = [...svg.matchAll(/class="tick">([^<]*)</g)].map(([, label]) => label);
    expect(shown).toEqual(['kill n1, n…', 'partition 99 nodes']);
  });
});

describe('an axis', () => {
  it('has round ticks that enclose its values, from 0', () => {
    expect(scaleOf({ label: '' }, [3, 47]).ticks).toEqual([0, 10, 20, 30, 40, 50]);
    expect(scaleOf({ label: '' }, [0.0021]).ticks).toEqual([0, 0.0005, 0.001, 0.0015, 0.002, 0.0025]);
  });

  it('of powers has a tick at each, and no place for 0', () => {
    const scale = scaleOf({ label: '', scale: 'log2' }, [8, 40, 0]);
    expect(scale.ticks).toEqual([8, 16, 32, 64]);
    expect([scale.at(8), scale.at(64)]).toEqual([0, 1]);
    expect(scale.has(0)).toBe(false);
    expect(scaleOf({ label: '', scale: 'log10' }, [0.02, 3]).ticks).toEqual([0.01, 0.1, 1, 10]);
  });

  it('survives values that are all the same, or none', () => {
    for (const scale of ['linear', 'log2', 'log10'] as const) {
      for (const values of [[], [0], [5, 5]]) {
        const { ticks, at } = scaleOf({ label: '', scale }, values);
        expect(ticks.length).toBeGreaterThan(0);
        expect(ticks.every((tick) => Number.isFinite(at(tick)))).toBe(true);
      }
    }
  });

  it('groups thousands and keeps two figures of small numbers', () => {
    expect([12, 1234567, 0.0512, 2.34567, 120.4, -1500].map(plainNumber)).toEqual([
      '12',
      '1\u2009234\u2009567',
      '0.051',
      '2.35',
      '120',
      '-1\u2009500',
    ]);
  });
});

describe('a line chart', () => {
  it('is one SVG document that needs nothing from elsewhere and no script', () => {
    const svg = lineChart(CHART);
    expect(svg.startsWith('<svg xmlns="http://www.w3.org/2000/svg"')).toBe(true);
    expect(svg).not.toMatch(/<script|href=|url\(|@import/);
    expect(svg.match(/<g\b/g)?.length).toBe(svg.match(/<\/g>/g)?.length);
    expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  });

  it('says what it shows, whatever characters that has', () => {
    const svg = lineChart(CHART);
    expect(svg).toContain('Load &lt; limit &amp; &quot;more&quot;');
    for (const words of ['members', 'datagrams', 'measured', 'formula']) expect(svg).toContain(`>${words}<`);
  });

  it('draws a dot for each measured value, and one in the legend', () => {
    expect(lineChart(CHART).match(/<circle/g)).toHaveLength(4);
  });

  it('leaves out what has no place on its axes', () => {
    const series = [
      {
        label: 'a',
        style: 'dots' as const,
        points: [
          [0, 1],
          [8, Number.NaN],
          [16, 2],
        ] as const,
      },
    ];
    expect(lineChart({ ...CHART, series }).match(/<circle/g)).toHaveLength(2);
  });

  it('gives the same bytes for the same chart', () => {
    expect(lineChart(CHART)).toBe(lineChart(CHART));
  });
});
