/**
 * One transaction of a caller, step by step, as the client library makes it: what it reads is noted, what it writes stays
 * here, and all goes in one commit. Callbacks, where the library has promises: a run has no time but the scheduler's.
 */
import type { ClientAnswer, RequestBody } from '@ostraca/client';
import {
  asMapId,
  GridError,
  type MapId,
  NewOperation,
  NO_BYTES,
  type Operation,
  type RangeCheck,
  type ReadCheck,
} from '@ostraca/core';
import type { ListOperation, ListTransaction } from '../checkers/isolation/list-append.ts';
import { bytesOf } from './wire-forms.ts';

/** A key of a map that only transactions use, with a list as its value. */
export interface ListPlace {
  /** In the history. */
  readonly name: string;
  readonly map: MapId;
  readonly isLocked: boolean;
  readonly bytes: Uint8Array;
}

export interface TransactionGround {
  /** Of the transaction's partition. */
  readonly places: readonly ListPlace[];
  /** `sentEpoch`: of the route by which it went. */
  readonly ask: (
    map: MapId,
    body: RequestBody,
    done: (answer: ClientAnswer | GridError, sentEpoch: number) => void,
  ) => void;
  /** A number for a transaction that takes its first lock. */
  readonly begin: () => number;
  /** Its primary may free its locks. */
  readonly end: (transaction: number) => void;
  /** The primary has ended it. */
  readonly forget: (transaction: number) => void;
  readonly waitMs: number;
  /** Between two steps. */
  readonly pause: (then: () => void) => void;
}

export type TransactionStep =
  | { readonly kind: 'read' | 'readToWrite'; readonly place: ListPlace }
  | { readonly kind: 'append'; readonly place: ListPlace; readonly value: number }
  | { readonly kind: 'scan'; readonly map: MapId; readonly isLocked: boolean };

export interface TransactionEnd extends Pick<ListTransaction, 'outcome' | 'operations'> {
  /** Everything that it touched was locked, and yet it was told that something had changed. */
  readonly isConflictUnderLocks: boolean;
}

const text = new TextDecoder();

export class TransactionRun {
  readonly #ground: TransactionGround;
  readonly #steps: TransactionStep[];
  readonly #done: (end: TransactionEnd) => void;
  readonly #operations: ListOperation[] = [];
  readonly #reads: ReadCheck[] = [];
  readonly #ranges: RangeCheck[] = [];
  /** As the transaction sees them. */
  readonly #lists = new Map<string, readonly number[]>();
  /** Of those that it has written. */
  readonly #written = new Map<ListPlace, readonly number[]>();
  readonly #mayWrite = new Set<ListPlace>();
  #transaction = 0;
  #isAllLocked = true;
  #beganEpoch = 0;

  constructor(ground: TransactionGround, steps: readonly TransactionStep[], done: (end: TransactionEnd) => void) {
    this.#ground = ground;
    this.#steps = [...steps];
    this.#done = done;
  }

  start(): void {
    this.#ground.pause(() => this.#next());
  }

  #next(): void {
    const step = this.#steps.shift();
    if (step === undefined) return this.#commit();
    if (step.kind === 'scan') this.#isAllLocked &&= step.isLocked;
    else this.#isAllLocked &&= step.place.isLocked;
    if (step.kind === 'scan') return this.#scan(step.map, step.isLocked, () => this.start());
    const { place } = step;
    this.#read(
      place,
      step.kind === 'read' ? 'shared' : step.kind === 'readToWrite' ? 'upgradable' : 'exclusive',
      () => {
        if (step.kind === 'append') this.#append(place, step.value);
        this.start();
      },
    );
  }

  #read(place: ListPlace, mode: 'shared' | 'upgradable' | 'exclusive', then: () => void): void {
    const known = this.#lists.get(place.name);
    const isEnough = !place.isLocked || mode === 'shared' || this.#mayWrite.has(place);
    if (known !== undefined && isEnough) {
      if (mode !== 'exclusive') this.#operations.push({ kind: 'read', key: place.name, list: known });
      return then();
    }
    const { map, bytes } = place;
    this.#ask(map, this.#readBody(place, mode), (answer) => {
      if (answer.type !== 'readAnswer') throw new Error(`a read answered by ${answer.type}`);
      const entry = answer.entries[0];
      const list = entry?.found === true ? listOf(entry.value) : [];
      if (known === undefined) {
        this.#reads.push({ map, key: bytes, epoch: entry?.epoch ?? 0, lsn: entry?.lsn ?? 0 });
        this.#lists.set(place.name, list);
      }
      if (mode !== 'shared') this.#mayWrite.add(place);
      this.#operations.push({ kind: 'read', key: place.name, list });
      then();
    });
  }

  #readBody({ isLocked, bytes }: ListPlace, mode: 'shared' | 'upgradable' | 'exclusive'): RequestBody {
    if (!isLocked) return { kind: 'read', keys: [bytes], withoutValues: false };
    return this.#lockBody(mode, [bytes]);
  }

  #lockBody(mode: 'shared' | 'upgradable' | 'exclusive', keys: readonly Uint8Array[]): RequestBody {
    if (this.#transaction === 0) this.#transaction = this.#ground.begin();
    return {
      kind: 'lock',
      transaction: this.#transaction,
      mode,
      keys,
      withoutValues: false,
      waitMs: this.#ground.waitMs,
    };
  }

  #append(place: ListPlace, value: number): void {
    const list = [...(this.#lists.get(place.name) ?? []), value];
    this.#lists.set(place.name, list);
    this.#written.set(place, list);
    this.#operations.push({ kind: 'append', key: place.name, value });
  }

  /** All of the map in this partition, also what is not there. */
  #scan(map: MapId, isLocked: boolean, then: () => void): void {
    if (isLocked) return this.#ask(map, this.#lockBody('shared', []), () => this.#scan(map, false, then));
    const page = { resumed: false, afterHash: 0, limit: 1_000, prefix: NO_BYTES, withoutValues: false };
    this.#ask(map, { kind: 'scan', ...page }, (answer) => {
      if (answer.type !== 'scanAnswer' || !answer.done) throw new Error('a scan in one page');
      this.#ranges.push({ map, lsn: answer.lsn, clockMs: answer.clockMs });
      const found = new Map(answer.entries.map(({ key, value }) => [text.decode(key), value]));
      const entries: [string, readonly number[]][] = [];
      for (const place of this.#ground.places) {
        if (place.map !== map) continue;
        const value = found.get(text.decode(place.bytes));
        // What it has written itself, nobody else shows it.
        const list = this.#written.get(place) ?? (value === undefined ? [] : listOf(value));
        entries.push([place.name, list]);
      }
      this.#operations.push({ kind: 'readAll', entries });
      then();
    });
  }

  #commit(): void {
    const operations = [...this.#written];
    if (operations.length + this.#reads.length + this.#ranges.length === 0) return this.#finish('committed');
    const [transaction, { waitMs }] = [this.#transaction, this.#ground];
    const maps =
      operations.length > 0
        ? operations.map(([place]) => place.map)
        : [...this.#reads, ...this.#ranges].map(({ map }) => map);
    const map = asMapId(Math.min(...maps));
    const body: RequestBody = {
      ...{
        kind: 'commit',
        transaction,
        beganEpoch: this.#beganEpoch,
        reads: this.#reads,
        ranges: this.#ranges,
        waitMs,
      },
      operations: operations.map(([place, list]) => putOf(place, list, map)),
    };
    this.#ground.ask(map, body, (answer) => {
      if (!(answer instanceof GridError)) {
        if (transaction !== 0) this.#ground.forget(transaction);
        return this.#finish('committed');
      }
      if (transaction !== 0) this.#ground.end(transaction);
      // One that writes nothing has no outcome that anybody could miss.
      const isConflict = answer.code === 'version_conflict' && this.#isAllLocked;
      this.#finish(answer.outcome === 'unknown' && operations.length > 0 ? 'unknown' : 'rolledBack', isConflict);
    });
  }

  #ask(map: MapId, body: RequestBody, then: (answer: ClientAnswer) => void): void {
    this.#ground.ask(map, body, (answer, sentEpoch) => {
      if (this.#beganEpoch === 0) this.#beganEpoch = sentEpoch;
      if (!(answer instanceof GridError) && sentEpoch === this.#beganEpoch) return then(answer);
      if (this.#transaction !== 0) this.#ground.end(this.#transaction);
      this.#finish('rolledBack');
    });
  }

  #finish(outcome: ListTransaction['outcome'], isConflictUnderLocks = false): void {
    this.#done({ outcome, operations: this.#operations, isConflictUnderLocks });
  }
}

function putOf(place: ListPlace, list: readonly number[], map: MapId): Operation {
  const value = bytesOf(list.join(','));
  const lifetime = { ttlMs: 0, expireAtMs: 0 };
  return new NewOperation({
    kind: 'set',
    key: place.bytes,
    value,
    ifEpoch: 0,
    ifLsn: 0,
    ...lifetime,
    mapOffset: place.map - map,
  });
}

export function listOf(value: Uint8Array): number[] {
  return text.decode(value).split(',').map(Number);
}
