/**
 * Every cell that a campaign is asked for: what was given to whom in which role, every reason for which somebody was
 * refused, every kind of fault, and what some run must have come to. A name of a cell is `section: row` or
 * `section: row / column`.
 */
import { ERROR_CODES, type ErrorCode, type Nack } from '@ostraca/core';
import { eventsOf, type ReceiverKind, ROLES, type Role, type RoleEvent } from './roles.ts';
import { FAULT_KINDS, type FaultKind } from './scenario.ts';

export const ERROR_CODE_NAMES = Object.keys(ERROR_CODES) as ErrorCode[];

/** What carries a code of errors.ts. `caller`: what a client's caller was told in the end. */
export const CARRIERS = [
  'errorAnswer',
  'caller',
  'vote',
  'registerRefused',
  'routingRefused',
  'rebuildAnswer',
] as const;
export type Carrier = (typeof CARRIERS)[number];

export const NACK_KINDS = [
  'staleEpoch',
  'demandReplOpen',
  'askSuffix',
  'noSuchShard',
] as const satisfies readonly Nack['kind'][];

/** Reasons in words, by a part that is in all of them: a registration, a change of S or of the primary, an operator's rebuild. */
export const REASONS = {
  registerRefused: [
    'the registration is not of the process that said hello',
    "a container's name has 1 to",
    'this life of the container has left the grid or was proved dead',
    'is alive at',
    'was replaced by',
    'it holds shards of another catalog',
  ],
  changeRejected: [
    'another configuration holds',
    'only the primary asks',
    'the primary is given up for lost',
    'the primary has failed',
    'the primary cannot evict itself',
    'the target is not in sync',
    'the target is in sync',
    'the target is not a registered life',
    'the target has failed',
    'the target is not placed here',
    'does not reach the primary',
    'the configuration is another by now',
    'only the primary hands over',
    'no other member of the in-sync set can take over',
  ],
  rebuildAnswer: [
    'no copy is left that is sure to hold everything',
    'holds data of another',
    'the catalog still waits for containers to come back',
    'nobody was told of it',
    'held every full copy',
    'no container is there to take it',
  ],
} as const;
export type ReasonCarrier = keyof typeof REASONS;

/** What machines note, by the name of the event; a test holds this and the sources together. */
export const NOTES = {
  catalog: [
    'container_back',
    'container_dead',
    'container_draining',
    'container_left',
    'container_registered',
    'container_suspect',
    'foreign_shards',
    'handed_over',
    'invalid_argument',
    'journal_was_lost',
    'name_in_use',
    'partition_found',
    'partition_lost',
    'partition_lost_data',
    'placed',
    'primary_to_go',
    'promoted',
    'rebuild_asked_for',
    'rebuild_refused',
    'rebuilt',
    'replica_added',
    'replica_evicted',
    'unexpected_message',
    'unplaceable',
  ],
  container: [
    'became_primary',
    'catalog_generation_changed',
    'catalog_not_obeyed',
    'change_rejected',
    'checkpoint_completed',
    'checkpoint_started',
    'dirty_round_started',
    'leases_dropped',
    'left',
    'older_catalog_ignored',
    'readmission_postponed',
    'records_aborted',
    'registration_refused',
    'replica_catches_up',
    'replica_consistent',
    'replica_dirty',
    'replica_failed',
    'replica_starts_again',
    'shard_dropped',
    'state_differs',
    'stepped_down',
    'transaction_abandoned',
  ],
  client: [
    'closed',
    'connected',
    'container_connected',
    'container_lost',
    'disconnected',
    'routing',
    'routing_of_another_generation',
  ],
} as const;

/** What no note says; `coverage.ts` says how each is recognized. */
export const SOMETIMES = [
  'promotion of a member of S',
  'promotion of an eligible replica',
  'promotion that waits for grants',
  'promotion that need not wait',
  'partition goes on by promoteAsync',
  'partition goes on by startEmpty',
  'partition goes on by rebuilt',
  'container dead: silent',
  'container dead: provedDead',
  'follower goes on by its suffix',
  'follower needs a checkpoint',
  'follower is told to give its life up',
  'record refused, a placeholder kept',
  'placeholder inherited from a primary',
  'abort carried by a record',
  'first attempt of a write',
  'retry of a write that is not known',
  'retry joins its first attempt',
  'retry gets the answer of its first attempt',
  'retry of a write remembered as refused',
  'retry of a write remembered as rolled back',
  'write older than what its client acknowledged',
  'write beyond its client window',
  'change asked for: add',
  'change asked for: evict',
  'eviction makes no eligible replica',
  'eviction makes an eligible replica',
  'eligible replicas are let go',
  'hand-over asked for again',
  'heartbeat acknowledged without a lease',
  'grant withheld',
  'epoch not confirmed by a replica',
  'epoch not confirmed by the catalog',
  'freshness not granted',
  'read: linearizable',
  'read: readIndex',
  'read: bounded at a replica',
  'read: session at a replica',
  'read: eventual at a replica',
  'read: eventual at a primary',
  'record: write',
  'record: noop',
  'record: digest',
  'record: expire',
  'record: touch',
  'record: session',
  'record: abortMarker',
  'record: evict',
  'operation: set',
  'operation: insert',
  'operation: update',
  'operation: delete',
  'operation: clear',
  'operation: touch',
  'operation: ifVersion',
  'operation: of its own time to live',
  'lock: shared',
  'lock: upgradable',
  'lock: exclusive',
  'lock: a whole map',
  'commit: of several maps',
  'commit: with locks',
  'commit: after a look at a whole map',
  'commit: of reads alone',
  'commit: tried again',
  'hint without records',
  'scan goes on where it stopped',
  'scan of a prefix',
  'digests of several copies compared',
  'near cache vouched for',
  'near cache not vouched for',
  'near cache told of a change',
  'near cache told of all keys',
] as const;
export type Sometimes = (typeof SOMETIMES)[number];

export const roleCell = (role: Role, event: RoleEvent): string => `role: ${role} / ${event}`;
export const codeCell = (carrier: Carrier, code: ErrorCode): string => `code: ${carrier} / ${code}`;
export const nackCell = (kind: Nack['kind']): string => `nack: ${kind}`;
export const reasonCell = (carrier: ReasonCarrier, reason: string): string => `reason: ${carrier} / ${reason}`;
export const faultCell = (kind: FaultKind): string => `fault: ${kind}`;
export const noteCell = (event: string): string => `note: ${event}`;
export const sometimesCell = (what: Sometimes): string => `sometimes: ${what}`;

export function allCells(): string[] {
  const kinds = Object.keys(ROLES) as ReceiverKind[];
  const carriers = Object.keys(REASONS) as ReasonCarrier[];
  return [
    ...kinds.flatMap((kind) => ROLES[kind].flatMap((role) => eventsOf(kind).map((event) => roleCell(role, event)))),
    ...CARRIERS.flatMap((carrier) => ERROR_CODE_NAMES.map((code) => codeCell(carrier, code))),
    ...NACK_KINDS.map(nackCell),
    ...carriers.flatMap((carrier) => REASONS[carrier].map((reason) => reasonCell(carrier, reason))),
    ...FAULT_KINDS.map(faultCell),
    ...Object.values(NOTES).flatMap((events) => events.map(noteCell)),
    ...SOMETIMES.map(sometimesCell),
  ];
}
