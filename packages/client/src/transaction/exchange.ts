/** One message of a transaction and its answer, with the epoch by whose route it came. */
import { GridError, type MapId, type PartitionId } from '@ostraca/core';
import type { AnswerOf, GridContext } from '../calls.ts';
import type { ClientAnswer, Pending, RequestBody } from '../pending.ts';

export interface Exchange<Body extends RequestBody> {
  readonly map: MapId;
  readonly partition: PartitionId;
  readonly body: Body;
  readonly timeoutMs: number;
  /** It is here while it has no answer, and may be aborted. */
  readonly inFlight: Set<Pending>;
}

export interface Exchanged<Body extends RequestBody> {
  readonly answer: AnswerOf<Body>;
  readonly epoch: number;
}

/** Rejects with a GridError. */
export function exchange<Body extends RequestBody>(
  { host }: GridContext,
  { map, partition, body, timeoutMs, inFlight }: Exchange<Body>,
): Promise<Exchanged<Body>> {
  return new Promise((resolve, reject) => {
    let pending: Pending | undefined;
    const done = (result: ClientAnswer | GridError): void => {
      if (pending !== undefined) inFlight.delete(pending);
      if (result instanceof GridError) reject(result);
      else resolve({ answer: result as AnswerOf<Body>, epoch: pending?.sentEpoch ?? 0 });
    };
    pending = host.turn((nowMs) => host.machine.submit({ partition, map, body, timeoutMs }, done, nowMs));
    if (pending.state !== 'done') inFlight.add(pending);
  });
}
