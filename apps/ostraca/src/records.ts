/** Records out of a file: NDJSON or CSV, read as a stream, each with its line for messages. */
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { parse } from 'csv-parse';
import { usageError } from './exit-code.ts';
import { parseValue } from './value-json.ts';

export type RecordFormat = 'ndjson' | 'csv';

export interface RecordFile {
  readonly records: AsyncIterable<{ readonly record: Readonly<Record<string, unknown>>; readonly line: number }>;
  /** Undefined for standard input. */
  readonly sizeBytes: number | undefined;
  /** How far the file was read. */
  readBytes(): number;
}

/** `-` is standard input. */
export async function openRecords(path: string, format?: RecordFormat): Promise<RecordFile> {
  const isStdin = path === '-';
  let sizeBytes: number | undefined;
  if (!isStdin) sizeBytes = await sizeOf(path);
  const stream: Readable = isStdin ? process.stdin : createReadStream(path);
  let readBytes = 0;
  stream.on('data', (chunk: Buffer) => {
    readBytes += chunk.length;
  });
  stream.pause();
  const kind = format ?? (path.toLowerCase().endsWith('.csv') ? 'csv' : 'ndjson');
  const records = kind === 'csv' ? csvRecords(stream, path) : jsonRecords(stream, path);
  return { records, sizeBytes, readBytes: () => readBytes };
}

async function sizeOf(path: string): Promise<number> {
  try {
    const { size, isDirectory } = await stat(path).then((found) => ({
      size: found.size,
      isDirectory: found.isDirectory(),
    }));
    if (!isDirectory) return size;
  } catch (error) {
    throw usageError(`${path}: cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
  }
  throw usageError(`${path}: is a directory`);
}

async function* jsonRecords(stream: Readable, path: string): RecordFile['records'] {
  let number = 0;
  for await (const text of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY })) {
    number += 1;
    if (text.trim() === '') continue;
    yield { record: recordOf(text, `${path}:${number}`), line: number };
  }
}

function recordOf(text: string, where: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = parseValue(text);
  } catch (error) {
    throw usageError(`${where}: expected one JSON object a line (${(error as Error).message})`);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw usageError(`${where}: expected a JSON object, got ${text.slice(0, 40)}`);
}

/** The first line names the fields; every value is a text. */
async function* csvRecords(stream: Readable, path: string): RecordFile['records'] {
  const parser = stream.pipe(
    parse({ columns: true, info: true, bom: true, skip_empty_lines: true, relax_column_count: false }),
  );
  stream.on('error', (error) => parser.destroy(error));
  try {
    for await (const { record, info } of parser) yield { record, line: info.lines };
  } catch (error) {
    if (error instanceof Error && 'code' in error && String(error.code).startsWith('CSV_')) {
      throw usageError(`${path}: ${error.message}`);
    }
    throw error;
  }
}
