/**
 * Everything that travels. `packages/protocol/proto/*.proto` is the contract on the wire, field by field the same
 * (a test holds the two together); here is what the code works with. No field is optional: absence is an empty
 * string, an empty list or zero, as in proto3.
 */
import type { ControlMessage } from './control-messages.ts';
import type {
  Commit,
  EndTransaction,
  ErrorAnswer,
  KeepTransactions,
  Lock,
  NearChanges,
  NearPoll,
  Operation,
  Read,
  ReadAnswer,
  ResolveOrAbort,
  RolledBack,
  Route,
  Routing,
  RoutingRefused,
  RoutingRequest,
  Scan,
  ScanAnswer,
  Size,
  SizeAnswer,
  Verify,
  VerifyAnswer,
  Write,
  WriteAnswer,
} from './data-messages.ts';
import { asMapId, type MapId, type PartitionId } from './ids.ts';
import type {
  Append,
  CheckpointBegin,
  CheckpointChunk,
  CheckpointCredit,
  CheckpointEnd,
  DigestReport,
  EpochAck,
  EpochProbe,
  FreshAck,
  FreshPoll,
  LeaseGrant,
  LeasePing,
  Nack,
  ReplOpen,
  ReplOpenAck,
  Vote,
} from './replication-messages.ts';

export type * from './control-messages.ts';
export type * from './data-messages.ts';
export type * from './replication-messages.ts';

export type RoutingMessage = RoutingRequest | Routing | RoutingRefused;
export type RequestMessage = Read | Size | Scan | Write | ResolveOrAbort | Verify | Lock | Commit;
export type TransactionNotice = EndTransaction | KeepTransactions;
export type AnswerMessage =
  | ReadAnswer
  | SizeAnswer
  | ScanAnswer
  | WriteAnswer
  | RolledBack
  | ErrorAnswer
  | VerifyAnswer;
export type NearMessage = NearPoll | NearChanges;
export type ReplicationMessage =
  | ReplOpen
  | ReplOpenAck
  | Append
  | Vote
  | Nack
  | LeasePing
  | LeaseGrant
  | EpochProbe
  | EpochAck
  | FreshPoll
  | FreshAck
  | CheckpointBegin
  | CheckpointChunk
  | CheckpointEnd
  | CheckpointCredit
  | DigestReport;
export type Message =
  | ControlMessage
  | RoutingMessage
  | RequestMessage
  | AnswerMessage
  | TransactionNotice
  | NearMessage
  | ReplicationMessage;
export type MessageType = Message['type'];

/** What a read of the default mode says of its mode. */
export const LINEARIZABLE_READ = { mode: 'linearizable', maxStalenessMs: 0, minLsn: 0, minClockMs: 0 } as const;
export const NO_ROUTE: Route = {
  partition: 0 as PartitionId,
  epoch: 0,
  version: 0,
  primary: '',
  address: '',
  lineage: '',
  replicas: [],
};
/** `of`: the record or the request that the operation is of. */
export function mapOfOperation(of: { readonly map: MapId }, { mapOffset }: Operation): MapId {
  return mapOffset === 0 ? of.map : asMapId(of.map + mapOffset);
}

export const NO_BYTES = new Uint8Array(0);
