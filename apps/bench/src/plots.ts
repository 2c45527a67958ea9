/** The plots of a report, as SVG. */
import { init } from 'echarts';
import { type Cell, summaryOf } from './results.ts';
import type { Series, TrialResult } from './trials/trial.ts';

const WIDTH = 760;
const HEIGHT = 420;

interface Plot {
  readonly name: string;
  readonly title: string;
  readonly svg: string;
}

interface Axes {
  readonly title: string;
  readonly x: { readonly name: string; readonly type: 'log' | 'category' };
  readonly y: { readonly name: string; readonly type: 'log' | 'value' };
}

export function plotsOf(cells: readonly Cell[], results: ReadonlyMap<string, TrialResult>): Plot[] {
  const plots: Plot[] = [];
  for (const row of new Set(cells.map((cell) => cell.row))) {
    const series = throughputOf(cells.filter((cell) => cell.row === row));
    if (!series.some(({ points }) => points.length > 1)) continue;
    const title = `${row}: thousand operations per second over calls in flight`;
    const axes: Axes = { title, x: { name: 'in flight', type: 'log' }, y: { name: 'k/s', type: 'log' } };
    plots.push({ name: row, title, svg: linesOf(series, axes) });
  }
  const memory = results.get('memory')?.series;
  if (memory !== undefined) {
    const title = 'Bytes beyond key and value over entries';
    const axes: Axes = { title, x: { name: 'entries', type: 'log' }, y: { name: 'bytes', type: 'value' } };
    plots.push({ name: 'memory', title, svg: linesOf(memory, axes) });
  }
  const pauses = results.get('pauses')?.series;
  if (pauses !== undefined) {
    const title = "Pauses of a container's event loop: how many, by their length";
    plots.push({ name: 'pauses', title, svg: barsOf(pauses, title) });
  }
  for (const [name, { series }] of results) {
    if (!name.startsWith('grow-') || series === undefined) continue;
    const what = name.slice('grow-'.length);
    const title = `Thousand operations per second over ${what}`;
    plots.push({
      name,
      title,
      svg: linesOf(series, { title, x: { name: what, type: 'log' }, y: { name: 'k/s', type: 'value' } }),
    });
  }
  return plots;
}

function throughputOf(cells: readonly Cell[]): Series[] {
  const names = [...new Set(cells.map(({ contender }) => contender))];
  return names.map((name) => ({
    name,
    points: cells
      .filter(({ contender }) => contender === name)
      .map((cell) => [cell.inFlight, summaryOf(cell).operationsPerSecond / 1_000] as const),
  }));
}

function linesOf(series: readonly Series[], { title, x, y }: Axes): string {
  return draw({
    title: { text: title, left: 'center', textStyle: { fontSize: 14 } },
    xAxis: { ...x, nameLocation: 'middle', nameGap: 28 },
    yAxis: y,
    series: series.map(({ name, points }) => ({ name, type: 'line', data: points.map((point) => [...point]) })),
  });
}

/** Each point's first number is the upper end of its bar; Infinity: all that is longer. */
function barsOf(series: readonly Series[], title: string): string {
  const ends = (series[0]?.points ?? []).map(([end]) => end);
  const labels = ends.map((end, index) => (Number.isFinite(end) ? `≤ ${end}` : `> ${ends[index - 1]}`));
  return draw({
    title: { text: title, left: 'center', textStyle: { fontSize: 14 } },
    xAxis: {
      type: 'category',
      data: labels,
      name: 'ms',
      nameLocation: 'middle',
      nameGap: 28,
      axisLabel: { interval: 0 },
    },
    yAxis: { type: 'log', name: 'count', min: 1 },
    // A logarithm has no place for none.
    series: series.map(({ name, points }) => ({ name, type: 'bar', data: points.map(([, count]) => count || null) })),
  });
}

function draw(option: object): string {
  const chart = init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT });
  chart.setOption({
    animation: false,
    backgroundColor: '#fff',
    legend: { bottom: 0 },
    grid: { bottom: 80 },
    ...option,
  });
  const svg = chart.renderToSVGString();
  chart.dispose();
  return svg;
}
