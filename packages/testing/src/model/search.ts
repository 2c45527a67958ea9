/** The search through the model of commit, abort, eviction, promotion and retry. */
import { type SearchLimits, type SearchReport, type Space, searchSpace } from './breadth-first.ts';
import { forget, renamingOf } from './canonical.ts';
import { expand } from './expand.ts';
import { Folding } from './folding.ts';
import type { Model } from './rules.ts';
import { firstState } from './state.ts';

export interface SearchOptions extends SearchLimits {
  /** Default true. Without it each renaming of a state is a state: for tests of the folding. */
  readonly foldsReplicas?: boolean;
}

export function search(model: Model, options: SearchOptions = {}): SearchReport {
  return searchSpace(spaceOf(model, options.foldsReplicas), options);
}

export function spaceOf(model: Model, foldsReplicas = true): Space<Model> {
  const { layout } = model;
  const folding = new Folding(renamingOf(layout));
  return {
    model,
    bytes: layout.bytes,
    first: firstState(layout),
    expand,
    forget: (state) => forget(model, state),
    fingerprint: (state, into) => (foldsReplicas ? folding.folded(state, into) : folding.plain(state, into)),
  };
}
