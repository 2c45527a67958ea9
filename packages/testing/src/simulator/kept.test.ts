import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { MUTANTS } from './mutants.ts';
import { violatesRule } from './shrink.ts';
import { readKept } from './shrink-cli.ts';
import { runSimulation } from './simulation.ts';

const FOLDER = new URL('kept/', import.meta.url);
const FOLDER_NAME = 'packages/testing/src/simulator/kept';

const lists = readdirSync(FOLDER).map((file) => ({ file, kept: readKept(fileURLToPath(new URL(file, FOLDER))) }));
const ofMutants = lists.flatMap(({ file, kept }) =>
  kept.mutant === undefined ? [] : [{ file, kept, mutant: kept.mutant, rule: kept.rule }],
);

describe('kept decision lists', () => {
  it.each(lists)('$file shows nothing in the code as it is', ({ file, kept: { decisions } }) => {
    const { violations } = runSimulation({ seed: 0, decisions });
    const look = `A mistake is here, or is here again: npm run sim -- --replay ${FOLDER_NAME}/${file}`;
    expect(violations, look).toEqual([]);
  });

  it.each(ofMutants)('$file breaks $rule with $mutant', ({ file, kept: { decisions }, mutant, rule }) => {
    const report = runSimulation({ seed: 0, decisions, mutations: new Set([mutant]) });
    const again = `npm run sim -- --mutant ${mutant} --shrink --out ${FOLDER_NAME}/${file}`;
    const look = `The code has changed, and this list does not show ${mutant} any more. Find and shrink it again: ${again}`;
    expect(violatesRule(report, rule), look).toBe(true);
  });

  it('are there for each mutant that the tests must show dead, and for no other', () => {
    const required = MUTANTS.filter(({ isRequired }) => isRequired).map(({ name }) => name);
    expect(new Set(ofMutants.map(({ mutant }) => mutant))).toEqual(new Set(required));
  });
});
