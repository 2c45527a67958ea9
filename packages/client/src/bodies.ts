/** What a read or a write asks for. Classes, and lists that no literal makes, for the reason that `Pending` tells. */
import type { Operation } from '@ostraca/core';
import type { ReadWish } from './read-modes.ts';

export class ReadBody {
  readonly kind = 'read';
  /** Added to until it is sent. */
  readonly keys: Uint8Array[];
  readonly withoutValues: boolean;
  readonly wish: ReadWish;

  constructor(key: Uint8Array, withoutValues: boolean, wish: ReadWish) {
    this.keys = Array.of(key);
    this.withoutValues = withoutValues;
    this.wish = wish;
  }
}

export class WriteBody {
  readonly kind = 'write';
  /** Added to until it is sent. */
  readonly operations: Operation[];

  constructor(operation: Operation) {
    this.operations = Array.of(operation);
  }
}
