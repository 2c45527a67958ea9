/** A script: what happens, which rows of docs/internals/testing.md it tells, and which broken rules it must notice. */
import type { Mutation } from '@ostraca/core';
import type { Violation } from '../checkers/history.ts';
import { Stage } from './stage.ts';
import { ScriptFailure } from './stage-grid.ts';
import type { StageOptions } from './stage-options.ts';

export interface Script {
  /** What happens. */
  readonly name: string;
  /** Of the table of failures in docs/internals/testing.md. */
  readonly rows: readonly number[];
  /** The invariants that it would break. */
  readonly breaks: string;
  readonly stage: StageOptions;
  /** Broken rules under which it must end badly: the word of a checker, or `script`, its own expectation. */
  readonly mutants?: Readonly<Partial<Record<Mutation, string>>>;
  /** Begins on a grid whose copies are all in sync; all is mended and judged after it. */
  readonly play: (stage: Stage) => void;
}

export interface PlayOptions extends Pick<StageOptions, 'print' | 'seed'> {
  readonly mutant?: Mutation;
}

export function playScript(script: Script, { mutant, ...options }: PlayOptions = {}): readonly Violation[] {
  const mutations = new Set(mutant === undefined ? [] : [mutant]);
  const stage = new Stage({ ...script.stage, ...options, mutations });
  const violations: Violation[] = [];
  try {
    stage.form();
    script.play(stage);
  } catch (error) {
    if (!(error instanceof ScriptFailure)) throw error;
    violations.push({ rule: 'script', what: error.message });
  }
  return [...violations, ...stage.end()];
}
