/** One process's calls to a grid, each of which becomes an operation of its history. */
import { type Grid, GridError, type GridMap } from '@ostraca/client';
import type { Action, Observation, Operation, Result, Version } from '../checkers/history.ts';
import { monotonicMs } from './monotonic.ts';

export const REGISTERS = 'registers';
export const COUNTERS = 'counters';
export type MapName = typeof REGISTERS | typeof COUNTERS;

export interface Place {
  readonly map: MapName;
  readonly key: string;
}

/** An acknowledged delete tells no version. To the checkers it is a write that has ended and has no witness. */
export const DELETED: Result = { kind: 'unknown', code: 'applied, version not told' };

export class Caller {
  readonly #name: string;
  readonly #remember: (operation: Operation) => void;
  readonly #maps: Readonly<Record<MapName, GridMap<string, string>>>;
  #values = 0;

  constructor(name: string, grid: Grid, remember: (operation: Operation) => void) {
    this.#name = name;
    this.#remember = remember;
    this.#maps = { registers: grid.map(REGISTERS), counters: grid.map(COUNTERS) };
  }

  /** Never given twice in a run. */
  newValue(): string {
    this.#values += 1;
    return `${this.#name}.${this.#values}`;
  }

  /** Undefined: no answer, which says nothing. */
  async read({ map, key }: Place, deadlineMs: number): Promise<Observation | undefined> {
    const invokedMs = monotonicMs();
    try {
      const entry = await this.#maps[map].getEntry(key, { deadlineMs });
      const seen: Observation =
        entry === undefined
          ? { kind: 'absent' }
          : { kind: 'entry', value: entry.value, version: parseVersion(entry.version) };
      this.#add({ map, key }, { kind: 'get' }, { result: { kind: 'observed', seen }, invokedMs });
      return seen;
    } catch (error) {
      if (!(error instanceof GridError)) throw error;
      return undefined;
    }
  }

  async write({ map, key }: Place, action: Action, deadlineMs: number): Promise<Result> {
    const invokedMs = monotonicMs();
    const result = await resultOf(this.#send(this.#maps[map], key, { action, deadlineMs }));
    this.#add({ map, key }, action, { result, invokedMs });
    return result;
  }

  async #send(
    map: GridMap<string, string>,
    key: string,
    { action, deadlineMs }: { readonly action: Action; readonly deadlineMs: number },
  ): Promise<Result> {
    const applied = (version: string): Result => ({ kind: 'applied', version: parseVersion(version) });
    switch (action.kind) {
      case 'set':
        return applied(await map.set(key, action.value, { deadlineMs }));
      case 'insert':
        return applied(await map.insert(key, action.value, { deadlineMs }));
      case 'update':
        return applied(await map.update(key, action.value, { deadlineMs }));
      case 'swap': {
        const ifVersion = `${action.expected.epoch}.${action.expected.lsn}`;
        return applied(await map.set(key, action.value, { deadlineMs, ifVersion }));
      }
      case 'delete':
        return (await map.delete(key, { deadlineMs })) ? DELETED : { kind: 'observed', seen: { kind: 'absent' } };
      default:
        throw new Error(`nobody calls ${action.kind} here`);
    }
  }

  #add({ map, key }: Place, action: Action, { result, invokedMs }: { result: Result; invokedMs: number }): void {
    const isOpen = result.kind === 'unknown' && result !== DELETED;
    const returnedMs = isOpen ? Number.POSITIVE_INFINITY : monotonicMs();
    this.#remember({ process: this.#name, key: `${map}/${key}`, action, result, invokedMs, returnedMs });
  }
}

async function resultOf(answer: Promise<Result>): Promise<Result> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof GridError)) throw error;
    return failureOf(error);
  }
}

export function failureOf({ code, outcome }: GridError): Result {
  if (outcome === 'unknown') return { kind: 'unknown', code };
  switch (code) {
    case 'duplicate_key':
      return { kind: 'observed', seen: { kind: 'present' } };
    case 'key_not_found':
      return { kind: 'observed', seen: { kind: 'absent' } };
    case 'version_conflict':
      return { kind: 'observed', seen: { kind: 'other' } };
    default:
      return { kind: 'not_applied', code };
  }
}

export function parseVersion(version: string): Version {
  const [epoch, lsn] = version.split('.');
  return { epoch: Number(epoch), lsn: Number(lsn) };
}
