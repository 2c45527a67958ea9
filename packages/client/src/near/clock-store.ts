/**
 * Entries by key within a limit of bytes. Who goes when it is full is chosen by CLOCK (Corbató, 1968): a hand goes round over
 * the entries in the order of their coming, passes over those that were used since it came by last, and takes the others.
 *
 *     hand ─▶ a (used: goes on, unmarked)   b (unused: out)   c ...
 *
 * A hit sets one mark and moves nothing. The ring is the Map itself: its iterator stays true while entries come and go.
 */
export interface ClockEntry {
  readonly bytes: number;
  /** Since the hand came by. */
  isUsed: boolean;
}

export class ClockStore<Id, Entry extends ClockEntry> {
  readonly #maxBytes: number;
  readonly #entries = new Map<Id, Entry>();
  #hand: Iterator<[Id, Entry]>;
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
    this.#hand = this.#entries.entries();
  }

  get bytes(): number {
    return this.#bytes;
  }

  get count(): number {
    return this.#entries.size;
  }

  get(id: Id): Entry | undefined {
    return this.#entries.get(id);
  }

  /** One that is larger than the limit is not kept, and neither is what was there. */
  put(id: Id, entry: Entry): void {
    this.delete(id);
    if (entry.bytes > this.#maxBytes) return;
    this.#entries.set(id, entry);
    this.#bytes += entry.bytes;
    while (this.#bytes > this.#maxBytes) this.#evictOne();
  }

  delete(id: Id): void {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    this.#entries.delete(id);
    this.#bytes -= entry.bytes;
  }

  clear(): void {
    this.#entries.clear();
    this.#bytes = 0;
    this.#hand = this.#entries.entries();
  }

  /** Ends: who was passed over once is unmarked. */
  #evictOne(): void {
    for (;;) {
      const { done, value } = this.#hand.next();
      if (done === true) {
        this.#hand = this.#entries.entries();
        continue;
      }
      const [id, entry] = value;
      if (entry.isUsed) {
        entry.isUsed = false;
        continue;
      }
      this.delete(id);
      return;
    }
  }
}
