import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Mutation } from '@ostraca/core';
import { describe, expect, it } from 'vitest';
import { MUTANTS } from '../simulator/mutants.ts';
import { playScript } from './script.ts';
import { SCRIPTS } from './scripts.ts';

/** `PRINT=handOverReadsOn npx vitest run scripts -t 'a primary'` prints every event; `PRINT=none`: of the rules as they are. */
const PRINT = process.env.PRINT;
/** `SEED=5`: what little is left to chance is another. */
const SEED = process.env.SEED === undefined ? {} : { seed: Number(process.env.SEED) };
const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

const ROWS = 73;

/** Seeds find these fast: `npm run sim -- --mutants`. */
const FOUND_BY_SEEDS: ReadonlySet<Mutation> = new Set<Mutation>([
  ...(['resolveWithoutMarker', 'skipOneApply', 'noReadmissionWait', 'dirtyLeavesRemoved'] as const),
]);

describe('scripts together', () => {
  it('notice every rule that the simulator can break', () => {
    const noticed = new Set(SCRIPTS.flatMap(({ mutants }) => Object.keys(mutants ?? {})));
    expect(MUTANTS.map(({ name }) => name).filter((name) => !noticed.has(name) && !FOUND_BY_SEEDS.has(name))).toEqual(
      [],
    );
  });

  it('are in the table of docs/internals/testing.md, and nothing else is', () => {
    const text = readFileSync(fileURLToPath(new URL('../../../../docs/internals/testing.md', import.meta.url)), 'utf8');
    const told = [...text.matchAll(/^\| (\d+) +\|.*\| (.*) \|$/gm)].map(([, row, cell = '']): [number, string[]] => [
      Number(row),
      [...cell.matchAll(/_([^_]+)_/g)].map(([, name = '']) => name),
    ]);
    expect(told.map(([row]) => row)).toEqual(Array.from({ length: ROWS }, (_, index) => index + 1));
    for (const [row, names] of told) {
      const expected = SCRIPTS.filter(({ rows }) => rows.includes(row)).map(({ name }) => name);
      expect([...names].sort(), `row ${row}`).toEqual(expected.sort());
    }
  });

  it('have a name each', () => {
    expect(new Set(SCRIPTS.map(({ name }) => name)).size).toBe(SCRIPTS.length);
  });
});

describe('scripts', () => {
  for (const script of SCRIPTS) {
    it(script.name, () => {
      expect(playScript(script, { ...SEED, ...(PRINT === 'none' ? { print } : {}) })).toEqual([]);
      for (const [name, rule] of Object.entries(script.mutants ?? {})) {
        const mutant = name as Mutation;
        const options = { ...SEED, ...(PRINT === mutant ? { print } : {}), mutant };
        const rules = playScript(script, options).map((found) => found.rule);
        expect(rules, `with ${mutant}`).toContain(rule);
      }
    });
  }
});
