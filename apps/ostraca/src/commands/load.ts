/** `ostraca load` and `ostraca dump`: a file into a map and back. */
import type { Key } from '@ostraca/core';
import { type Command, Option } from 'commander';
import { usageError } from '../exit-code.ts';
import { type GridOptions, withGrid } from '../grid-connection.ts';
import { isKey, KEY_TYPES, type KeyType, parseKey } from '../key-text.ts';
import { inDigits, loadEntries, newProgress } from '../load-entries.ts';
import { jsonOption, withCatalog } from '../options.ts';
import { openRecords, type RecordFile, type RecordFormat } from '../records.ts';
import { line, type Terminal } from '../terminal.ts';
import { toJson } from '../value-json.ts';
import { mapOf, printEntries } from './map.ts';

interface LoadCommandOptions extends GridOptions {
  readonly key: string;
  readonly value?: string;
  readonly keyType?: KeyType;
  readonly format?: RecordFormat;
  readonly json?: boolean;
}

export function addLoadCommands(program: Command, terminal: Terminal): void {
  withCatalog(program.command('load').description('write the records of a file into a map'))
    .argument('<grid>')
    .argument('<map>')
    .argument('<file>', 'NDJSON, or CSV when its name ends in .csv; - is standard input')
    .requiredOption('--key <field>', 'field of the key; its JSON type is kept')
    .option('--value <field>', 'field of the value (default: the whole record)')
    .addOption(new Option('--key-type <type>', 'read a text key as this').choices(KEY_TYPES))
    .addOption(new Option('--format <format>', 'what FILE is').choices(['ndjson', 'csv']))
    .addOption(jsonOption())
    .action((gridName: string, mapName: string, path: string, options: LoadCommandOptions) =>
      load({ gridName, mapName, path }, options, terminal),
    );
  withCatalog(program.command('dump').description('print all entries of a map, one JSON object a line'))
    .argument('<grid>')
    .argument('<map>')
    .addOption(jsonOption())
    .action((gridName: string, mapName: string, options: GridOptions) =>
      withGrid(gridName, options, terminal, (grid) => printEntries(mapOf(grid, mapName), {}, terminal)),
    );
}

interface LoadTarget {
  readonly gridName: string;
  readonly mapName: string;
  readonly path: string;
}

async function load(target: LoadTarget, options: LoadCommandOptions, terminal: Terminal): Promise<void> {
  const file = await openRecords(target.path, options.format);
  await withGrid(target.gridName, options, terminal, async (grid) => {
    const map = mapOf(grid, target.mapName);
    const startedAtMs = performance.now();
    const progress = newProgress(file.sizeBytes ?? 0, {
      isTerminal: terminal.errIsTerminal && file.sizeBytes !== undefined,
    });
    let loaded = 0;
    try {
      const onProgress = (count: number): void => progress.update(file.readBytes(), count);
      loaded = await loadEntries(map, entriesOf(file, target.path, options), { onProgress });
      progress.update(file.sizeBytes ?? 0, loaded);
    } finally {
      progress.stop();
    }
    const seconds = (performance.now() - startedAtMs) / 1_000;
    const rate = Math.round(loaded / Math.max(seconds, 0.001));
    const size = await map.size();
    if (options.json === true) line(terminal, JSON.stringify({ loaded, seconds, rate, size }));
    else {
      line(
        terminal,
        `${loaded} entries loaded in ${seconds.toFixed(1)} s (${inDigits(rate)} a second); ` +
          `${target.mapName} holds ${size}`,
      );
    }
  });
}

async function* entriesOf(
  { records }: RecordFile,
  path: string,
  options: LoadCommandOptions,
): AsyncGenerator<readonly [Key, unknown]> {
  for await (const { record, line: lineNumber } of records) {
    const where = `${path}:${lineNumber}`;
    const key = fieldOf(record, options.key, where);
    if (!isKey(key)) throw usageError(`${where}: field ${options.key} is no key: ${JSON.stringify(toJson(key))}`);
    const value = options.value === undefined ? record : fieldOf(record, options.value, where);
    yield [typeof key === 'string' && options.keyType !== undefined ? parseKey(key, options.keyType) : key, value];
  }
}

function fieldOf(record: Readonly<Record<string, unknown>>, field: string, where: string): unknown {
  if (!Object.hasOwn(record, field)) {
    throw usageError(`${where}: no field ${field}; there are ${Object.keys(record).join(', ')}`);
  }
  return record[field];
}
