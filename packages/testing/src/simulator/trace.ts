/**
 * What happened, twice: as a hash of everything (two runs of one seed must agree), and as the last events, kept as
 * values and turned into text only when somebody reads them.
 */
export interface TraceEvent {
  readonly timeMs: number;
  readonly process: string;
  readonly what: string;
  readonly detail: unknown;
}

export class Trace {
  readonly #kept: TraceEvent[] = [];
  readonly #keptMax: number;
  readonly #print: ((line: string) => void) | undefined;
  #next = 0;
  #hashA = 0x811c9dc5;
  #hashB = 0x9e3779b9;

  /** `print` gets every event's line as it happens. */
  constructor(keptMax: number, print?: (line: string) => void) {
    this.#keptMax = keptMax;
    this.#print = print;
  }

  add(event: TraceEvent): void {
    this.#mix(Math.round(event.timeMs * 1_000));
    this.addText(event.process);
    this.addText(event.what);
    this.#print?.(formatEvent(event));
    if (this.#kept.length < this.#keptMax) {
      this.#kept.push(event);
      return;
    }
    this.#kept[this.#next] = event;
    this.#next = (this.#next + 1) % this.#keptMax;
  }

  addBytes(bytes: Uint8Array): void {
    let hash = bytes.length;
    for (let index = 0; index < bytes.length; index++) hash = Math.imul(hash ^ (bytes[index] ?? 0), 0x01000193);
    this.#mix(hash);
  }

  addText(text: string): void {
    let hash = text.length;
    for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
    this.#mix(hash);
  }

  /** 16 hexadecimal digits. */
  get hash(): string {
    const hex = (value: number): string => (value >>> 0).toString(16).padStart(8, '0');
    return hex(this.#hashA) + hex(this.#hashB);
  }

  /** The last events as text, oldest first; without those of which `format` says nothing. */
  tail(count: number, format: (event: TraceEvent) => string | undefined = formatEvent): string[] {
    const ordered = [...this.#kept.slice(this.#next), ...this.#kept.slice(0, this.#next)];
    return ordered
      .slice(-count)
      .map(format)
      .filter((line) => line !== undefined);
  }

  #mix(value: number): void {
    this.#hashA = Math.imul(this.#hashA ^ value, 0x01000193);
    this.#hashB = Math.imul((this.#hashB << 5) ^ (this.#hashB >>> 27) ^ value, 0x85ebca6b);
  }
}

export function formatEvent(event: TraceEvent): string {
  const detail = event.detail === undefined ? '' : ` ${formatValue(event.detail)}`;
  return `${(event.timeMs / 1_000).toFixed(4).padStart(9)} ${event.process.padEnd(8)} ${event.what}${detail}`;
}

const DETAIL_CHARS_MAX = 600;

function formatValue(value: unknown): string {
  const text = JSON.stringify(value, (_key, item: unknown) => {
    if (item instanceof Uint8Array) return printable(item);
    return item;
  });
  const plain = (text ?? '').replaceAll('"', '');
  return plain.length <= DETAIL_CHARS_MAX ? plain : `${plain.slice(0, DETAIL_CHARS_MAX)}…`;
}

function printable(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '.';
  return text;
}
