/**
 * Writes many keys of a map: cut by partition and by the limits of a record, all in one turn, and one promise for all of them.
 * When some fail the error says of every key what became of it.
 */
import {
  GridError,
  type Key,
  LIMITS,
  NewOperation,
  type OperationKind,
  type Outcome,
  type PartitionId,
  type WriteAnswer,
} from '@ostraca/core';
import { WriteBody } from './bodies.ts';
import { type BulkOptions, worstOf } from './bulk.ts';
import { BulkPart, type Whole } from './bulk-part.ts';
import { placeKey, submitParts, timeoutOf } from './calls.ts';

/** Its operations are one log record: atomic. */
type WritePart = BulkPart<WriteBody>;

export class WriteAll<K extends Key> implements Whole<WriteBody> {
  readonly #options: BulkOptions;
  readonly #kind: OperationKind;
  readonly #timeoutMs: number;
  readonly #keys: K[] = [];
  readonly #parts: WritePart[] = [];
  /** That of each partition which takes more operations. */
  readonly #open = new Map<PartitionId, { part: WritePart; bytes: number }>();
  #unanswered = 0;
  readonly #failures = new Map<WritePart, GridError>();
  #resolve: () => void = () => {};
  #reject: (error: unknown) => void = () => {};

  constructor(kind: OperationKind, options: BulkOptions) {
    this.#kind = kind;
    this.#options = options;
    this.#timeoutMs = timeoutOf(options.context, options.options);
  }

  /** @throws {@link GridError} `invalid_argument`, `too_large`. */
  add(key: K, value: Uint8Array): void {
    const { place } = this.#options;
    const placed = placeKey(key, place);
    const { partition } = placed;
    const operation = new NewOperation({
      kind: this.#kind,
      key: placed.bytes,
      value,
      ifEpoch: 0,
      ifLsn: 0,
      ttlMs: 0,
      expireAtMs: 0,
    });
    const index = this.#keys.length;
    this.#keys.push(key);
    const bytes = placed.bytes.length + value.length;
    const open = this.#open.get(partition);
    if (
      open !== undefined &&
      open.part.indices.length < LIMITS.recordOperationsMax &&
      open.bytes + bytes <= LIMITS.recordBytesMax
    ) {
      open.part.body.operations.push(operation);
      open.part.indices.push(index);
      open.bytes += bytes;
      return;
    }
    const body = new WriteBody(operation);
    const part = new BulkPart(
      { partition, map: place.map.id, body, timeoutMs: this.#timeoutMs },
      Array.of(index),
      this,
    );
    this.#open.set(partition, { part, bytes });
    this.#parts.push(part);
  }

  /** @throws {@link GridError} of the worst outcome, with `details.committed`, `not_applied` and `unknown`: keys. */
  run(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.#unanswered = this.#parts.length;
      submitParts(this.#options, this.#parts);
      if (this.#parts.length === 0) resolve();
    });
  }

  onPart(part: WritePart, result: WriteAnswer | GridError): void {
    if (result instanceof GridError) this.#failures.set(part, result);
    this.#unanswered -= 1;
    if (this.#unanswered > 0) return;
    if (this.#failures.size === 0) this.#resolve();
    else this.#reject(this.#error());
  }

  #error(): GridError {
    const keysBy: Record<'committed' | Outcome, K[]> = { committed: [], not_applied: [], unknown: [] };
    for (const part of this.#parts) {
      const list = keysBy[this.#failures.get(part)?.outcome ?? 'committed'];
      for (const index of part.indices) list.push(this.#keys[index] as K);
    }
    return worstOf([...this.#failures.values()], {
      committed: listed(keysBy.committed),
      not_applied: listed(keysBy.not_applied),
      unknown: listed(keysBy.unknown),
    });
  }
}

/** A list that a message tells by its length: keys may be many, and a bigint has no JSON. */
function listed<T>(elements: T[]): readonly T[] {
  Object.defineProperty(elements, 'toJSON', { value: () => `${elements.length} keys` });
  return elements;
}
