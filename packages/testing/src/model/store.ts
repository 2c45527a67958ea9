/** Long lists in typed arrays that grow by chunks, so that growing never copies. */
const CHUNK_BITS = 16;
const CHUNK = 1 << CHUNK_BITS;

/** States of equal size, one after the other. */
export class StateList {
  readonly #bytes: number;
  readonly #chunks: Uint8Array[] = [];
  #length = 0;

  constructor(bytes: number) {
    this.#bytes = bytes;
  }

  get length(): number {
    return this.#length;
  }

  get bytes(): number {
    return this.#chunks.length * CHUNK * this.#bytes;
  }

  push(state: Uint8Array): void {
    const chunk = this.#length >> CHUNK_BITS;
    this.#chunks[chunk] ??= new Uint8Array(CHUNK * this.#bytes);
    this.#chunks[chunk].set(state, (this.#length & (CHUNK - 1)) * this.#bytes);
    this.#length++;
  }

  read(index: number, into: Uint8Array): void {
    const chunk = this.#chunks[index >> CHUNK_BITS] as Uint8Array;
    const start = (index & (CHUNK - 1)) * this.#bytes;
    for (let byte = 0; byte < this.#bytes; byte++) into[byte] = chunk[start + byte] as number;
  }

  /** Keeps the chunks for the next use. */
  clear(): void {
    this.#length = 0;
  }
}

/** From which state, and by which action, each state was first reached. */
export class Origins {
  readonly #parents: Uint32Array[] = [];
  readonly #codes: Uint32Array[] = [];
  #length = 0;

  get length(): number {
    return this.#length;
  }

  get bytes(): number {
    return this.#parents.length * CHUNK * 8;
  }

  push(parent: number, code: number): void {
    const chunk = this.#length >> CHUNK_BITS;
    this.#parents[chunk] ??= new Uint32Array(CHUNK);
    this.#codes[chunk] ??= new Uint32Array(CHUNK);
    this.#parents[chunk][this.#length & (CHUNK - 1)] = parent;
    this.#codes[chunk][this.#length & (CHUNK - 1)] = code;
    this.#length++;
  }

  /** The actions from the first state to state `index`. */
  pathTo(index: number): number[] {
    const path: number[] = [];
    for (let state = index; state > 0; state = this.#at(this.#parents, state)) path.push(this.#at(this.#codes, state));
    return path.reverse();
  }

  #at(chunks: readonly Uint32Array[], index: number): number {
    return chunks[index >> CHUNK_BITS]?.[index & (CHUNK - 1)] as number;
  }
}
