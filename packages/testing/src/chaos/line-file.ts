/** NDJSON on disk: an object a line, written in large pieces. */
import { closeSync, createReadStream, openSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';

const BUFFERED_CHARS = 64 * 1024;

export class LineFile {
  readonly #file: number;
  #text = '';
  #count = 0;

  constructor(path: string) {
    this.#file = openSync(path, 'w');
  }

  get count(): number {
    return this.#count;
  }

  add(line: object): void {
    this.#count += 1;
    this.#text += `${JSON.stringify(line)}\n`;
    if (this.#text.length > BUFFERED_CHARS) this.#flush();
  }

  close(): void {
    this.#flush();
    closeSync(this.#file);
  }

  #flush(): void {
    writeSync(this.#file, this.#text);
    this.#text = '';
  }
}

/** @param add - Each line, parsed; its shape is whatever was written there. */
export async function readLines(path: string, add: (line: unknown) => void): Promise<void> {
  for await (const text of createInterface({ input: createReadStream(path) })) {
    if (text !== '') add(JSON.parse(text));
  }
}
