/** Frames of the hot messages, 64 of them in each, as in a turn of a busy client. */
import {
  asMapId,
  asPartitionId,
  encodeKey,
  type Read,
  type ReadAnswer,
  type Write,
  type WriteAnswer,
} from '@ostraca/core';
import { decodeFrame, encodeFrame, type WireMessage } from '@ostraca/protocol';
import { bench, do_not_optimize } from 'mitata';
import { keyOf } from '../driver/key-sequence.ts';

const MESSAGES = 64;
const VALUE = new Uint8Array(101).fill(7);

export function codecBenchmarks(): void {
  const samples: readonly (readonly [string, (index: number) => WireMessage])[] = [
    ['read', readOf],
    ['readAnswer', readAnswerOf],
    ['write', writeOf],
    ['writeAnswer', writeAnswerOf],
  ];
  for (const [name, messageAt] of samples) {
    const messages = Array.from({ length: MESSAGES }, (_, index) => messageAt(index));
    const frame = encodeFrame(messages);
    bench(`encode ${MESSAGES} × ${name}, ${frame.length} bytes`, () => do_not_optimize(encodeFrame(messages)));
    bench(`decode ${MESSAGES} × ${name}`, () => do_not_optimize(decodeFrame(frame)));
  }
}

function requestOf(index: number): Pick<Read, 'id' | 'partition' | 'epoch' | 'map' | 'ttlMs'> {
  return { id: 1_000 + index, partition: asPartitionId(index % 13), epoch: 3, map: asMapId(1), ttlMs: 10_000 };
}

function readOf(index: number): Read {
  const keys = [encodeKey(keyOf(index))];
  const mode = { mode: 'linearizable', maxStalenessMs: 0, minLsn: 0, minClockMs: 0 } as const;
  return { type: 'read', ...requestOf(index), keys, withoutValues: false, ...mode };
}

function readAnswerOf(index: number): ReadAnswer {
  const entry = { found: true, value: VALUE, epoch: 3, lsn: 70_000 + index, expireAtMs: 0 };
  return { type: 'readAnswer', id: 1_000 + index, entries: [entry], lsn: 80_000, clockMs: 1_234_567 };
}

function writeOf(index: number): Write {
  const operation = {
    kind: 'set',
    key: encodeKey(keyOf(index)),
    value: VALUE,
    ifEpoch: 0,
    ifLsn: 0,
    ttlMs: 0,
    expireAtMs: 0,
    mapOffset: 0,
  } as const;
  const request = requestOf(index);
  return { type: 'write', ...request, seq: 500 + index, ackedBelow: 490, attempt: 1, operations: [operation] };
}

function writeAnswerOf(index: number): WriteAnswer {
  return { type: 'writeAnswer', id: 1_000 + index, epoch: 3, lsn: 70_000 + index, applied: true };
}
