import type { Mutation } from '@ostraca/core';
import { describe, expect, it } from 'vitest';
import { playScript } from './script.ts';
import { SCRIPTS } from './scripts.ts';

/** `PRINT=handOverReadsOn npx vitest run scripts -t 'a primary'` prints every event; `PRINT=none`: of the rules as they are. */
const PRINT = process.env.PRINT;
const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

describe('scripts', () => {
  it.each(SCRIPTS)('$name', (script) => {
    expect(playScript(script, PRINT === 'none' ? { print } : {})).toEqual([]);
    for (const [name, rule] of Object.entries(script.mutants ?? {})) {
      const mutant = name as Mutation;
      const rules = playScript(script, PRINT === mutant ? { mutant, print } : { mutant }).map((found) => found.rule);
      expect(rules, `${script.name} with ${mutant}`).toContain(rule);
    }
  });
});
