/** All that can happen next. */
import { expandInSync } from './actions-in-sync.ts';
import { expandPromotion } from './actions-promotion.ts';
import { expandReplica } from './actions-replication.ts';
import { expandTransactions } from './actions-transactions.ts';
import { ACTING, at, replicaAt } from './state.ts';
import type { Step } from './step.ts';

/** Emits every successor of `step.before`, always in the same order. */
export function expand(step: Step): void {
  const { layout } = step.model;
  for (let replica = 0; replica < layout.replicas; replica++) {
    if (at(step.before, replicaAt(layout, replica) + ACTING) === 1) {
      expandTransactions(step, replica);
      expandInSync(step, replica);
    }
    expandReplica(step, replica);
  }
  expandPromotion(step);
}
