/**
 * The decision list: everything that makes a run, said one by one. A seed makes such a list while it runs; a list runs
 * again without that seed, and still runs when something is taken out of it.
 */
import { LIMITS, type Mutation } from '@ostraca/core';
import * as z from 'zod';
import { type Fault, faultSchema } from './fault.ts';
import { NOTHING_OMITTED, omissionsSchema } from './omissions.ts';
import { GRID, type Scenario } from './scenario.ts';

const count = z.int().min(0);
const milliseconds = z.number().min(0);

const mapSchema = z.strictObject({
  name: z.string(),
  lockStrategy: z.enum(['OPTIMISTIC', 'PESSIMISTIC', 'NONE']),
  timeToLive: z
    .strictObject({
      type: z.enum(['CREATION_TIME', 'LAST_UPDATE_TIME', 'LAST_ACCESS_TIME']),
      afterMs: milliseconds,
    })
    .exactOptional(),
  limit: z.strictObject({ maxBytes: count.min(1), evict: z.enum(['LRU', 'LFU', 'NONE']) }).exactOptional(),
});

const mapSetSchema = z.strictObject({
  name: z.string(),
  numberOfPartitions: count.min(1),
  minSyncReplicas: count,
  maxSyncReplicas: count,
  maxAsyncReplicas: count,
  numInitialContainers: count,
  autoReplaceLostShards: z.boolean(),
  developmentMode: z.boolean(),
  replicaReadEnabled: z.boolean(),
  onInSyncLoss: z.enum(['unavailable', 'promoteAsync', 'startEmpty']),
  failureDetection: z.strictObject({ heartbeatMs: milliseconds, suspectAfterMs: milliseconds }),
  partitionBy: z.array(count),
  maps: z.array(mapSchema),
});

const scenarioSchema = z.strictObject({
  mapSet: mapSetSchema,
  containerCount: count.min(1),
  clientCount: count.min(1),
  workersPerClient: count,
  thinkMs: milliseconds,
  keyCount: count.min(1),
  counterCount: count.min(1),
  chaosMs: milliseconds,
  logRetentionBytes: count,
  latency: z.strictObject({ medianMs: milliseconds, spread: z.number().min(0) }),
  isGentle: z.boolean(),
  downMsMax: milliseconds,
  ownTtlsMs: z.array(milliseconds).exactOptional(),
  clockError: z.number().min(0).max(0.01),
  isCrowded: z.boolean().default(false),
  restMs: milliseconds.default(0),
  digestEveryLsns: count.default(20),
  replicationWindowBytes: count.default(LIMITS.replicationWindowBytes),
  followerQueueBytes: count.default(LIMITS.followerQueueBytes),
  abortsWithinMs: milliseconds.exactOptional(),
  transactions: z.strictObject({ callersPerClient: count, listCount: count.min(1) }).exactOptional(),
  nearCache: z.strictObject({ maxBytes: count, maxStaleMs: milliseconds }).exactOptional(),
});
export type ScenarioValues = z.output<typeof scenarioSchema>;

const decisionsSchema = z.strictObject({
  /** Of what no other line decides: the order within an instant, latencies, identities, calls. */
  seeds: z.strictObject({
    ...{ schedule: count, network: count, processes: count, workload: count },
    /** Of all that draws from the seed itself. */
    others: count.default(0),
  }),
  scenario: scenarioSchema,
  omissions: omissionsSchema.default(NOTHING_OMITTED),
  /** In the order of their times. */
  faults: z.array(faultSchema),
});
export type Decisions = z.output<typeof decisionsSchema>;

/** A decision list that is kept, and what it is kept for. */
const keptSchema = z.strictObject({
  /** What it once showed. */
  why: z.string().min(1),
  /** The rule that it breaks, or broke. */
  rule: z.string().min(1),
  /** With this rule broken on purpose; absent: it was a mistake in the code, and must stay mended. */
  mutant: z.string().exactOptional(),
  decisions: decisionsSchema,
});
export interface KeptList extends Omit<z.output<typeof keptSchema>, 'mutant'> {
  readonly mutant?: Mutation;
}

/** Throws with the names of the fields that are wrong. `mutants` are those that there are. */
export function parseKept(text: string, mutants: readonly Mutation[]): KeptList {
  const parsed = keptSchema.safeParse(JSON.parse(text));
  if (!parsed.success) throw new Error(`not a decision list: ${z.prettifyError(parsed.error)}`);
  const { mutant: name, ...kept } = parsed.data;
  if (name === undefined) return kept;
  const mutant = mutants.find((one) => one === name);
  if (mutant === undefined) throw new Error(`not a decision list of this code: there is no mutant ${name}`);
  return { ...kept, mutant };
}

/** JSON with one fault a line, and without what is empty. */
export function formatKept({ decisions, ...header }: KeptList): string {
  const { faults, omissions, ...rest } = decisions;
  const left = Object.entries(omissions).filter(([key, value]) => !isNothing(key, value));
  const shown = {
    ...header,
    decisions: { ...rest, ...(left.length > 0 ? { omissions: Object.fromEntries(left) } : {}) },
  };
  const lines = faults.map((fault) => `\n      ${JSON.stringify(withoutEmpty(fault))}`);
  const list = lines.length === 0 ? '[]' : `[${lines.join(',')}\n    ]`;
  return `${JSON.stringify(shown, undefined, 2).replace(/\n {2}\}\n\}$/, '')},\n    "faults": ${list}\n  }\n}\n`;
}

function isNothing(key: string, value: unknown): boolean {
  const nothing: unknown = NOTHING_OMITTED[key as keyof typeof NOTHING_OMITTED];
  return JSON.stringify(value) === JSON.stringify(nothing);
}

function withoutEmpty(fault: Fault): Partial<Fault> {
  const entries = Object.entries(fault).filter(
    ([key, value]) => key === 'atMs' || (value !== 0 && !(Array.isArray(value) && value.length === 0)),
  );
  return Object.fromEntries(entries) as Partial<Fault>;
}

export function valuesOf({
  seed: _seed,
  policy: _policy,
  faults: _faults,
  ownTtlsMs,
  abortsWithinMs,
  nearCache,
  mapSet,
  transactions,
  ...rest
}: Scenario) {
  const own = ownTtlsMs === undefined ? {} : { ownTtlsMs: [...ownTtlsMs] };
  const aborts = abortsWithinMs === undefined ? {} : { abortsWithinMs };
  const near = nearCache === undefined ? {} : { nearCache };
  const lists = transactions === undefined ? {} : { transactions };
  return scenarioSchema.parse({ ...rest, ...own, ...aborts, ...near, ...lists, mapSet });
}

/** Its faults are those of the list: no kind comes by itself. */
export function scenarioOfDecisions({ seeds, scenario }: Decisions): Scenario {
  const { ownTtlsMs, abortsWithinMs, nearCache, transactions, ...values } = scenario;
  const policy = { grids: [{ name: GRID, mapSets: [values.mapSet] }] };
  return {
    ...values,
    seed: seeds.others,
    ownTtlsMs,
    abortsWithinMs,
    nearCache,
    transactions,
    policy,
    faults: new Map(),
  };
}
