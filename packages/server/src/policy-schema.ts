/**
 * The policy file as it is written. Everything in the format is known here, also what is not built yet: a typing
 * mistake must never pass for an option of the future (see policy-rules.ts for what is then refused).
 */
import { LIMITS } from '@ostraca/core';
import * as z from 'zod';
import { parseBytes, parseDuration } from './units.ts';

/** A key that is not in `shape` is refused by name, together with the keys that are. */
function mapping<Shape extends z.ZodRawShape>(shape: Shape) {
  const keys = Object.keys(shape).join(', ');
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys' ? `unknown key, expected one of ${keys}` : `expected a mapping with ${keys}`,
  });
}

function wholeNumber(min: number, max: number) {
  const error = `expected a whole number from ${min} to ${max}`;
  return z.int(error).min(min, error).max(max, error);
}

function oneOf<const Values extends readonly [string, ...string[]]>(values: Values) {
  return z.enum(values, `expected ${values.join(', ').replace(/, ([^,]*)$/, ' or $1')}`);
}

function listOf<Item extends z.ZodType>(item: Item, what: string) {
  const error = `expected a list of at least one ${what}`;
  return z.array(item, error).min(1, error);
}

const flag = z.boolean('expected true or false');
const text = z.string('expected a text');

const NAME_RULE = `letters, digits, _ . : and -, at most ${LIMITS.nameCharsMax}`;
const name = z
  .string(`expected a name (${NAME_RULE})`)
  .max(LIMITS.nameCharsMax, `expected a name (${NAME_RULE})`)
  .regex(/^[A-Za-z0-9_][A-Za-z0-9_.:-]*$/, `expected a name (${NAME_RULE})`);
/** Of a map: a template's name is a glob. That the star and `template: true` go together is a rule of its own. */
const mapName = z
  .string(`expected a name (${NAME_RULE})`)
  .max(LIMITS.nameCharsMax, `expected a name (${NAME_RULE})`)
  .regex(/^[A-Za-z0-9_][A-Za-z0-9_.:-]*\*?$|^\*$/, `expected a name (${NAME_RULE}; a template ends in one *)`);

const DURATION_RULE = 'expected a duration with its unit, such as 500ms, 30s or 10m';
const duration = text.transform((value, context) => {
  const ms = parseDuration(value);
  if (ms !== undefined) return ms;
  context.addIssue({ code: 'custom', message: DURATION_RULE });
  return z.NEVER;
});

const BYTES_RULE = 'expected a size with its unit, such as 64KiB, 256MiB or 2GiB';
const bytes = text.transform((value, context) => {
  const size = parseBytes(value);
  if (size !== undefined) return size;
  context.addIssue({ code: 'custom', message: BYTES_RULE });
  return z.NEVER;
});

const mapSchema = mapping({
  name: mapName,
  template: flag.optional(),
  lockStrategy: oneOf(['OPTIMISTIC', 'PESSIMISTIC', 'NONE']).optional(),
  timeToLive: mapping({
    type: oneOf(['CREATION_TIME', 'LAST_UPDATE_TIME', 'LAST_ACCESS_TIME']),
    after: duration,
  }).optional(),
  maxBytes: bytes.optional(),
  evict: oneOf(['LRU', 'LFU', 'NONE']).optional(),
  loader: mapping({
    module: text.min(1, 'expected the name of a module'),
    options: z.record(z.string(), z.unknown(), 'expected a mapping').optional(),
  }).optional(),
});

const failureDetection = z.union(
  [
    oneOf(['aggressive', 'typical', 'relaxed']).transform((level) => ({ level })),
    mapping({ heartbeat: duration, suspectAfter: duration }),
  ],
  'expected aggressive, typical, relaxed or a mapping with heartbeat, suspectAfter',
);

/** Far beyond any use: they keep a slip of the finger from becoming a demand that nothing can fill. */
const REPLICAS_MAX = 32;
const INITIAL_CONTAINERS_MAX = 1_000;
const TUPLE_ELEMENTS_MAX = 64;

const mapSetSchema = mapping({
  name,
  numberOfPartitions: wholeNumber(1, LIMITS.partitionsMax).optional(),
  minSyncReplicas: wholeNumber(0, REPLICAS_MAX).optional(),
  maxSyncReplicas: wholeNumber(0, REPLICAS_MAX).optional(),
  maxAsyncReplicas: wholeNumber(0, REPLICAS_MAX).optional(),
  numInitialContainers: wholeNumber(1, INITIAL_CONTAINERS_MAX).optional(),
  autoReplaceLostShards: flag.optional(),
  replicaReadEnabled: flag.optional(),
  developmentMode: flag.optional(),
  placementStrategy: oneOf(['FIXED_PARTITIONS', 'PER_CONTAINER']).optional(),
  failureDetection: failureDetection.optional(),
  onInSyncLoss: oneOf(['unavailable', 'promoteAsync', 'startEmpty']).optional(),
  partitionBy: z
    .array(wholeNumber(0, TUPLE_ELEMENTS_MAX - 1), 'expected a list of indexes of tuple elements')
    .optional(),
  maps: listOf(mapSchema, 'map'),
});

const gridSchema = mapping({ name, mapSets: listOf(mapSetSchema, 'map set') });

export const policySchema = mapping({ grids: listOf(gridSchema, 'grid') });

export type WrittenPolicy = z.output<typeof policySchema>;
export type WrittenGrid = WrittenPolicy['grids'][number];
export type WrittenMapSet = WrittenGrid['mapSets'][number];
export type WrittenMap = WrittenMapSet['maps'][number];
