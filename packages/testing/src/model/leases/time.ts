/**
 * Time, and why no message of a lease is stored.
 *
 * A holder counts from when it asked, a grantor from when it was asked. A question that takes its time is received later than
 * it was sent, so the grantor's end moves away from the holder's: the worst question takes no time at all, and that is
 * the one asked here. An answer that takes its time gives less the later it comes, and only enables. So an answer counts from
 * the moment in which it was given: that it had not arrived yet is a run in which it was not used yet. Nor is a lease that was
 * granted told from one that is held: both are `HELD_LEASE` and `GRANT`.
 *
 * Clocks run alike here; what their rates may differ in is allowed for by the corners of leases.test.ts. A machine that sleeps
 * is the exception: its clock stands still. So what its container holds is dropped, answers on their way too (`leaseGen`), and
 * what it has promised lasts longer. A process that is merely stopped does nothing, which is a run like any other.
 */
import { begin, type Move } from '../breadth-first.ts';
import { actionCode } from './actions.ts';
import type { LeaseModel } from './rules.ts';
import {
  ACTS,
  ASLEEP,
  AWAKE,
  at,
  CATALOG_LEASE,
  CATALOG_REIGN,
  CATALOG_START,
  containerAt,
  GRANT,
  GRANTS_END,
  HELD_LEASE,
  LIFE,
  PROMISED,
  PROMISED_BEFORE,
  RESTARTS,
  ROLE,
  SLEEPS,
} from './state.ts';

export function expandTime(move: Move<LeaseModel>): void {
  tick(move);
  restartCatalog(move);
  for (let container = 0; container < move.model.layout.containers; container++) sleepOrWake(move, container);
}

function tick(move: Move<LeaseModel>): void {
  const { layout, broken } = move.model;
  const after = begin(move);
  let hasPassed = false;
  const pass = (index: number): void => {
    const left = at(after, index);
    if (left === 0) return;
    after[index] = left - 1;
    hasPassed = true;
  };
  for (const index of [CATALOG_LEASE, CATALOG_REIGN, CATALOG_START]) pass(index);
  for (let container = 0; container < layout.containers; container++) {
    const own = containerAt(layout, container);
    if (at(after, own + LIFE) !== AWAKE) continue;
    pass(own + PROMISED);
    pass(own + PROMISED_BEFORE);
    if (at(after, own + ROLE) !== ACTS) continue;
    pass(own + GRANTS_END);
    // Counted from its receipt, an answer that is still on its way is as good as new.
    if (broken.countFromReceipt) continue;
    pass(own + HELD_LEASE);
    for (let other = 0; other < layout.containers; other++) pass(own + GRANT + other);
  }
  if (hasPassed) move.emit(move, actionCode('tick'));
}

/** It has forgotten what it granted and since when a primary reigns; everybody else goes on. */
function restartCatalog(move: Move<LeaseModel>): void {
  const { bounds, broken } = move.model;
  if (at(move.before, RESTARTS) >= bounds.restarts) return;
  const after = begin(move);
  const waitTicks = broken.noStartWait ? 0 : bounds.lease;
  after[RESTARTS] = at(after, RESTARTS) + 1;
  after[CATALOG_START] = waitTicks;
  after[CATALOG_LEASE] = waitTicks;
  after[CATALOG_REIGN] = 0;
  move.emit(move, actionCode('restart'));
}

function sleepOrWake(move: Move<LeaseModel>, container: number): void {
  const { layout, bounds, broken } = move.model;
  const own = containerAt(layout, container);
  const life = at(move.before, own + LIFE);
  if (life === ASLEEP) {
    begin(move)[own + LIFE] = AWAKE;
    move.emit(move, actionCode('wake', container));
  }
  if (life !== AWAKE || at(move.before, SLEEPS) >= bounds.sleeps) return;
  const after = begin(move);
  after[SLEEPS] = at(after, SLEEPS) + 1;
  after[own + LIFE] = ASLEEP;
  if (!broken.noSuspendGuard && !broken.oldEchoAccepted) dropLeases(move.model, after, own);
  move.emit(move, actionCode('sleep', container));
}

function dropLeases({ layout }: LeaseModel, state: Uint8Array, own: number): void {
  state[own + HELD_LEASE] = 0;
  state.fill(0, own + GRANT, own + GRANT + layout.containers);
}
