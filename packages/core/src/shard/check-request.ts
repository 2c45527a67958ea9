/** Checks at the edge: what a well-behaved client never sends. */
import type { ErrorCode, ErrorDetails } from '../errors.ts';
import { LIMITS } from '../limits.ts';
import type { Commit, Lock, Operation, RequestMessage } from '../messages.ts';

export interface Fault {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;
}

const SEQ_STARTS_AT_1: Fault = { code: 'invalid_argument', details: { reason: 'seq and attempt start at 1' } };

export function checkRequest(message: RequestMessage): Fault | undefined {
  switch (message.type) {
    case 'write':
      if (message.operations.length === 0) return tooMany({ operations: 0 }, LIMITS.recordOperationsMax);
      return message.seq < 1 || message.attempt < 1 ? SEQ_STARTS_AT_1 : checkOperations(message.operations, false);
    case 'commit':
      return checkCommit(message);
    case 'lock':
      return checkLock(message);
    case 'resolveOrAbort':
      return message.seq < 1 ? SEQ_STARTS_AT_1 : undefined;
    case 'read':
      return message.keys.length > LIMITS.readKeysMax
        ? tooMany({ keys: message.keys.length }, LIMITS.readKeysMax)
        : undefined;
    default:
      return undefined;
  }
}

function checkCommit({ seq, attempt, reads, ranges, operations, waitMs }: Commit): Fault | undefined {
  if (seq < 1 || attempt < 1) return SEQ_STARTS_AT_1;
  const count = reads.length + ranges.length;
  if (count > LIMITS.transactionReadsMax) return tooMany({ reads: count }, LIMITS.transactionReadsMax);
  if (!(waitMs >= 0)) return { code: 'invalid_argument', details: { waitMs } };
  if (operations.some(({ kind }) => kind === 'acquire')) {
    return { code: 'invalid_argument', details: { reason: 'a transaction acquires no lock by name' } };
  }
  return checkOperations(operations, true);
}

function checkLock({ keys, mode, transaction, waitMs }: Lock): Fault | undefined {
  if (keys.length > LIMITS.readKeysMax) return tooMany({ keys: keys.length }, LIMITS.readKeysMax);
  if (transaction < 1) return { code: 'invalid_argument', details: { reason: 'transactions start at 1' } };
  if (!(waitMs >= 0)) return { code: 'invalid_argument', details: { waitMs } };
  const isWrong = keys.length === 0 && mode === 'upgradable';
  return isWrong ? { code: 'invalid_argument', details: { reason: 'a whole map is shared or exclusive' } } : undefined;
}

/** Only a transaction writes to several maps. */
function checkOperations(operations: readonly Operation[], ofSeveralMaps: boolean): Fault | undefined {
  if (operations.length > LIMITS.recordOperationsMax) {
    return tooMany({ operations: operations.length }, LIMITS.recordOperationsMax);
  }
  let bytes = 0;
  for (const { kind, key, value, ttlMs, mapOffset } of operations) {
    if (mapOffset > 0 && !ofSeveralMaps) return { code: 'invalid_argument', details: { mapOffset } };
    if (kind === 'expire') return { code: 'invalid_argument', details: { reason: 'only a primary expires' } };
    if (!(ttlMs >= 0 && ttlMs <= LIMITS.ttlMsMax)) {
      return { code: 'invalid_argument', details: { ttlMs, limit: LIMITS.ttlMsMax } };
    }
    if (key.length > LIMITS.keyBytesMax) return tooMany({ keyBytes: key.length }, LIMITS.keyBytesMax);
    if (value.length > LIMITS.valueBytesMax) return tooMany({ valueBytes: value.length }, LIMITS.valueBytesMax);
    bytes += key.length + value.length;
  }
  const limit = LIMITS.recordBytesMax + LIMITS.valueBytesMax + LIMITS.keyBytesMax;
  return bytes > limit ? tooMany({ bytes }, limit) : undefined;
}

function tooMany(counted: ErrorDetails, limit: number): Fault {
  return { code: 'too_large', details: { ...counted, limit } };
}
