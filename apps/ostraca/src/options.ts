/** Options that several commands share, and how their texts are read. */
import { isMemorySize, MEMORY_MIN } from '@ostraca/server';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { usageError } from './exit-code.ts';
import { KEY_TYPES } from './key-text.ts';
import type { Terminal } from './terminal.ts';

export const DEFAULT_LISTEN = '127.0.0.1:7400';
export const DEFAULT_CATALOG = `ws://${DEFAULT_LISTEN}`;

export interface CatalogOptions {
  readonly catalog?: readonly string[];
  readonly timeout: number;
}

export const catalogOption = (): Option =>
  new Option(
    '--catalog <urls>',
    `catalogs or containers, by commas (default: OSTRACA_CATALOG or ${DEFAULT_CATALOG})`,
  ).argParser(parseUrls);

export const timeoutOption = (): Option =>
  new Option('--timeout <seconds>', 'how long to wait for an answer').default(10).argParser(parseSeconds);

export const jsonOption = (): Option => new Option('--json', 'print JSON');

export const keyTypeOption = (): Option =>
  new Option('--key-type <type>', 'what KEY is').choices(KEY_TYPES).default('string');

export function withCatalog(command: Command): Command {
  return command.addOption(catalogOption()).addOption(timeoutOption());
}

export function catalogsOf(options: { readonly catalog?: readonly string[] }, terminal: Terminal): readonly string[] {
  if (options.catalog !== undefined) return options.catalog;
  try {
    return parseUrls(terminal.env.OSTRACA_CATALOG || DEFAULT_CATALOG);
  } catch (error) {
    // Of an option commander says it; of a variable nobody would.
    throw usageError(`OSTRACA_CATALOG: ${(error as Error).message}`);
  }
}

export function parseUrls(text: string): readonly string[] {
  const urls = text.split(',').map((url) => url.trim());
  for (const url of urls) {
    if (!/^wss?:\/\/[^\s/]+\/?$/.test(url)) throw new InvalidArgumentError(`expected ws://HOST:PORT, got "${url}".`);
  }
  return urls;
}

/** `HOST:PORT`, with IPv6 in brackets; port 0: any free one. */
export function parseListen(text: string): string {
  const match = /^(\[[0-9a-fA-F:]+\]|[^:\s]+):(\d{1,5})$/.exec(text);
  if (match === null || Number(match[2]) > 65_535) {
    throw new InvalidArgumentError(`expected HOST:PORT, got "${text}".`);
  }
  return text;
}

export function parseMemory(text: string): string {
  if (!isMemorySize(text)) {
    throw new InvalidArgumentError(
      `expected a size of at least ${MEMORY_MIN} with its unit, such as 2GiB, got "${text}".`,
    );
  }
  return text;
}

/** Of a container: `-N` of --count still fits, and ready lines stay one word. */
export function parseName(text: string): string {
  if (!/^[A-Za-z0-9_][A-Za-z0-9_.:-]{0,119}$/.test(text)) {
    throw new InvalidArgumentError(`expected letters, digits, _ . : and -, at most 120, got "${text}".`);
  }
  return text;
}

export function parseUrl(text: string): string {
  const [url = '', ...others] = parseUrls(text);
  if (others.length > 0) throw new InvalidArgumentError('expected one address.');
  return url;
}

export function parseCount(text: string): number {
  const count = Number(text);
  if (!/^\d+$/.test(text) || count < 1 || count > 1_000) {
    throw new InvalidArgumentError(`expected a whole number from 1 to 1000, got "${text}".`);
  }
  return count;
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (text.trim() === '' || !(seconds > 0 && seconds <= 60)) {
    throw new InvalidArgumentError(`expected seconds, more than 0 and at most 60, got "${text}".`);
  }
  return seconds;
}

/** For an option that may stand several times. */
export function repeated(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}
