/** Where a CPU profile's time went: functions by the time spent in themselves. */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';

interface CallFrame {
  readonly functionName: string;
  readonly url: string;
  readonly lineNumber: number;
}

export interface CpuProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: CallFrame }[];
  readonly samples: readonly number[];
  /** Microseconds before each sample. */
  readonly timeDeltas: readonly number[];
}

export interface HotSpot {
  readonly where: string;
  /** Of the time that was not idle. */
  readonly share: number;
}

export function hotSpots({ nodes, samples, timeDeltas }: CpuProfile, count: number): HotSpot[] {
  const places = new Map(nodes.map(({ id, callFrame }) => [id, placeOf(callFrame)]));
  const micros = new Map<string, number>();
  let total = 0;
  for (const [index, id] of samples.entries()) {
    const where = places.get(id) ?? '(unknown)';
    if (where === '(idle)') continue;
    const delta = timeDeltas[index] ?? 0;
    total += delta;
    micros.set(where, (micros.get(where) ?? 0) + delta);
  }
  const sorted = [...micros].sort((a, b) => b[1] - a[1]).slice(0, count);
  return sorted.map(([where, spent]) => ({ where, share: spent / total }));
}

export function hotSpotsOf(file: string, count: number): HotSpot[] {
  return hotSpots(JSON.parse(readFileSync(file, 'utf8')) as CpuProfile, count);
}

/** `onFrame client.js:71`; built-in functions have no place. */
function placeOf({ functionName, url, lineNumber }: CallFrame): string {
  const name = functionName === '' ? '(anonymous)' : functionName;
  return url === '' ? name : `${name} ${url.startsWith('node:') ? url : basename(url)}:${lineNumber + 1}`;
}
