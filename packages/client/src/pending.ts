/** A request of the application from its submission to its answer. */
import type {
  GridError,
  MapId,
  Operation,
  PartitionId,
  Read,
  ReadAnswer,
  RequestMessage,
  Route,
  ScanAnswer,
  SizeAnswer,
  WriteAnswer,
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
  | { readonly kind: 'write'; readonly operations: readonly Operation[] };

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

export interface Pending {
  readonly request: ClientRequest;
  readonly done: Done;
  readonly deadlineMs: number;
  /** When its time is looked at next: at the start of its last part, or at the deadline. */
  dueMs: number;
  dueStep: Step<Pending> | undefined;
  dueBefore: Pending | undefined;
  dueAfter: Pending | undefined;
  readonly bytes: number;
  state: PendingState;
  /** Position among the requests of its partition: from 1, in the order of the first sending; 0 before. */
  order: number;
  older: Pending | undefined;
  newer: Pending | undefined;
  /** Of a write, from its first sending on: the same for all attempts. */
  seq: number;
  /** The next or current attempt; raised only when an earlier one may have reached a primary (A2). */
  attempt: number;
  /** An attempt that is no longer the current one may have reached a primary, and its outcome is unknown. */
  inDoubt: boolean;
  /** A write that is not to be carried out any more: what became of it is asked for. */
  isGivenUp: boolean;
  /** Of a write: when that begins. */
  resolveAtMs: number;
  /** Why it is to be sent again. */
  returnedBy: 'refusal' | 'lostConnection' | 'newRoute';
  /** The retry budget has counted it, and gets that back when it is answered. */
  isBudgeted: boolean;
  /** When the current attempt was sent. */
  sentMs: number;
  /** Message id of the current attempt, 0 if none is out. An answer pairs with its attempt by this. */
  id: number;
  /** Of attempts before it whose answers may still come. */
  olderIds: readonly number[];
  link: Link | undefined;
  sentEpoch: number;
  /** Of the route by which it was sent last. */
  sentLineage: string;
  readonly wish: ReadWish;
  /** Of a read in a session: it must see this. */
  readonly token: Token | undefined;
  /** What the last refusal said: facts for the error at the deadline. */
  lastRefusal: GridError | undefined;
}

const NO_IDS: readonly number[] = [];

/** Bookkeeping of one request, counted with its keys and values. */
const OVERHEAD_BYTES = 128;

function bytesOf(body: RequestBody): number {
  let bytes = OVERHEAD_BYTES;
  if (body.kind === 'read') for (const key of body.keys) bytes += key.length;
  if (body.kind === 'write') for (const { key, value } of body.operations) bytes += key.length + value.length;
  return bytes;
}

export function isWrite(pending: Pending): boolean {
  return pending.request.body.kind === 'write';
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
      return {
        type: 'write',
        id,
        partition,
        epoch,
        map,
        ttlMs,
        seq,
        ackedBelow,
        attempt,
        operations: body.operations,
      };
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
  return {
    type: 'read',
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
  };
}

const NO_POINT = { lsn: 0, clockMs: 0 };

export function newPending(
  request: ClientRequest,
  done: Done,
  { nowMs, tokens }: { nowMs: number; tokens: { of(partition: PartitionId): Token | undefined } },
): Pending {
  const { body, partition } = request;
  const wish = (body.kind === 'read' ? body.wish : undefined) ?? LINEARIZABLE;
  const given = wish.mode === 'session' ? wish.tokens : undefined;
  return {
    request,
    done,
    deadlineMs: nowMs + request.timeoutMs,
    dueMs: nowMs + request.timeoutMs,
    dueStep: undefined,
    dueBefore: undefined,
    dueAfter: undefined,
    bytes: bytesOf(request.body),
    state: 'overflow',
    order: 0,
    older: undefined,
    newer: undefined,
    seq: 0,
    attempt: 1,
    inDoubt: false,
    isGivenUp: false,
    resolveAtMs: nowMs + request.timeoutMs,
    returnedBy: 'newRoute',
    isBudgeted: false,
    sentMs: 0,
    id: 0,
    olderIds: NO_IDS,
    link: undefined,
    sentEpoch: 0,
    sentLineage: '',
    wish,
    token: given !== undefined ? given.get(partition) : wish.mode === 'session' ? tokens.of(partition) : undefined,
    lastRefusal: undefined,
  };
}
