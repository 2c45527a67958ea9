/** Broken rules whose hole is too rare for seeds: which script shows that they are noticed. */
import type { Mutation } from '@ostraca/core';
import type { Violation } from '../checkers/history.ts';
import { playScript } from './script.ts';
import { SCRIPTS } from './scripts.ts';

export interface Death {
  readonly script: string;
  readonly violation: Violation;
}

/** Plays the scripts that name this mutant; undefined: none of them notices it. */
export function deathInScript(mutant: Mutation): Death | undefined {
  for (const script of SCRIPTS) {
    const rule = script.mutants?.[mutant];
    if (rule === undefined) continue;
    const violation = playScript(script, { mutant }).find((found) => found.rule === rule);
    if (violation !== undefined) return { script: script.name, violation };
  }
  return undefined;
}
