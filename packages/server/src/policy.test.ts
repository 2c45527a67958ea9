import { FAILURE_DETECTION_LEVELS, type Policy, strictestFailureDetection } from '@ostraca/core';
import { expect, test } from 'vitest';
import { PolicyError, parsePolicy, parsePolicyText, readPolicy } from './policy.ts';

const minimal = { grids: [{ name: 'shop', mapSets: [{ name: 'orders', maps: [{ name: 'orders' }] }] }] };

function withMapSet(keys: Record<string, unknown>): unknown {
  return { grids: [{ name: 'shop', mapSets: [{ name: 'orders', maps: [{ name: 'orders' }], ...keys }] }] };
}

function withMap(keys: Record<string, unknown>): unknown {
  return withMapSet({ maps: [{ name: 'orders', ...keys }] });
}

function linesOf(act: () => Policy): readonly string[] {
  try {
    act();
  } catch (error) {
    if (error instanceof PolicyError) return error.lines;
    throw error;
  }
  return [];
}

test('defaults', () => {
  expect(parsePolicy(minimal)).toEqual({
    grids: [
      {
        name: 'shop',
        mapSets: [
          {
            name: 'orders',
            numberOfPartitions: 13,
            minSyncReplicas: 1,
            maxSyncReplicas: 1,
            maxAsyncReplicas: 0,
            numInitialContainers: 2,
            autoReplaceLostShards: true,
            developmentMode: false,
            failureDetection: FAILURE_DETECTION_LEVELS.typical,
            onInSyncLoss: 'unavailable',
            replicaReadEnabled: false,
            partitionBy: [],
            maps: [{ name: 'orders', lockStrategy: 'OPTIMISTIC' }],
          },
        ],
      },
    ],
  });
});

test('times to live, also of a policy that was read before', () => {
  const kinds = ['CREATION_TIME', 'LAST_UPDATE_TIME', 'LAST_ACCESS_TIME'];
  for (const type of kinds) {
    const policy = parsePolicy(withMap({ timeToLive: { type, after: '30m' } }));
    expect(policy.grids[0]?.mapSets[0]?.maps[0]?.timeToLive).toEqual({ type, afterMs: 1_800_000 });
    expect(readPolicy(policy)).toEqual(policy);
  }
});

test('defaults that follow minSyncReplicas', () => {
  const [mapSet] = parsePolicy(withMapSet({ minSyncReplicas: 2 })).grids[0]?.mapSets ?? [];
  expect(mapSet).toMatchObject({ maxSyncReplicas: 2, numInitialContainers: 3, onInSyncLoss: 'unavailable' });
  const [unsafe] = parsePolicy(withMapSet({ minSyncReplicas: 0 })).grids[0]?.mapSets ?? [];
  expect(unsafe).toMatchObject({ maxSyncReplicas: 1, numInitialContainers: 1, onInSyncLoss: 'promoteAsync' });
});

test('the whole file format that is built', () => {
  const policy = parsePolicyText(`
grids:
  - name: shop
    mapSets:
      - name: orders
        numberOfPartitions: 7
        minSyncReplicas: 1
        maxSyncReplicas: 2
        maxAsyncReplicas: 1
        numInitialContainers: 3
        autoReplaceLostShards: false
        replicaReadEnabled: true
        developmentMode: true
        placementStrategy: FIXED_PARTITIONS
        failureDetection: { heartbeat: 200ms, suspectAfter: 1s }
        onInSyncLoss: startEmpty
        partitionBy: [0]
        maps:
          - name: orders
            lockStrategy: OPTIMISTIC
            template: false
          - name: stock
            lockStrategy: PESSIMISTIC
          - name: hits
            lockStrategy: NONE
`);
  expect(policy.grids[0]?.mapSets[0]).toMatchObject({
    numberOfPartitions: 7,
    maxSyncReplicas: 2,
    maxAsyncReplicas: 1,
    autoReplaceLostShards: false,
    developmentMode: true,
    onInSyncLoss: 'startEmpty',
    replicaReadEnabled: true,
    failureDetection: { heartbeatMs: 200, suspectAfterMs: 1_000 },
    partitionBy: [0],
  });
  expect(strictestFailureDetection(policy).suspectAfterMs).toBe(1_000);
  expect(readPolicy(policy), 'a checked policy is read again as itself').toEqual(policy);
});

const at = 'grids[0].mapSets[0]';
const refused: readonly [what: string, plain: unknown, lines: readonly (string | RegExp)[]][] = [
  ['nothing', null, [/^policy: expected a mapping with grids, got null$/]],
  ['no grids', { grids: [] }, ['grids: expected a list of at least one grid, got []']],
  ['unknown key at the top', { ...minimal, grid: 1 }, ['grid: unknown key, expected one of grids']],
  [
    'unknown keys',
    withMapSet({ minSync: 1, max: 2 }),
    [/^grids\[0\]\.mapSets\[0\]\.minSync: unknown key/, /\.max: unknown/],
  ],
  [
    'unknown key of a map',
    withMap({ ttl: '1s' }),
    [/^grids\[0\]\.mapSets\[0\]\.maps\[0\]\.ttl: unknown key, expected one of name, template/],
  ],
  ['no maps', withMapSet({ maps: undefined }), [`${at}.maps: expected a list of at least one map, got nothing`]],
  [
    'bad name',
    withMap({ name: 'a b' }),
    [/^grids\[0\]\.mapSets\[0\]\.maps\[0\]\.name: expected a name .*, got "a b"$/],
  ],
  ['name too long', withMap({ name: 'a'.repeat(129) }), [/maps\[0\]\.name: expected a name/]],
  [
    'text for a number',
    withMapSet({ numberOfPartitions: '13' }),
    [`${at}.numberOfPartitions: expected a whole number from 1 to 4096, got "13"`],
  ],
  [
    'no partitions',
    withMapSet({ numberOfPartitions: 0 }),
    [`${at}.numberOfPartitions: expected a whole number from 1 to 4096, got 0`],
  ],
  [
    'half a replica',
    withMapSet({ minSyncReplicas: 0.5 }),
    [/minSyncReplicas: expected a whole number from 0 to 32, got 0.5/],
  ],
  [
    'too many partitions',
    withMapSet({ numberOfPartitions: 4_097 }),
    [/numberOfPartitions: expected a whole number from 1 to 4096/],
  ],
  [
    'text for a flag',
    withMapSet({ developmentMode: 'yes' }),
    [`${at}.developmentMode: expected true or false, got "yes"`],
  ],
  [
    'min over max',
    withMapSet({ minSyncReplicas: 2, maxSyncReplicas: 1 }),
    [`${at}.minSyncReplicas: at most maxSyncReplicas (1), got 2`],
  ],
  [
    'too few initial containers',
    withMapSet({ minSyncReplicas: 2, numInitialContainers: 2 }),
    [`${at}.numInitialContainers: at least minSyncReplicas + 1 (3), got 2`],
  ],
  [
    'wrong level',
    withMapSet({ failureDetection: 'slow' }),
    [/failureDetection: expected aggressive, typical, relaxed or a mapping.*got "slow"/],
  ],
  [
    'duration without unit',
    withMapSet({ failureDetection: { heartbeat: 200, suspectAfter: '1s' } }),
    [/failureDetection\.heartbeat: expected a text, got 200/],
  ],
  [
    'duration of no unit known',
    withMapSet({ failureDetection: { heartbeat: '200', suspectAfter: '1s' } }),
    [/failureDetection\.heartbeat: expected a duration.*got "200"/],
  ],
  [
    'key inside failureDetection',
    withMapSet({ failureDetection: { heartbeat: '1s', suspectAfter: '3s', x: 1 } }),
    [/failureDetection\.x: unknown key/],
  ],
  [
    'suspicion before the third heartbeat',
    withMapSet({ failureDetection: { heartbeat: '500ms', suspectAfter: '1s' } }),
    [`${at}.failureDetection.suspectAfter: at least 3 heartbeats (1500ms), got 1000ms`],
  ],
  ['partitionBy twice', withMapSet({ partitionBy: [0, 0] }), [`${at}.partitionBy: each element once, got [0,0]`]],
  ['negative element', withMapSet({ partitionBy: [-1] }), [/partitionBy\[0\]: expected a whole number from 0/]],
  [
    'unknown strategy',
    withMapSet({ placementStrategy: 'RANDOM' }),
    [/placementStrategy: expected FIXED_PARTITIONS or PER_CONTAINER, got "RANDOM"/],
  ],
  ['evict alone', withMap({ evict: 'LRU' }), [/maps\[0\]\.evict: only together with maxBytes/]],
  ['star without template', withMap({ name: 'cache.*' }), [/maps\[0\]\.name: a \* only in the name of a template/]],
  [
    'template without star',
    withMap({ template: true }),
    [/maps\[0\]\.name: the name of a template ends in \*/, /template: not supported yet/],
  ],
  [
    'bad ttl',
    withMap({ timeToLive: { type: 'NEVER', after: '1s' } }),
    [/timeToLive\.type: expected CREATION_TIME, LAST_UPDATE_TIME or LAST_ACCESS_TIME/],
  ],
  ['bad size', withMap({ maxBytes: '256MB' }), [/maxBytes: expected a size.*got "256MB"/]],
  ['loader without module', withMap({ loader: {} }), [/loader\.module: expected a text, got nothing/]],
  [
    'not yet: per container',
    withMapSet({ placementStrategy: 'PER_CONTAINER' }),
    [`${at}.placementStrategy: not supported yet`],
  ],
  ['own name', withMap({ name: 'ostraca.x' }), [/maps\[0\]\.name: names that begin with ostraca\. are the grid's own/]],
  ['bad eviction', withMap({ maxBytes: '1MiB', evict: 'FIFO' }), [/evict: expected LRU, LFU or NONE, got "FIFO"/]],
  [
    'not yet: loader',
    withMap({ loader: { module: 'x', options: { a: 1 } } }),
    [`${at}.maps[0].loader: not supported yet`],
  ],
  ['not yet: template', withMap({ name: 'c.*', template: true }), [`${at}.maps[0].template: not supported yet`]],
];

test.each(refused)('refused: %s', (_what, plain, expected) => {
  const lines = linesOf(() => parsePolicy(plain));
  expect(lines).toHaveLength(expected.length);
  expected.forEach((line, index) => {
    if (typeof line === 'string') expect(lines[index]).toBe(line);
    else expect(lines[index]).toMatch(line);
  });
});

test('names that stand twice', () => {
  const mapSet = (name: string, ...maps: string[]) => ({ name, maps: maps.map((each) => ({ name: each })) });
  const plain = {
    grids: [
      { name: 'a', mapSets: [mapSet('s', 'm'), mapSet('s', 'n'), mapSet('t', 'm')] },
      { name: 'a', mapSets: [mapSet('s', 'm')] },
    ],
  };
  expect(linesOf(() => parsePolicy(plain))).toEqual([
    'grids[1].name: each name once, got "a" as in grids[0]',
    'grids[0].mapSets[1].name: each name once, got "s" as in grids[0].mapSets[0]',
    'grids[0].mapSets[2].maps[0].name: a map is in one map set, once, got "m" as in grids[0].mapSets[0].maps[0]',
  ]);
});

test('templates that overlap', () => {
  const plain = withMapSet({
    maps: [
      { name: 'cache.*', template: true },
      { name: 'cache.a.*', template: true },
    ],
  });
  expect(linesOf(() => parsePolicy(plain))).toContain(
    `${at}.maps[1].name: templates must not overlap, got "cache.a.*" and "cache.*" of ${at}.maps[0]`,
  );
});

test('all partitions together have a limit', () => {
  const mapSets = ['a', 'b'].map((name) => ({ name, numberOfPartitions: 4_000, maps: [{ name }] }));
  expect(linesOf(() => parsePolicy({ grids: [{ name: 'g', mapSets }] }))).toEqual([
    'grids: at most 4096 partitions in all map sets together, got 8000',
  ]);
});

test('text that is not a policy', () => {
  expect(linesOf(() => parsePolicyText('grids: []\ngrids: []'))[0]).toMatch(/^not valid YAML: Map keys must be unique/);
  expect(linesOf(() => parsePolicyText('grids: ['))[0]).toMatch(/^not valid YAML: /);
  expect(linesOf(() => parsePolicyText(''))[0]).toMatch(/^policy: expected a mapping/);
  expect(linesOf(() => readPolicy('/nonexistent/policy.yaml'))).toEqual([
    '/nonexistent/policy.yaml: cannot be read (ENOENT)',
  ]);
});

test('JSON is read too', () => {
  expect(parsePolicyText(JSON.stringify(minimal))).toEqual(parsePolicy(minimal));
});
