/**
 * What most messages are made of, as classes. Of an object literal V8 notes by its place in the code whether what is made there
 * survives a collection; when a burst at the start did, all later ones are made in the old generation, where each keeps
 * what it names alive until the next full collection (docs/internals/performance.md). Of a class it does not.
 */
import type { Operation, Read, ReadAnswer, ReadEntry, ReadMode, Write, WriteAnswer } from './data-messages.ts';
import type { Epoch, Lsn, MapId, PartitionId } from './ids.ts';

export class NewRead implements Read {
  readonly type = 'read';
  readonly id: number;
  readonly partition: PartitionId;
  readonly epoch: Epoch;
  readonly map: MapId;
  readonly ttlMs: number;
  readonly keys: readonly Uint8Array[];
  readonly withoutValues: boolean;
  readonly mode: ReadMode;
  readonly maxStalenessMs: number;
  readonly minLsn: Lsn;
  readonly minClockMs: number;

  constructor(fields: Omit<Read, 'type'>) {
    this.id = fields.id;
    this.partition = fields.partition;
    this.epoch = fields.epoch;
    this.map = fields.map;
    this.ttlMs = fields.ttlMs;
    this.keys = fields.keys;
    this.withoutValues = fields.withoutValues;
    this.mode = fields.mode;
    this.maxStalenessMs = fields.maxStalenessMs;
    this.minLsn = fields.minLsn;
    this.minClockMs = fields.minClockMs;
  }
}

export class NewReadAnswer implements ReadAnswer {
  readonly type = 'readAnswer';
  readonly id: number;
  readonly entries: readonly ReadEntry[];
  readonly lsn: Lsn;
  readonly clockMs: number;

  constructor(fields: Omit<ReadAnswer, 'type'>) {
    this.id = fields.id;
    this.entries = fields.entries;
    this.lsn = fields.lsn;
    this.clockMs = fields.clockMs;
  }
}

export class NewReadEntry implements ReadEntry {
  readonly found: boolean;
  readonly value: Uint8Array;
  readonly epoch: Epoch;
  readonly lsn: Lsn;
  readonly expireAtMs: number;

  constructor(fields: Omit<ReadEntry, 'type'>) {
    this.found = fields.found;
    this.value = fields.value;
    this.epoch = fields.epoch;
    this.lsn = fields.lsn;
    this.expireAtMs = fields.expireAtMs;
  }
}

export class NewWrite implements Write {
  readonly type = 'write';
  readonly id: number;
  readonly partition: PartitionId;
  readonly epoch: Epoch;
  readonly map: MapId;
  readonly ttlMs: number;
  readonly seq: number;
  readonly ackedBelow: number;
  readonly attempt: number;
  readonly operations: readonly Operation[];

  constructor(fields: Omit<Write, 'type'>) {
    this.id = fields.id;
    this.partition = fields.partition;
    this.epoch = fields.epoch;
    this.map = fields.map;
    this.ttlMs = fields.ttlMs;
    this.seq = fields.seq;
    this.ackedBelow = fields.ackedBelow;
    this.attempt = fields.attempt;
    this.operations = fields.operations;
  }
}

export class NewOperation implements Operation {
  readonly kind: Operation['kind'];
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  readonly ifEpoch: Epoch;
  readonly ifLsn: Lsn;
  readonly ttlMs: number;
  readonly expireAtMs: number;
  readonly mapOffset: number;

  constructor(fields: Omit<Operation, 'mapOffset'> & { readonly mapOffset?: number }) {
    this.kind = fields.kind;
    this.key = fields.key;
    this.value = fields.value;
    this.ifEpoch = fields.ifEpoch;
    this.ifLsn = fields.ifLsn;
    this.ttlMs = fields.ttlMs;
    this.expireAtMs = fields.expireAtMs;
    this.mapOffset = fields.mapOffset ?? 0;
  }
}

export class NewWriteAnswer implements WriteAnswer {
  readonly type = 'writeAnswer';
  readonly id: number;
  readonly epoch: Epoch;
  readonly lsn: Lsn;
  readonly applied: boolean;

  constructor(fields: Omit<WriteAnswer, 'type'>) {
    this.id = fields.id;
    this.epoch = fields.epoch;
    this.lsn = fields.lsn;
    this.applied = fields.applied;
  }
}
