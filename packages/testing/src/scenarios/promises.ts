/**
 * docs/promises.md as a table that is played: for each setting, what becomes of acknowledged writes by what goes wrong.
 * Each fate is found by reading everything that was acknowledged, on a grid that is whole again.
 */
import { Stage } from './stage.ts';
import type { Call } from './stage-client.ts';
import { outcomeOf } from './stage-client.ts';
import type { StageOptions } from './stage-options.ts';

const KEY_COUNT = 12;
const GONE_MS = 8_000;

/** `lost`: reads and writes fail and say so; nothing ever says that an acknowledged key is absent. */
export type Fate = 'kept' | 'lost';

export const SETTINGS = {
  'minSyncReplicas 0, maxSyncReplicas 0': { containers: 3, minSync: 0, maxSync: 0 },
  'minSyncReplicas 0, maxSyncReplicas 1': { containers: 3, minSync: 0, maxSync: 1 },
  'minSyncReplicas 0, maxSyncReplicas 0, maxAsyncReplicas 1': { containers: 3, minSync: 0, maxSync: 0, maxAsync: 1 },
  'minSyncReplicas 1, maxSyncReplicas 1': { containers: 4, minSync: 1, maxSync: 1 },
  'minSyncReplicas 1, maxSyncReplicas 2': { containers: 4, minSync: 1, maxSync: 2 },
  'minSyncReplicas 2, maxSyncReplicas 2': { containers: 5, minSync: 2, maxSync: 2 },
} as const satisfies Record<string, StageOptions>;
export type Setting = keyof typeof SETTINGS;

/** Each happens to the primary's container first. */
export const EVENTS = {
  'one container dies': (stage: Stage) => {
    stage.crash(stage.roles().p);
  },
  'two die at once': (stage: Stage) => {
    const { p, q, spare } = stage.roles();
    stage.crash(p, q === '' ? spare : q);
  },
  'two die in turn, copies replaced between': (stage: Stage) => {
    const { p } = stage.roles();
    const { length } = stage.config.sync;
    stage.crash(p);
    stage.pass(stage.leaseMs);
    if (stage.config.lost) return;
    stage.until('the copies are replaced', 10_000, () => stage.config.epoch > 1 && stage.config.sync.length >= length);
    stage.crash(stage.roles().p);
  },
  'the network parts': (stage: Stage) => {
    const { p } = stage.roles();
    stage.part([p, 'x']);
    stage.pass(3 * stage.leaseMs);
  },
  'the catalog dies': (stage: Stage) => {
    stage.crash('catalog');
    // One copy alone stops with its lease, and goes on with the catalog.
    stage.pass(2 * stage.leaseMs);
  },
  'the catalog and its journal are destroyed': (stage: Stage) => {
    stage.cluster.loseCatalog();
    stage.pass(2 * stage.leaseMs);
  },
  'every container dies': (stage: Stage) => {
    stage.crash(...stage.cluster.containers.map(({ name }) => name));
  },
} as const;
export type Event = keyof typeof EVENTS;

export interface Played {
  readonly fate: Fate | 'missing';
  readonly violations: readonly { readonly rule: string; readonly what: string }[];
}

/** Acknowledged writes, then the event, then everybody is back and everything is read. */
export function play(setting: StageOptions, event: (stage: Stage) => void): Played {
  const stage = new Stage(setting);
  stage.form();
  const written = Array.from({ length: KEY_COUNT }, (_, index) => stage.x.set(`key-${index}`, `value-${index}`));
  for (const call of written) stage.expect(call, 'applied');
  event(stage);
  stage.join();
  stage.restart('catalog', ...stage.cluster.containers.map(({ name }) => name));
  stage.pass(stage.leaseMs * 3);
  const read = written.map(({ key }) => stage.y.get(key, 'linearizable', { timeoutMs: GONE_MS }));
  stage.until('all reads have ended', GONE_MS + 1_000, () => read.every(({ result }) => result !== undefined));
  return { fate: fateOf(written, read), violations: stage.end() };
}

function fateOf(written: readonly Call[], read: readonly Call[]): Played['fate'] {
  const found = read.map(outcomeOf);
  if (found.every((outcome, index) => outcome === `value-${index}`)) return 'kept';
  const failed = ['timeout', 'unavailable'];
  return found.length === written.length && found.every((outcome) => failed.includes(outcome)) ? 'lost' : 'missing';
}
