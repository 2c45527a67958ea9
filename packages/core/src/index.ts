export * from './assert.ts';
export * from './catalog/catalog.ts';
export * from './catalog/catalog-status.ts';
export * from './catalog/config.ts';
export * from './catalog/effects.ts';
export {
  apply as applyCatalogEvent,
  type CatalogEvent,
  type CatalogState,
  type ContainerRecord,
  compact as compactCatalogState,
  EMPTY_STATE as EMPTY_CATALOG_STATE,
} from './catalog/state.ts';
export * from './clocks.ts';
export * from './container/container.ts';
export type { ContainerMetrics, DurationHistogram, OperationCounter } from './container/container-metrics.ts';
export { DURATION_BOUNDS_MS } from './container/container-metrics.ts';
export type { ContainerOptions } from './container/container-state.ts';
export type { ContainerStatus, FollowerStatus, MapStatus, ShardStatus } from './container/container-status.ts';
export { SuspendGuard } from './container/suspend-guard.ts';
export * from './errors.ts';
export * from './ids.ts';
export * from './keys/compare-bytes.ts';
export * from './keys/decode-key.ts';
export * from './keys/encode-key.ts';
export type { Key } from './keys/key.ts';
export { keyText } from './keys/key-text.ts';
export * from './limits.ts';
export * from './machine.ts';
export * from './messages.ts';
export * from './new-messages.ts';
export * from './policy.ts';
export * from './random.ts';
export * from './routing/partition-of.ts';
export * from './routing/routing-of.ts';
export type { Mutation, PrimaryAct } from './shard/ports.ts';
export { digestOf, type Shard } from './shard/shard.ts';
export {
  type Entry,
  EntryMap,
  type EntryMapOptions,
  type EntryMemory,
  FOREVER,
  type NewEntry,
} from './store/entry-map.ts';
export { ExpiryIndex } from './store/expiry-index.ts';
export { indexHash } from './store/index-hash.ts';
export * from './topology.ts';
