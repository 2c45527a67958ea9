/** What a client tells of its own state. */
export type StatusEvent =
  /** The grid's routing arrives again, or for the first time, from this address. */
  | { readonly type: 'connected'; readonly address: string }
  /** Nobody tells the routing at the moment; operations go on by the one that is known. */
  | { readonly type: 'disconnected'; readonly address: string; readonly reason: string }
  /** Routes of so many partitions have changed. */
  | { readonly type: 'routing'; readonly generation: string; readonly changedPartitions: number }
  | { readonly type: 'container_connected'; readonly container: string; readonly address: string }
  | { readonly type: 'container_lost'; readonly address: string; readonly reason: string }
  | { readonly type: 'closed' };

/** Events that a slow reader has not taken are dropped, the oldest first, beyond so many. */
const WAITING_EVENTS_MAX = 1_000;

export class StatusStream {
  readonly #readers = new Set<Reader>();
  #closed = false;

  publish(event: StatusEvent): void {
    for (const reader of this.#readers) reader.push(event);
    if (event.type !== 'closed') return;
    this.#closed = true;
    for (const reader of this.#readers) reader.end();
    this.#readers.clear();
  }

  /** Events from now on, until the client is closed. */
  subscribe(): AsyncIterableIterator<StatusEvent> {
    const reader = new Reader(() => this.#readers.delete(reader));
    if (this.#closed) reader.end();
    else this.#readers.add(reader);
    return reader;
  }
}

class Reader implements AsyncIterableIterator<StatusEvent> {
  #events: StatusEvent[] = [];
  #waiting: ((result: IteratorResult<StatusEvent>) => void)[] = [];
  #ended = false;
  readonly #onReturn: () => void;

  constructor(onReturn: () => void) {
    this.#onReturn = onReturn;
  }

  push(event: StatusEvent): void {
    const waiting = this.#waiting.shift();
    if (waiting !== undefined) {
      waiting({ value: event, done: false });
      return;
    }
    this.#events.push(event);
    if (this.#events.length > WAITING_EVENTS_MAX) this.#events.shift();
  }

  end(): void {
    this.#ended = true;
    for (const waiting of this.#waiting.splice(0)) waiting({ value: undefined, done: true });
  }

  next(): Promise<IteratorResult<StatusEvent>> {
    const event = this.#events.shift();
    if (event !== undefined) return Promise.resolve({ value: event, done: false });
    if (this.#ended) return Promise.resolve({ value: undefined, done: true });
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  return(): Promise<IteratorResult<StatusEvent>> {
    this.#onReturn();
    this.#events = [];
    this.end();
    return Promise.resolve({ value: undefined, done: true });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
