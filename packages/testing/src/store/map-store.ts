/** The oracle of the store: a Map of copies by the key's digits. Slow and obvious. */
import type { Entry, NewEntry } from '@ostraca/core';

export class MapStore {
  readonly #entries = new Map<string, Entry>();
  readonly #hashOf: (key: Uint8Array) => number;

  constructor(hashOf: (key: Uint8Array) => number) {
    this.#hashOf = hashOf;
  }

  get count(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    let bytes = 0;
    for (const { key, value } of this.#entries.values()) bytes += key.length + value.length;
    return bytes;
  }

  get(key: Uint8Array): Entry | undefined {
    return this.#entries.get(nameOf(key));
  }

  put(entry: NewEntry): void {
    const { key, value } = entry;
    this.#entries.set(nameOf(key), { ...entry, hash: this.#hashOf(key), key: key.slice(), value: value.slice() });
  }

  delete(key: Uint8Array): boolean {
    return this.#entries.delete(nameOf(key));
  }

  clear(): void {
    this.#entries.clear();
  }

  names(): Iterable<string> {
    return this.#entries.keys();
  }

  /** By hash, then by key: the store promises nothing of the order within a hash. */
  sorted(): Entry[] {
    return [...this.#entries.values()].sort((a, b) => a.hash - b.hash || Buffer.compare(a.key, b.key));
  }
}

export function nameOf(key: Uint8Array): string {
  return Buffer.from(key.buffer, key.byteOffset, key.length).toString('latin1');
}
