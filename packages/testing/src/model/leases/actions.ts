/** Numbers that name actions, so that a trace can be told again from numbers alone. */
export const ACTIONS = [
  'tick',
  'restart',
  'sleep',
  'wake',
  'heartbeat',
  'promise',
  'read',
  'decide',
  'tellFresh',
  'readIndex',
  'readArrives',
  'epochAck',
  'answerRead',
  'open',
  'evict',
  'add',
  'ownChange',
  'learn',
  'askHandOver',
  'handOver',
  'decline',
  'resume',
  'promoteFromSync',
  'promoteFromElr',
  'takeOver',
  'crash',
] as const;
export type ActionName = (typeof ACTIONS)[number];

export interface Action {
  readonly name: ActionName;
  readonly actor: number;
  readonly object: number;
  readonly option: number;
}

/** A byte each: kind, actor, and two that mean what trace.ts says. */
export function actionCode(name: ActionName, actor = 0, object = 0, option = 0): number {
  return (ACTIONS.indexOf(name) << 24) | (actor << 16) | (object << 8) | option;
}

export function actionOf(code: number): Action {
  const name = ACTIONS[code >> 24] as ActionName;
  return { name, actor: (code >> 16) & 255, object: (code >> 8) & 255, option: code & 255 };
}
