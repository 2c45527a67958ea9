import type { Endpoint, Wait } from '../driver/task.ts';

/** A server, or servers, that is up and can be measured. */
export interface System {
  /** `ostraca, 1 replica` */
  readonly name: string;
  /** Processes on this machine by their part: `primary`, `replica`. */
  readonly servers: Readonly<Record<string, number>>;
  readonly replicas: number;
  /** Node.js programs that can be profiled, by their part. */
  readonly profiled: readonly string[];
  endpoints(): readonly Contender[];
}

/** A system as one client of it sees it: what stands in a line of a table. */
export interface Contender {
  /** `ostraca`, `floor`, `ioredis`, `iovalkey` and, for some, how writes are acknowledged. */
  readonly name: string;
  readonly family: 'floor' | 'ostraca' | 'resp';
  readonly wait: Wait;
  readonly endpoint: Endpoint;
  readonly system: System;
}
