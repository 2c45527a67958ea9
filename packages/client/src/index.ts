export { GridError, type Key } from '@ostraca/core';
export type { CallOptions, ClientHost, GridContext } from './calls.ts';
export type { ClientMachine, ClientMachineOptions, ClientMachineSettings } from './client-machine.ts';
export { connect } from './connect.ts';
export type { ConnectOptions, ConnectSettings } from './connect-options.ts';
export { type Grid, newGrid } from './grid.ts';
export type { Entry, GridMap, MapOptions, SetOptions, WriteOptions } from './grid-map.ts';
export type { IterationOptions } from './iteration.ts';
export type { GridLock } from './locks/held-lock.ts';
export type { LockOptions } from './locks/locks.ts';
export type { NearCacheSettings } from './near/near-cache.ts';
export type { NearCacheOptions } from './near/near-reads.ts';
export type { ClientAnswer, ClientRequest, Pending, RequestBody } from './pending.ts';
export type { ReadMode, ReadOptions, ReadToken, ReadWish } from './read-modes.ts';
export { newClientMachine } from './requests.ts';
export { type StatusEvent, StatusStream } from './status.ts';
export type { TransactionOptions, TransactionScope } from './transaction/run-transaction.ts';
export type { BeginOptions, Session } from './transaction/session.ts';
export type {
  TransactionalEntry,
  TransactionalIterationOptions,
  TransactionalMap,
  TransactionalMapOptions,
  TransactionalSetOptions,
  TransactionalWriteOptions,
} from './transaction/transactional-map.ts';
export { type CodecOption, newValues, type ValueCodec, type Values } from './values.ts';
export type { Version } from './version.ts';
