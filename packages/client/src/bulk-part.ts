/** One request of a call with many keys: those of one partition. Request and end in one object. */
import { GridError, type MapId, type PartitionId } from '@ostraca/core';
import type { ReadBody, WriteBody } from './bodies.ts';
import type { ClientAnswer, ClientRequest } from './pending.ts';

type AnswerOf<Body extends ReadBody | WriteBody> = Extract<ClientAnswer, { type: `${Body['kind']}Answer` }>;

/** Who waits for all parts. */
export interface Whole<Body extends ReadBody | WriteBody> {
  /** Once for each part. It throws nothing. */
  onPart(part: BulkPart<Body>, result: AnswerOf<Body> | GridError): void;
}

export class BulkPart<Body extends ReadBody | WriteBody> implements ClientRequest {
  readonly partition: PartitionId;
  readonly map: MapId;
  readonly timeoutMs: number;
  readonly body: Body;
  /** Of its keys, among all of the call. */
  readonly indices: number[];
  readonly #whole: Whole<Body>;

  constructor(request: ClientRequest & { readonly body: Body }, indices: number[], whole: Whole<Body>) {
    this.partition = request.partition;
    this.map = request.map;
    this.timeoutMs = request.timeoutMs;
    this.body = request.body;
    this.indices = indices;
    this.#whole = whole;
  }

  settle(result: ClientAnswer | GridError): void {
    const { kind } = this.body;
    if (result instanceof GridError || result.type === (kind === 'read' ? 'readAnswer' : 'writeAnswer')) {
      this.#whole.onPart(this, result as AnswerOf<Body> | GridError);
      return;
    }
    const details = { reason: `${kind} answered by ${result.type}` };
    this.#whole.onPart(this, new GridError('protocol_version', { details }));
  }
}
