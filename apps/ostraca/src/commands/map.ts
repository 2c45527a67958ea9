/** `ostraca map ...`: one operation on one map. */
import type { Grid, GridMap } from '@ostraca/client';
import type { Key } from '@ostraca/core';
import { type Command, InvalidArgumentError } from 'commander';
import { CommandError, EXIT, usageError } from '../exit-code.ts';
import { type GridOptions, withGrid } from '../grid-connection.ts';
import { type KeyType, parseKey } from '../key-text.ts';
import { jsonOption, keyTypeOption, withCatalog } from '../options.ts';
import { line, type Terminal } from '../terminal.ts';
import { parseValue, printValue, toJson } from '../value-json.ts';

interface MapOptions extends GridOptions {
  readonly keyType: KeyType;
  readonly json?: boolean;
  readonly ifVersion?: string;
  readonly prefix?: string;
  readonly limit?: number;
}

type AnyMap = GridMap<Key, unknown>;

export function addMapCommands(program: Command, terminal: Terminal): void {
  const map = program.command('map').description('read and write the entries of one map');
  const keyed = (name: string, description: string): Command =>
    withCatalog(map.command(name).description(description).argument('<grid>').argument('<map>').argument('<key>'))
      .addOption(keyTypeOption())
      .addOption(jsonOption());
  const whole = (name: string, description: string): Command =>
    withCatalog(map.command(name).description(description).argument('<grid>').argument('<map>')).addOption(
      jsonOption(),
    );

  /** Runs `act` on the map and with the key that the arguments name. */
  const onKey =
    (act: (map: AnyMap, key: Key, options: MapOptions) => Promise<void>) =>
    async (gridName: string, mapName: string, keyText: string, options: MapOptions): Promise<void> => {
      const key = parseKey(keyText, options.keyType);
      await withGrid(gridName, options, terminal, (grid) => act(mapOf(grid, mapName), key, options));
    };

  keyed('get', 'print the value of a key; exit 1 if it is absent').action(
    onKey(async (entries, key) => {
      const entry = await entries.getEntry(key);
      if (entry === undefined) throw new CommandError(EXIT.no, 'no such key');
      line(terminal, printValue(entry.value));
    }),
  );
  keyed('has', 'print whether a key is there; exit 1 if it is absent').action(
    onKey(async (entries, key) => answer(terminal, await entries.has(key))),
  );
  keyed('delete', 'remove a key; exit 1 if it was absent')
    .option('--if-version <version>', 'only if the entry has this version')
    .action(onKey(async (entries, key, options) => answer(terminal, await entries.delete(key, conditionOf(options)))));

  for (const [name, description] of WRITES) {
    const command = keyed(name, description).argument(
      '<value>',
      'JSON; {"$date":...}, {"$bigint":...} and {"$bytes":...} too',
    );
    if (name !== 'insert') command.option('--if-version <version>', 'only if the entry has this version');
    command.action(async (gridName: string, mapName: string, keyText: string, text: string, options: MapOptions) => {
      const key = parseKey(keyText, options.keyType);
      const value = jsonValue(text);
      await withGrid(gridName, options, terminal, async (grid) => {
        const entries = mapOf(grid, mapName);
        const version =
          name === 'insert' ? await entries.insert(key, value) : await entries[name](key, value, conditionOf(options));
        line(terminal, options.json === true ? JSON.stringify(version) : version);
      });
    });
  }

  whole('size', 'print how many entries a map has').action((gridName: string, mapName: string, options: MapOptions) =>
    withGrid(gridName, options, terminal, async (grid) => line(terminal, String(await mapOf(grid, mapName).size()))),
  );
  whole('clear', 'remove all entries of a map').action((gridName: string, mapName: string, options: MapOptions) =>
    withGrid(gridName, options, terminal, async (grid) => {
      await mapOf(grid, mapName).clear();
      line(terminal, options.json === true ? 'true' : 'cleared');
    }),
  );
  whole('scan', 'print entries, one JSON object a line, in no order of theirs')
    .option('--prefix <text>', 'only text keys that begin so')
    .option('--limit <count>', 'at most so many', parseLimit)
    .action((gridName: string, mapName: string, options: MapOptions) =>
      withGrid(gridName, options, terminal, (grid) => printEntries(mapOf(grid, mapName), options, terminal)),
    );
}

const WRITES = [
  ['set', 'write an entry, whether the key is there or not; prints its version'],
  ['insert', 'write an entry; exit 1 if the key is there'],
  ['update', 'write an entry; exit 1 if the key is absent'],
] as const;

/** `{"key":...,"value":...}`, one a line: what `ostraca load --key key --value value` reads back. */
export async function printEntries(
  entries: AnyMap,
  { prefix, limit = Number.POSITIVE_INFINITY }: { readonly prefix?: string; readonly limit?: number },
  terminal: Terminal,
): Promise<number> {
  let count = 0;
  if (limit === 0) return count;
  for await (const [key, value] of entries.entries(prefix === undefined ? {} : { prefix })) {
    line(terminal, JSON.stringify({ key: toJson(key), value: toJson(value) }));
    count += 1;
    if (count >= limit) break;
    await terminal.drained();
  }
  return count;
}

export function mapOf(grid: Grid, name: string): AnyMap {
  return grid.map<Key, unknown>(name);
}

function conditionOf({ ifVersion }: MapOptions): { readonly ifVersion?: string } {
  return ifVersion === undefined ? {} : { ifVersion };
}

function answer(terminal: Terminal, isYes: boolean): void {
  line(terminal, String(isYes));
  if (!isYes) throw new CommandError(EXIT.no);
}

function jsonValue(text: string): unknown {
  try {
    return parseValue(text);
  } catch (error) {
    const hint = /^[\w .:/-]*$/.test(text) ? ` (a text has its quotes: '${JSON.stringify(text)}')` : '';
    throw usageError(`VALUE: expected JSON, got ${text.slice(0, 80)}${hint || ` (${(error as Error).message})`}`);
  }
}

function parseLimit(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError(`expected a whole number, got "${text}".`);
  return Number(text);
}
