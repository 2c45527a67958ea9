// Goal: a plot is an SVG with a line for each contender, drawn without a browser.
import { expect, test } from 'vitest';
import type { Measurement } from './driver/task.ts';
import { plotsOf } from './plots.ts';
import type { Cell } from './results.ts';
import type { Series, TrialResult } from './trials/trial.ts';

function cell(contender: string, inFlight: number, operationsPerSecond: number): Cell {
  const latency = { p50: 1, p99: 1, p999: 1, max: 1 };
  const round: Measurement = { operations: 1, seconds: 1, operationsPerSecond, latency, usage: {} };
  return { row: 'get', inFlight, contender, family: 'resp', wait: 'none', system: 'redis', rounds: [round] };
}

test('throughput over calls in flight', () => {
  const cells = [
    cell('ioredis', 1, 8_000),
    cell('ioredis', 64, 90_000),
    cell('floor', 1, 9_000),
    cell('floor', 64, 2e5),
  ];
  const [plot] = plotsOf(cells, new Map());
  expect(plot?.name).toBe('get');
  expect(plot?.svg).toMatch(/^<svg /);
  for (const text of ['ioredis', 'floor', 'in flight']) expect(plot?.svg).toContain(text);
});

test('one number in flight is no line', () => {
  expect(plotsOf([cell('ioredis', 16, 8_000), cell('floor', 16, 9_000)], new Map())).toEqual([]);
});

test('memory and pauses', () => {
  const resultOf = (name: string, points: Series['points']): TrialResult => {
    return { figures: [], head: [], lines: [], series: [{ name, points }] };
  };
  const memory = resultOf('ostraca', [
    [1_000, 90],
    [5_000_000, 36],
  ]);
  const pauses = resultOf('filled', [
    [1, 500],
    [20, 3],
    [Infinity, 0],
  ]);
  const plots = plotsOf([], new Map(Object.entries({ memory, pauses })));
  expect(plots.map(({ name }) => name)).toEqual(['memory', 'pauses']);
  expect(plots[0]?.svg).toContain('ostraca');
  expect(plots[1]?.svg).toContain('&gt; 20');
});
