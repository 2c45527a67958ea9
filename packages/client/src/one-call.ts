/**
 * A call for one key: request, promise and end in one object. They are most of all calls, and what each leaves behind for
 * the garbage collector was a third of a client's time.
 */
import { GridError, type MapId, type PartitionId } from '@ostraca/core';
import type { ReadBody, WriteBody } from './bodies.ts';
import { type AnswerOf, type CallOptions, type ClientHost, type GridContext, submit } from './calls.ts';
import { checkTimeout } from './check-options.ts';
import type { ClientAnswer, ClientRequest } from './pending.ts';
import type { MapPlace } from './routes.ts';

type OneBody = ReadBody | WriteBody;

export interface OneKeyCall<Body extends OneBody, Result> {
  readonly place: MapPlace;
  readonly partition: PartitionId;
  readonly body: Body;
  readonly options: CallOptions | undefined;
  /** What it throws is what the promise rejects with. */
  readonly resultOf: (answer: AnswerOf<Body>) => Result;
}

type Resolve = (result: unknown) => void;

// A promise's functions come out by these: a closure for each call would be one object more.
let resolveOfNext: Resolve = () => {};
let rejectOfNext: Resolve = () => {};
const keepFunctions = (resolve: Resolve, reject: Resolve): void => {
  resolveOfNext = resolve;
  rejectOfNext = reject;
};

/** @throws {@link GridError} when it is refused here. */
export function startCall<Body extends OneBody, Result>(
  context: GridContext,
  call: OneKeyCall<Body, Result>,
): Promise<Result> {
  const { options, place, partition, body, resultOf } = call;
  const { deadlineMs } = options ?? NO_OPTIONS;
  const timeoutMs = deadlineMs === undefined ? context.operationTimeoutMs : checkTimeout('deadlineMs', deadlineMs);
  if (options?.signal !== undefined) {
    return new Promise((resolve, onError) => {
      const onAnswer = (answer: AnswerOf<Body>): void => resolve(resultOf(answer));
      submit(context, call, { onAnswer, onError });
    });
  }
  const promise = new Promise<unknown>(keepFunctions);
  const request = new OneRequest({ partition, map: place.map.id, body, timeoutMs }, resultOf as OneRequest['resultOf']);
  submitterOf(context.host).submit(request);
  return promise as Promise<Result>;
}

const NO_OPTIONS: CallOptions = {};

class OneRequest implements ClientRequest {
  readonly partition: PartitionId;
  readonly map: MapId;
  readonly body: OneBody;
  readonly timeoutMs: number;
  readonly resultOf: (answer: ClientAnswer) => unknown;
  readonly #resolve = resolveOfNext;
  readonly #reject = rejectOfNext;

  constructor(
    { partition, map, body, timeoutMs }: ClientRequest & { readonly body: OneBody },
    resultOf: (answer: ClientAnswer) => unknown,
  ) {
    this.partition = partition;
    this.map = map;
    this.body = body;
    this.timeoutMs = timeoutMs;
    this.resultOf = resultOf;
  }

  settle(result: ClientAnswer | GridError): void {
    try {
      if (result instanceof GridError) this.#reject(result);
      else if (result.type === (this.body.kind === 'read' ? 'readAnswer' : 'writeAnswer'))
        this.#resolve(this.resultOf(result));
      else
        throw new GridError('protocol_version', {
          details: { reason: `${this.body.kind} answered by ${result.type}` },
        });
    } catch (error) {
      this.#reject(error);
    }
  }
}

/** One turn's function for all calls of a host. */
class Submitter {
  readonly #host: ClientHost;
  #next: OneRequest | undefined;

  constructor(host: ClientHost) {
    this.#host = host;
  }

  submit(request: OneRequest): void {
    this.#next = request;
    this.#host.turn(this.#submitNext);
  }

  readonly #submitNext = (nowMs: number): void => {
    const request = this.#next as OneRequest;
    this.#next = undefined;
    this.#host.machine.submit(request, request, nowMs);
  };
}

const SUBMITTERS = new WeakMap<ClientHost, Submitter>();

function submitterOf(host: ClientHost): Submitter {
  let submitter = SUBMITTERS.get(host);
  if (submitter === undefined) {
    submitter = new Submitter(host);
    SUBMITTERS.set(host, submitter);
  }
  return submitter;
}
