/** The search through the model of leases. */
import { type Move, type SearchLimits, type SearchReport, type Space, searchSpace } from '../breadth-first.ts';
import { Folding } from '../folding.ts';
import { expandConfiguration } from './actions-configuration.ts';
import { expandPrimary } from './actions-primary.ts';
import { forget, renamingOf } from './canonical.ts';
import { isActing, type LeaseModel } from './rules.ts';
import { firstState } from './state.ts';
import { expandTime } from './time.ts';

export interface LeaseSearchOptions extends SearchLimits {
  /** Default true. Without it each renaming of a state is a state: for tests of the folding. */
  readonly foldsContainers?: boolean;
}

export function searchLeases(model: LeaseModel, options: LeaseSearchOptions = {}): SearchReport {
  return searchSpace(leaseSpaceOf(model, options.foldsContainers), options);
}

export function leaseSpaceOf(model: LeaseModel, foldsContainers = true): Space<LeaseModel> {
  const { layout } = model;
  const folding = new Folding(renamingOf(layout));
  return {
    model,
    bytes: layout.bytes,
    first: firstState(layout),
    expand,
    forget: (state) => forget(model, state),
    fingerprint: (state, into) => (foldsContainers ? folding.folded(state, into) : folding.plain(state, into)),
  };
}

function expand(move: Move<LeaseModel>): void {
  const { model, before } = move;
  for (let container = 0; container < model.layout.containers; container++) {
    if (isActing(model, before, container)) expandPrimary(move, container);
  }
  expandConfiguration(move);
  expandTime(move);
}
