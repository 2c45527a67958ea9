import type { Endpoint, Wait, Work } from '../driver/task.ts';
import type { Family } from '../rows.ts';

/** A server, or servers, that is up and can be measured. */
export interface System {
  /** `ostraca, 1 replica` */
  readonly name: string;
  /** Processes on this machine by their part: `primary`, `replica`. */
  readonly servers: Readonly<Record<string, number>>;
  readonly replicas: number;
  /** For which rows it is meant: see `Row`. */
  readonly isOneSided: boolean;
  /** Somebody else runs it. */
  readonly isPeer: boolean;
  /** Processes that can be profiled, by the beginning of their files' names. */
  readonly profiled: Readonly<Record<string, number>>;
  endpoints(): readonly Contender[];
  /** Ends what was started for it. */
  end(): Promise<void>;
}

/** A system as one client of it sees it: what stands in a line of a table. */
export interface Contender {
  /** `ostraca`, `floor`, `ioredis`, `iovalkey` and, for some, how writes are acknowledged. */
  readonly name: string;
  readonly family: Family;
  readonly wait: Wait;
  readonly endpoint: Endpoint;
  /** It is measured for this work alone. */
  readonly only?: Work;
  readonly system: System;
}
