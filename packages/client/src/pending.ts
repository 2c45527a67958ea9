/** A request of the application from its submission to its answer. */
import {
  type Commit,
  type GridError,
  type Lock,
  type MapId,
  NewRead,
  NewWrite,
  type Operation,
  type PartitionId,
  type Read,
  type ReadAnswer,
  type RequestMessage,
  type Route,
  type ScanAnswer,
  type SizeAnswer,
  type WriteAnswer,
} from '@ostraca/core';
import type { Step } from './deadlines.ts';
import type { Link } from './links.ts';
import { LINEARIZABLE, type ReadWish } from './read-modes.ts';
import type { Token } from './tokens.ts';

export type RequestBody =
  | {
      readonly kind: 'read';
      readonly keys: readonly Uint8Array[];
      readonly withoutValues: boolean;
      /** Default: linearizable. */
      readonly wish?: ReadWish;
    }
  | { readonly kind: 'size' }
  | {
      readonly kind: 'scan';
      readonly resumed: boolean;
      readonly afterHash: number;
      readonly limit: number;
      readonly prefix: Uint8Array;
      readonly withoutValues: boolean;
    }
  | { readonly kind: 'write'; readonly operations: readonly Operation[] }
  /** Fields as of core's Lock, and below of its Commit. */
  | ({ readonly kind: 'lock' } & Pick<Lock, 'transaction' | 'mode' | 'keys' | 'withoutValues' | 'waitMs'>)
  | ({ readonly kind: 'commit' } & CommitFields);

type CommitFields = Pick<Commit, 'transaction' | 'beganEpoch' | 'reads' | 'ranges' | 'operations' | 'waitMs'>;

export interface ClientRequest {
  readonly partition: PartitionId;
  readonly map: MapId;
  readonly body: RequestBody;
  readonly timeoutMs: number;
}

export type ClientAnswer = ReadAnswer | SizeAnswer | ScanAnswer | WriteAnswer;
/** Is told once what becomes of a request. */
export type Done = ((result: ClientAnswer | GridError) => void) | { settle(result: ClientAnswer | GridError): void };

export function tell(done: Done, result: ClientAnswer | GridError): void {
  if (typeof done === 'function') done(result);
  else done.settle(result);
}

/**
 * `overflow`: beyond maxPendingBytes. `atReplica`: a replica was asked. `waiting`: never sent. `sent`: the current attempt is out. `returned`: to be
 * sent again. `done`: answered or given up.
 */
export type PendingState = 'overflow' | 'atReplica' | 'waiting' | 'sent' | 'returned' | 'done';

const NO_IDS: readonly number[] = [];

/**
 * A class, not an object literal: V8 notes of a literal's place in the code whether what is made there survives, and when a
 * burst at the start did, it makes all later ones in the old generation, where each keeps young ones alive until
 * the next full collection. That doubled a client's time.
 */
export class Pending {
  readonly request: ClientRequest;
  readonly done: Done;
  readonly deadlineMs: number;
  /** When its time is looked at next: at the start of its last part, or at the deadline. */
  dueMs: number;
  dueStep: Step<Pending> | undefined = undefined;
  dueBefore: Pending | undefined = undefined;
  dueAfter: Pending | undefined = undefined;
  readonly bytes: number;
  state: PendingState = 'overflow';
  /** Position among the requests of its partition: from 1, in the order of the first sending; 0 before. */
  order = 0;
  older: Pending | undefined = undefined;
  newer: Pending | undefined = undefined;
  /** Of a write, from its first sending on: the same for all attempts. */
  seq = 0;
  /** The next or current attempt; raised only when an earlier one may have reached a primary (A2). */
  attempt = 1;
  /** An attempt that is no longer the current one may have reached a primary, and its outcome is unknown. */
  inDoubt = false;
  /** A write that is not to be carried out any more: what became of it is asked for. */
  isGivenUp = false;
  /** Of a write: when that begins. */
  resolveAtMs: number;
  /** Why it is to be sent again. */
  returnedBy: 'refusal' | 'lostConnection' | 'newRoute' = 'newRoute';
  /** The retry budget has counted it, and gets that back when it is answered. */
  isBudgeted = false;
  /** When the current attempt was sent. */
  sentMs = 0;
  /** Message id of the current attempt, 0 if none is out. An answer pairs with its attempt by this. */
  id = 0;
  /** Of attempts before it whose answers may still come. */
  olderIds: readonly number[] = NO_IDS;
  link: Link | undefined = undefined;
  sentEpoch = 0;
  /** Of the route by which it was sent last. */
  sentLineage = '';
  readonly wish: ReadWish;
  /** Of a read in a session: it must see this. */
  readonly token: Token | undefined;
  /** What the last refusal said: facts for the error at the deadline. */
  lastRefusal: GridError | undefined = undefined;

  constructor(request: ClientRequest, done: Done, { nowMs, tokens }: PendingFacts) {
    const { body, partition, timeoutMs } = request;
    this.request = request;
    this.done = done;
    this.deadlineMs = nowMs + timeoutMs;
    this.dueMs = this.deadlineMs;
    this.resolveAtMs = this.deadlineMs;
    this.bytes = bytesOf(body);
    this.wish = (body.kind === 'read' ? body.wish : undefined) ?? LINEARIZABLE;
    const { wish } = this;
    if (wish.mode !== 'session') this.token = undefined;
    else this.token = wish.tokens === undefined ? tokens.of(partition) : wish.tokens.get(partition);
  }
}

interface PendingFacts {
  readonly nowMs: number;
  /** What this client has seen. */
  readonly tokens: { of(partition: PartitionId): Token | undefined };
}

/** Bookkeeping of one request, counted with its keys and values. */
const OVERHEAD_BYTES = 128;

function bytesOf(body: RequestBody): number {
  let bytes = OVERHEAD_BYTES;
  if (body.kind === 'read' || body.kind === 'lock') for (const key of body.keys) bytes += key.length;
  if (body.kind === 'write' || body.kind === 'commit') {
    for (const { key, value } of body.operations) bytes += key.length + value.length;
  }
  if (body.kind === 'commit') for (const { key } of body.reads) bytes += key.length;
  return bytes;
}

/** It has a seq, and its outcome may be unknown. */
export function isWrite(pending: Pending): boolean {
  const { kind } = pending.request.body;
  return kind === 'write' || kind === 'commit';
}

/** It waits at its primary until a lock by name is free, which may take long. */
export function isAcquisition({ request: { body } }: Pending): boolean {
  return body.kind === 'write' && body.operations[0]?.kind === 'acquire';
}

/** Whether some attempt may have had, or may yet have, an effect. */
export function mayHaveReached(pending: Pending): boolean {
  return pending.inDoubt || pending.state === 'sent';
}

/** The server gives up a little earlier than we do, so that what it knows of the reason still arrives. */
export function answerMarginMs(remainingMs: number): number {
  return Math.min(100, remainingMs / 10);
}

interface SendFacts {
  readonly route: Route;
  readonly remainingMs: number;
  readonly ackedBelow: number;
  readonly atReplica?: boolean;
}

export function messageOf(
  pending: Pending,
  { route, remainingMs, ackedBelow, atReplica = false }: SendFacts,
): RequestMessage {
  const { request, id, seq, attempt } = pending;
  const { body, partition, map } = request;
  const ttlMs = Math.max(1, Math.floor(remainingMs - answerMarginMs(remainingMs)));
  const { epoch } = route;
  switch (body.kind) {
    case 'read':
      return readOf(pending, body, { id, partition, epoch, map, ttlMs, atReplica });
    case 'size':
      return { type: 'size', id, partition, epoch, map, ttlMs };
    case 'scan': {
      const { resumed, afterHash, limit, prefix, withoutValues } = body;
      return { type: 'scan', id, partition, epoch, map, ttlMs, resumed, afterHash, limit, prefix, withoutValues };
    }
    case 'write':
      if (pending.isGivenUp) return { type: 'resolveOrAbort', id, partition, epoch, map, ttlMs, seq, ackedBelow };
      return new NewWrite({ id, partition, epoch, map, ttlMs, seq, ackedBelow, attempt, operations: body.operations });
    case 'lock': {
      const { transaction, mode, keys, withoutValues, waitMs } = body;
      return { type: 'lock', id, partition, epoch, map, ttlMs, transaction, mode, keys, withoutValues, waitMs };
    }
    case 'commit': {
      if (pending.isGivenUp) return { type: 'resolveOrAbort', id, partition, epoch, map, ttlMs, seq, ackedBelow };
      const { transaction, beganEpoch, reads, ranges, operations, waitMs } = body;
      const head = { type: 'commit', id, partition, epoch, map, ttlMs, seq, ackedBelow, attempt } as const;
      return { ...head, transaction, beganEpoch, reads, ranges, operations, waitMs };
    }
  }
}

type ReadBody = Extract<RequestBody, { kind: 'read' }>;

type ReadHead = Pick<Read, 'id' | 'partition' | 'epoch' | 'map' | 'ttlMs'> & { readonly atReplica: boolean };

/** The primary answers whatever asks for less than linearizable as that; but who wants any state does not wait for it. */
function readOf({ wish, token }: Pending, { keys, withoutValues }: ReadBody, head: ReadHead): Read {
  const { id, partition, epoch, map, ttlMs, atReplica } = head;
  const mode = atReplica || wish.mode === 'readIndex' || wish.mode === 'eventual' ? wish.mode : 'linearizable';
  const maxStalenessMs = atReplica && wish.mode === 'bounded' ? wish.maxStalenessMs : 0;
  const { lsn: minLsn, clockMs: minClockMs } = (atReplica ? token : undefined) ?? NO_POINT;
  return new NewRead({
    id,
    partition,
    epoch,
    map,
    ttlMs,
    keys,
    withoutValues,
    mode,
    maxStalenessMs,
    minLsn,
    minClockMs,
  });
}

const NO_POINT = { lsn: 0, clockMs: 0 };
