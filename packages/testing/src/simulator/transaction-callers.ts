/**
 * Callers who do nothing but transactions: over lists, and between the accounts of a bank. Each stays in one partition, as
 * all transactions do. What they saw is judged when the run is over.
 */
import { asMapId, asPartitionId, GridError, NewOperation, type PartitionId } from '@ostraca/core';
import type { Violation } from '../checkers/history.ts';
import { checkListAppend, violationsOf } from '../checkers/isolation/check.ts';
import type { ListOperation } from '../checkers/isolation/list-append.ts';
import { BankTransactions } from './bank-transactions.ts';
import type { Caller, Calls } from './calls.ts';
import { ListTransactions, listOf, type TransactionMap } from './list-transactions.ts';
import { LISTS, LOCKED_LISTS, pick, type Scenario } from './scenario.ts';
import { type TransactionEnd, type TransactionGround, TransactionRun } from './transaction-run.ts';
import type { World } from './virtual-process.ts';
import { bytesOf } from './wire-forms.ts';

export interface TransactionCallersOptions {
  readonly scenario: Scenario;
  readonly world: World;
  readonly calls: Calls;
  readonly callers: readonly Caller[];
  /** Nobody begins anything while it is false. */
  readonly mayCall: (caller: Caller) => boolean;
}

const text = new TextDecoder();

export class TransactionCallers {
  readonly counts = { committed: 0, rolledBack: 0, unknown: 0 };
  readonly #options: TransactionCallersOptions;
  readonly #lists: ListTransactions;
  readonly #bank: BankTransactions;
  readonly #violations: Violation[] = [];
  readonly #hasFailed = new Set<Caller>();
  #openCount = 0;
  /** What the last reads found, by the place's name; undefined: absent. */
  readonly #finals = new Map<string, string | undefined>();

  constructor(options: TransactionCallersOptions) {
    this.#options = options;
    const { mapSet, transactions } = options.scenario;
    const maps = [LISTS, LOCKED_LISTS].flatMap((name): TransactionMap[] => {
      const id = mapSet.maps.findIndex((map) => map.name === name);
      return id < 0 ? [] : [{ id: asMapId(id), name, isLocked: mapSet.maps[id]?.lockStrategy === 'PESSIMISTIC' }];
    });
    const { numberOfPartitions } = mapSet;
    this.#lists = new ListTransactions({ maps, numberOfPartitions, listCount: transactions?.listCount ?? 1 });
    this.#bank = new BankTransactions(maps, numberOfPartitions);
  }

  /** Also those that pause between two steps. */
  get openCount(): number {
    return this.#openCount;
  }

  start(): void {
    for (const caller of this.#options.callers) this.#think(caller);
  }

  /** Strict serializability, of this partition by itself: nothing is promised beyond one. */
  judge(partition: PartitionId): Violation[] {
    const history = this.#lists.history.filter((transaction) => transaction.partition === partition);
    return [...violationsOf(checkListAppend(history)), ...this.#bank.judge(partition, this.#finals)];
  }

  /** Of keys that were ever used: each by itself, to end the history with. */
  readAll(reader: Caller, isWanted: (partition: PartitionId) => boolean, done: (ok: boolean) => void): void {
    const lists = new Set(this.#lists.places);
    const places = [...lists, ...this.#bank.places].filter(({ partition }) => isWanted(partition));
    let left = places.length;
    let ok = true;
    if (left === 0) return done(true);
    for (const place of places) {
      const { partition, map, bytes, name } = place;
      const startMs = this.#nowMs;
      const body = { kind: 'read', keys: [bytes], withoutValues: false } as const;
      this.#options.calls.submit(reader, { map, partition, timeoutMs: 20_000 }, body, (answer) => {
        left -= 1;
        if (answer instanceof GridError || answer.type !== 'readAnswer') ok = false;
        else {
          const entry = answer.entries[0];
          const value = entry?.found === true ? text.decode(entry.value) : undefined;
          this.#finals.set(name, value);
          const operations = [{ kind: 'read', key: name, list: listOf(value) }] as const;
          const end = { process: `checker ${name}`, startMs, endMs: this.#nowMs, outcome: 'committed' } as const;
          if (lists.has(place)) this.#lists.history.push({ partition, ...end, operations });
        }
        if (left === 0) done(ok);
      });
    }
  }

  /** Conflicts of transactions that had locks on all that they touched. */
  get violations(): readonly Violation[] {
    return this.#violations;
  }

  #think(caller: Caller): void {
    const { scenario, world, mayCall } = this.#options;
    const random = caller.calls.fork();
    // A grid that is away is not asked all the time.
    const restMs = this.#hasFailed.delete(caller) ? 200 : 0;
    world.scheduler.after(random.unit() * (2 * scenario.thinkMs + restMs), () => {
      caller.random = random;
      if (!mayCall(caller)) return this.#think(caller);
      this.#openCount += 1;
      this.#transact(caller, () => {
        this.#openCount -= 1;
        this.#think(caller);
      });
    });
  }

  #transact(caller: Caller, then: () => void): void {
    const { random, client } = caller;
    const { numberOfPartitions } = this.#options.scenario.mapSet;
    const partition = asPartitionId(random.below(numberOfPartitions));
    const draw = random.below(16);
    if (draw < 2) return this.#appendAlone(caller, partition, then);
    const process = `${client.process.name}/${client.lives} ${caller.name}`;
    const startMs = this.#nowMs;
    let onEnd: ((end: TransactionEnd) => void) | undefined;
    let operations: readonly ListOperation[] | undefined;
    // It may end while it is still being begun.
    let ended: TransactionEnd | undefined;
    const finish = (end: TransactionEnd): void => {
      const { outcome } = end;
      onEnd?.(end);
      if (operations !== undefined)
        this.#lists.history.push({ partition, process, startMs, endMs: this.#nowMs, outcome, operations });
      then();
    };
    const run = new TransactionRun(this.#groundOf(caller, partition), (end) => {
      this.#note(process, end, caller);
      if (onEnd === undefined && operations === undefined) ended = end;
      else finish(end);
    });
    if (draw < 6) onEnd = this.#bank.play(run, random, { process, startMs, partition });
    else operations = this.#lists.play(run, random, partition);
    if (ended !== undefined) finish(ended);
  }

  #note(process: string, { outcome, isConflictUnderLocks }: TransactionEnd, caller: Caller): void {
    const { client } = caller;
    this.counts[outcome] += 1;
    if (outcome !== 'committed') this.#hasFailed.add(caller);
    if (outcome === 'committed') this.#options.calls.commitCount += 1;
    if (isConflictUnderLocks) {
      this.#violations.push({ rule: 'T7', what: `${process} met a conflict, though it had locks` });
    }
    const detail = { action: 'transaction', by: process, result: outcome };
    this.#options.world.trace.add({ timeMs: this.#nowMs, process: client.process.name, what: 'answer', detail });
  }

  #groundOf(caller: Caller, partition: PartitionId): TransactionGround {
    const { calls, world } = this.#options;
    const { random, client } = caller;
    const timeoutMs = pick(random, [1_000, 3_000, 10_000]);
    const waitMs = pick(random, [200, 1_000, 5_000]);
    const pauseMs = pick(random, [0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 50, 1_000]);
    const { lives } = client;
    // Whose client has died has nothing left to tell.
    const isAlive = (): boolean => client.lives === lives;
    const notice = (act: (machine: NonNullable<typeof client.process.machine>) => void): void => {
      if (isAlive()) client.process.post(() => client.process.machine !== undefined && act(client.process.machine));
    };
    return {
      waitMs,
      pause: (next) => {
        if (pauseMs === 0) next();
        else world.scheduler.after(random.unit() * pauseMs, next);
      },
      ask: (map, body, answered) => {
        if (!isAlive()) return answered(new GridError('closed', { outcome: 'not_applied' }), 0);
        calls.submit(caller, { map, partition, timeoutMs }, body, (answer, _, sentEpoch = 0) =>
          answered(answer, sentEpoch),
        );
      },
      begin: () => client.process.machine?.transactions.begin(partition) ?? 1,
      end: (transaction) => notice((machine) => machine.transactions.end(partition, transaction)),
      forget: (transaction) => notice((machine) => machine.transactions.forget(partition, transaction)),
    };
  }

  /** Without a transaction: it may be written in between, then nothing is appended. */
  #appendAlone(caller: Caller, partition: PartitionId, then: () => void): void {
    const { calls } = this.#options;
    const { client, random } = caller;
    const place = this.#lists.drawPlace(random, partition);
    const { map, bytes: key, name } = place;
    const call = { map, partition, timeoutMs: pick(random, [1_000, 3_000, 10_000]) };
    const process = `${client.process.name}/${client.lives} ${caller.name}`;
    const startMs = this.#nowMs;
    const value = this.#lists.newValue(place);
    calls.submit(caller, call, { kind: 'read', keys: [key], withoutValues: false }, (read) => {
      if (read instanceof GridError || read.type !== 'readAnswer') return then();
      const [entry] = read.entries;
      const list = listOf(entry?.found === true ? text.decode(entry.value) : undefined);
      const kind = entry?.found === true ? 'set' : 'insert';
      const content = { kind, key, value: bytesOf([...list, value].join(',')), ttlMs: 0, expireAtMs: 0 } as const;
      const operation = new NewOperation({ ...content, ifEpoch: entry?.epoch ?? 0, ifLsn: entry?.lsn ?? 0 });
      calls.submit(caller, call, { kind: 'write', operations: [operation] }, (answer) => {
        const isRefused = answer instanceof GridError;
        const outcome = !isRefused ? 'committed' : answer.outcome === 'unknown' ? 'unknown' : 'rolledBack';
        const operations = [
          { kind: 'read', key: name, list },
          { kind: 'append', key: name, value },
        ] as const;
        this.#lists.history.push({ partition, process, startMs, endMs: this.#nowMs, outcome, operations });
        then();
      });
    });
  }

  get #nowMs(): number {
    return this.#options.world.scheduler.nowMs;
  }
}
