/** What of the workload is left out. What is left is drawn as if nothing were missing. */
import * as z from 'zod';

export const OPERATION_KINDS = [
  ...(['fleeting', 'weakRead', 'read', 'set', 'insert', 'update', 'delete', 'swap', 'raise', 'insertNew'] as const),
  ...(['batch', 'scratchSet', 'clear', 'scan', 'scratchRead', 'nearRead'] as const),
] as const;
export type OperationKind = (typeof OPERATION_KINDS)[number];

export const omissionsSchema = z.strictObject({
  /** By name, such as `client1.2`. */
  callers: z.array(z.string()).default([]),
  operations: z.array(z.enum(OPERATION_KINDS)).default([]),
  /** Calls before this time of the run. */
  beforeMs: z.number().min(0).default(0),
  /** Calls after this time of the run. */
  afterMs: z.number().min(0).default(Number.MAX_SAFE_INTEGER),
});
export type Omissions = z.output<typeof omissionsSchema>;

export const NOTHING_OMITTED: Omissions = omissionsSchema.parse({});
