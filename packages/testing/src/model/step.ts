/** What actions share: numbers that name them, so that a trace can be told again from numbers alone. */
import type { Move } from './breadth-first.ts';
import type { Model } from './rules.ts';
import { ACTING, at, EPOCH, EPOCH_LENGTH, EPOCH_LOG, epochAt, type Layout, LENGTH, replicaAt } from './state.ts';

export const ACTIONS = [
  'submit',
  'retry',
  'refuseRetry',
  'abort',
  'decide',
  'answerAbort',
  'loseAnswer',
  'startAdd',
  'evict',
  'add',
  'accept',
  'learn',
  'promoteFromSync',
  'promoteFromElr',
  'takeOver',
  'join',
  'report',
  'refuse',
  'crash',
] as const;
export type ActionName = (typeof ACTIONS)[number];

/** A byte each: kind, actor, and two that mean what trace.ts says. */
export function actionCode(name: ActionName, actor: number, object = 0, option = 0): number {
  return (ACTIONS.indexOf(name) << 24) | (actor << 16) | (object << 8) | option;
}

export interface Action {
  readonly name: ActionName;
  readonly actor: number;
  readonly object: number;
  readonly option: number;
}

export function actionOf(code: number): Action {
  const name = ACTIONS[code >> 24] as ActionName;
  return { name, actor: (code >> 16) & 255, object: (code >> 8) & 255, option: code & 255 };
}

export type Step = Move<Model>;

/** The acting primary of `epoch`, or -1. */
export function actingPrimaryOf({ layout }: Model, state: Uint8Array, epoch: number): number {
  for (let replica = 0; replica < layout.replicas; replica++) {
    const replicaIndex = replicaAt(layout, replica);
    if (at(state, replicaIndex + ACTING) === 1 && at(state, replicaIndex + EPOCH) === epoch) return replica;
  }
  return -1;
}

/** Writes a record at the end of the primary's log, which is the log of its epoch. */
export function appendRecord({ layout }: Model, state: Uint8Array, primary: number, record: number): void {
  const primaryAt = replicaAt(layout, primary);
  const epoch = epochAt(layout, at(state, primaryAt + EPOCH));
  const length = at(state, primaryAt + LENGTH);
  state[epoch + EPOCH_LOG + length] = record;
  state[primaryAt + LENGTH] = length + 1;
  state[epoch + EPOCH_LENGTH] = length + 1;
}

/** Everything that only a primary has. */
export function stopActing(layout: Layout, state: Uint8Array, replica: number): void {
  const replicaIndex = replicaAt(layout, replica);
  state.fill(0, replicaIndex + ACTING, replicaIndex + layout.replicaBytes);
}
