/** Small grids for the catalog's tests. */
import { FAILURE_DETECTION_LEVELS, type MapSetPolicy, type Policy } from '../policy.ts';
import type { PartitionConfig } from './config.ts';
import { KEEP_ALL } from './config.ts';

export function mapSetPolicy(fields: Partial<MapSetPolicy> = {}): MapSetPolicy {
  return {
    name: 'orders',
    numberOfPartitions: 4,
    minSyncReplicas: 1,
    maxSyncReplicas: 1,
    maxAsyncReplicas: 0,
    numInitialContainers: 2,
    autoReplaceLostShards: true,
    developmentMode: true,
    onInSyncLoss: 'unavailable',
    replicaReadEnabled: false,
    failureDetection: FAILURE_DETECTION_LEVELS.typical,
    partitionBy: [],
    maps: [{ name: 'orders', lockStrategy: 'OPTIMISTIC' }],
    ...fields,
  };
}

export function policyOf(...mapSets: readonly Partial<MapSetPolicy>[]): Policy {
  const named = mapSets.map((fields, index) => {
    const name = fields.name ?? `set${index}`;
    return mapSetPolicy({ ...fields, name, maps: [{ name: `${name}-map`, lockStrategy: 'OPTIMISTIC' }] });
  });
  return { grids: [{ name: 'shop', mapSets: named }] };
}

/** `p0 e1 v1 P=a S=a,b elr=c/7 joining=d async= leaving=`, only what is there. */
export function showConfig(config: PartitionConfig): string {
  const list = (name: string, words: readonly string[]): string =>
    words.length === 0 ? '' : ` ${name}=${words.join(',')}`;
  const names = (hosts: readonly { container: string; incarnation: string }[]): string[] =>
    hosts.map(({ container, incarnation }) => (incarnation === container ? container : incarnation));
  const elr = config.elr.map(({ rid, keepLsn }) => `${rid.incarnation}/${keepLsn === KEEP_ALL ? 'all' : keepLsn}`);
  return [
    `p${config.partition} e${config.epoch} v${config.version}`,
    list('P', names([config.primary])),
    list('S', names(config.sync)),
    list('elr', elr),
    list('joining', names(config.joining)),
    list('async', names(config.async)),
    list('leaving', names(config.leaving)),
    config.keepLsn === KEEP_ALL ? '' : ` keep=${config.keepLsn}`,
    config.waitGrants ? ' wait' : '',
    config.lost ? ' lost' : '',
  ].join('');
}
