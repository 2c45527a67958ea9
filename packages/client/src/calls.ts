/**
 * From a call with a promise to a request of the machine. The only place where the two meet: everything above is
 * promises, everything below callbacks.
 */
import { asPartitionId, encodeKey, GridError, type Key, type PartitionId, partitionOf } from '@ostraca/core';
import { checkSignal, checkTimeout } from './check-options.ts';
import type { ClientMachine } from './client-machine.ts';
import { type ClientAnswer, type ClientRequest, type Done, type Pending, type RequestBody, tell } from './pending.ts';
import type { MapPlace } from './routes.ts';
import type { StatusStream } from './status.ts';

/** What a grid needs of the host of its machine; `runtime` gives it, and so does the simulator. */
export interface ClientHost {
  readonly machine: ClientMachine;
  turn<T>(act: (nowMs: number) => T): T;
  nowMs(): number;
  close(reason?: string): Promise<void>;
}

/** What a grid and its maps share. */
export interface GridContext {
  readonly name: string;
  readonly host: ClientHost;
  readonly operationTimeoutMs: number;
  readonly status: StatusStream;
}

export interface CallOptions {
  /** Gives the call up, at once: `aborted`. A write that was sent may still take effect: outcome `unknown`. */
  readonly signal?: AbortSignal | undefined;
  /** How long to wait for the outcome, in milliseconds. Default: `operationTimeoutMs`; at most 60_000. */
  readonly deadlineMs?: number | undefined;
}

export const CALL_OPTIONS = ['signal', 'deadlineMs'];

export type AnswerOf<Body extends RequestBody> = Extract<ClientAnswer, { type: (typeof ANSWERS)[Body['kind']] }>;

export interface Call<Body extends RequestBody> {
  readonly place: MapPlace;
  readonly partition: PartitionId;
  readonly body: Body;
  readonly options: CallOptions | undefined;
}

/** A key with its form on the wire and its place. */
export interface PlacedKey<K extends Key> {
  readonly key: K;
  readonly bytes: Uint8Array;
  readonly partition: PartitionId;
}

/** @throws {@link GridError} `invalid_argument`, `too_large`. */
export function placeKey<K extends Key>(key: K, { mapSet }: MapPlace): PlacedKey<K> {
  const bytes = encodeKey(key);
  const index = partitionOf(bytes, mapSet.numberOfPartitions, mapSet.partitionBy);
  return { key, bytes, partition: asPartitionId(mapSet.firstPartition + index) };
}

/** @throws {@link GridError} `undefined_map`. */
export function placeOf(context: GridContext, map: string): MapPlace {
  const place = context.host.machine.routes.mapOf(map);
  if (place === undefined) throw new GridError('undefined_map', { details: { grid: context.name, map } });
  return place;
}

export function partitionsOfPlace({ mapSet }: MapPlace): PartitionId[] {
  return Array.from({ length: mapSet.numberOfPartitions }, (_, index) => asPartitionId(mapSet.firstPartition + index));
}

/** How a call ends: by one of the two, once. What `onAnswer` throws is given to `onError`. */
export interface CallEnd<Body extends RequestBody> {
  readonly onAnswer: (answer: AnswerOf<Body>) => void;
  readonly onError: (error: unknown) => void;
}

/** A request with its end. */
export interface RequestPart extends ClientRequest {
  settle(result: ClientAnswer | GridError): void;
}

/** All in one turn: what is not refused here leaves in one frame for each container. */
export function submitParts(
  { context, options }: { readonly context: GridContext; readonly options: CallOptions | undefined },
  parts: readonly RequestPart[],
): void {
  const { host } = context;
  const signal = checkSignal(options?.signal);
  if (signal === undefined) {
    host.turn((nowMs) => {
      for (const part of parts) host.machine.submit(part, part, nowMs);
    });
    return;
  }
  for (const part of parts) {
    if (signal.aborted) part.settle(abortedBefore(part, signal));
    else submitAbortable(host, part, { signal, done: part });
  }
}

/** @throws {@link GridError} `invalid_argument`. */
export function timeoutOf(context: GridContext, options: CallOptions | undefined): number {
  const deadlineMs = options?.deadlineMs;
  return deadlineMs === undefined ? context.operationTimeoutMs : checkTimeout('deadlineMs', deadlineMs);
}

/** Rejects with a GridError. */
export function call<Body extends RequestBody>(context: GridContext, request: Call<Body>): Promise<AnswerOf<Body>> {
  return new Promise((onAnswer, onError) => submit(context, request, { onAnswer, onError }));
}

/**
 * As `call`, without a promise of its own: a read or write of one key makes one in all, for each costs as much as its look-up.
 *
 * @throws {@link GridError} when it is refused here.
 */
export function submit<Body extends RequestBody>(context: GridContext, request: Call<Body>, end: CallEnd<Body>): void {
  const { place, partition, body, options } = request;
  const { host } = context;
  const timeoutMs = timeoutOf(context, options);
  const signal = checkSignal(options?.signal);
  const done = (result: ClientAnswer | GridError): void => endCall(body.kind, result, end);
  const clientRequest = { partition, map: place.map.id, body, timeoutMs };
  if (signal !== undefined) submitAbortable(host, clientRequest, { signal, done });
  else host.turn((nowMs) => host.machine.submit(clientRequest, done, nowMs));
}

function endCall<Body extends RequestBody>(
  kind: Body['kind'],
  result: ClientAnswer | GridError,
  { onAnswer, onError }: CallEnd<Body>,
): void {
  try {
    if (result instanceof GridError) onError(result);
    else if (result.type === ANSWERS[kind]) onAnswer(result as AnswerOf<Body>);
    else throw new GridError('protocol_version', { details: { reason: `${kind} answered by ${result.type}` } });
  } catch (error) {
    onError(error);
  }
}

const ANSWERS = {
  read: 'readAnswer',
  size: 'sizeAnswer',
  scan: 'scanAnswer',
  write: 'writeAnswer',
  lock: 'readAnswer',
  commit: 'writeAnswer',
} as const;

function submitAbortable(
  host: ClientHost,
  request: ClientRequest,
  { signal, done }: { readonly signal: AbortSignal; readonly done: Done },
): void {
  if (signal.aborted) throw abortedBefore(request, signal);
  let pending: Pending | undefined;
  const onAbort = (): void => host.turn((nowMs) => pending && host.machine.abort(pending, signal.reason, nowMs));
  const onDone = (result: ClientAnswer | GridError): void => {
    signal.removeEventListener('abort', onAbort);
    tell(done, result);
  };
  signal.addEventListener('abort', onAbort);
  pending = host.turn((nowMs) => host.machine.submit(request, onDone, nowMs));
}

function abortedBefore({ partition }: ClientRequest, { reason }: AbortSignal): GridError {
  return new GridError('aborted', { outcome: 'not_applied', details: { partition }, cause: reason });
}
