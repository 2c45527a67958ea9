/**
 * Why cells of the coverage table are empty. `never`: it cannot happen, or not in the simulator; a run that comes to it
 * all the same fails the command, for then this is not true. `rare`: it can happen and in large campaigns does; what it
 * takes is said, so that nobody takes a hole for bad luck. Keep a cell out of here when a few hundred seeds reach it.
 */
import type { ErrorCode } from '@ostraca/core';
import {
  type Carrier,
  codeCell,
  ERROR_CODE_NAMES,
  nackCell,
  noteCell,
  reasonCell,
  sometimesCell,
} from './coverage-cells.ts';
import { ROLE_REASONS } from './coverage-reasons-roles.ts';
import type { Reason } from './coverage-table.ts';

const NOT_BUILT: readonly ErrorCode[] = [
  ...(['unauthenticated', 'forbidden', 'loader_failed', 'loader_unavailable'] as const),
];

function codes(carrier: Carrier, names: readonly ErrorCode[]): string[] {
  return names.map((code) => codeCell(carrier, code));
}

function codesBut(carrier: Carrier, names: readonly ErrorCode[]): string[] {
  const left = ERROR_CODE_NAMES.filter((code) => !names.includes(code));
  return codes(carrier, left);
}

const CODES: readonly Reason[] = [
  {
    cells: [...codes('errorAnswer', NOT_BUILT), ...codes('caller', NOT_BUILT)],
    kind: 'never',
    why: 'Nobody makes this code yet: users and Loaders are not built.',
  },
  {
    cells: [
      ...codes('errorAnswer', ['transaction_spans_partitions']),
      ...codes('caller', ['transaction_spans_partitions']),
    ],
    kind: 'never',
    why: 'The client library makes it before anything is sent (transaction.ts); the callers of a run stay in one partition.',
  },
  {
    cells: codes('errorAnswer', ['aborted', 'closed', 'data_loss']),
    kind: 'never',
    why: 'The client makes it itself (failures.ts); no container answers so.',
  },
  {
    cells: codes('errorAnswer', ['undefined_grid', 'name_in_use', 'incompatible_policy', 'protocol_version']),
    kind: 'never',
    why: 'It is of routing, of registrations, of the start of a catalog or of the handshake, and no answer to a request.',
  },
  {
    cells: codes('caller', ['not_primary']),
    kind: 'never',
    why: 'The client sends the request elsewhere until its deadline, which has another code (dispatch.ts).',
  },
  {
    cells: codes('caller', ['undefined_map', 'invalid_argument', 'too_large', 'wrong_partition']),
    kind: 'never',
    why: 'Only the stranger sends such requests, and nobody waits for its answers; a client checks before it sends.',
  },
  {
    cells: codes('caller', ['session_expired']),
    kind: 'never',
    why: 'A client acknowledges what it was answered and asks for that no more; a session outlives all retries by far.',
  },
  {
    cells: codes('caller', ['undefined_grid', 'name_in_use', 'incompatible_policy', 'protocol_version']),
    kind: 'never',
    why: 'No request ends so: it is of connecting, of containers, or of the handshake, which the simulator has none of.',
  },
  {
    cells: codes('caller', ['data_loss']),
    kind: 'rare',
    why: 'A read in a session whose token is of a lineage that was lost, while it was on its way.',
  },
  {
    cells: codesBut('vote', ['overloaded']),
    kind: 'never',
    why: 'A vote names every record that it refuses with the same code (`vote` in replica.ts).',
  },
  {
    cells: codesBut('registerRefused', ['invalid_argument', 'name_in_use']),
    kind: 'never',
    why: 'The catalog refuses a registration with two codes only (registration.ts, recovery.ts).',
  },
  {
    cells: codesBut('routingRefused', ['undefined_grid', 'unavailable']),
    kind: 'never',
    why: 'Routing is refused for a grid that there is not, or by a container that has not met a catalog yet.',
  },
  {
    cells: codesBut('rebuildAnswer', ['undefined_grid']),
    kind: 'never',
    why: 'An operator is told what waits in words; the code only says that there is no such grid.',
  },
];

const REFUSALS: readonly Reason[] = [
  {
    cells: [nackCell('askSuffix')],
    kind: 'rare',
    why:
      'A cut loses what is under way, and what an end sends before it hears of the cut still arrives (`cut` in ' +
      'virtual-network.ts): a gap that a connection of TCP has not. replica-order.txt plays one.',
  },
  {
    cells: [nackCell('demandReplOpen')],
    kind: 'rare',
    why: 'An append of a newer epoch, or by another connection than the one that opened the shard, comes first.',
  },
  {
    cells: [reasonCell('registerRefused', 'this life of the container has left the grid or was proved dead')],
    kind: 'rare',
    why: 'A container that has left loses its connection before it hears so, and registers again.',
  },
  {
    cells: [reasonCell('registerRefused', 'it holds shards of another catalog')],
    kind: 'rare',
    why: 'Of a journal that was lost twice: a container that missed the catalog in between comes back with older shards.',
  },
  {
    cells: [reasonCell('registerRefused', 'was replaced by'), noteCell('older_catalog_ignored')],
    kind: 'never',
    why:
      'One catalog runs, its journal is whole or gone, and after a loss nobody who knows nothing comes before one who ' +
      'knows: no older catalog and no second grid meets a container. recovery.test.ts and obedience.test.ts do that.',
  },
  {
    cells: [
      reasonCell('changeRejected', 'only the primary asks'),
      reasonCell('changeRejected', 'only the primary hands over'),
      reasonCell('changeRejected', 'the primary has failed'),
      reasonCell('changeRejected', 'the primary cannot evict itself'),
      reasonCell('changeRejected', 'the target is not in sync'),
      reasonCell('changeRejected', 'the target is in sync'),
      reasonCell('changeRejected', 'the target is not placed here'),
    ],
    kind: 'never',
    why:
      'Whoever asks with the present (epoch, version) is the primary of that very configuration and asks for what it ' +
      'allows; a wrong question would be a fault of the primary. in-sync.test.ts asks them.',
  },
  {
    cells: [
      reasonCell('changeRejected', 'the target is not a registered life'),
      reasonCell('changeRejected', 'the target has failed'),
    ],
    kind: 'rare',
    why: 'The candidate dies, or reports its shard damaged, while the question to add it is on its way.',
  },
  {
    cells: [
      reasonCell('changeRejected', 'the configuration is another by now'),
      reasonCell('changeRejected', 'the primary is given up for lost'),
      reasonCell('changeRejected', 'no other member of the in-sync set can take over'),
    ],
    kind: 'rare',
    why: 'Something else changes the partition, or takes its last successor away, while the question is on its way.',
  },
  {
    cells: [
      reasonCell('rebuildAnswer', 'holds data of another'),
      noteCell('rebuild_refused'),
      noteCell('foreign_shards'),
    ],
    kind: 'never',
    why:
      'All containers of a simulated grid have shards of one policy and one hash seed, and nobody is told of a ' +
      'configuration that is not durable. catalog.test.ts and recovery.test.ts have others.',
  },
  {
    cells: [
      reasonCell('rebuildAnswer', 'the catalog still waits for containers to come back'),
      reasonCell('rebuildAnswer', 'no container is there to take it'),
    ],
    kind: 'never',
    why: 'The operator is called when everybody has been back for 20 s.',
  },
  {
    cells: [
      reasonCell('rebuildAnswer', 'no copy is left that is sure to hold everything'),
      reasonCell('rebuildAnswer', 'nobody was told of it'),
      reasonCell('rebuildAnswer', 'held every full copy'),
    ],
    kind: 'rare',
    why: 'A journal is lost in one seed of four, and hardly ever with all full copies of a partition soon after.',
  },
];

const SOMETIMES: readonly Reason[] = [
  {
    cells: [noteCell('state_differs')],
    kind: 'never',
    why: 'Two copies that differ at one lsn would be a broken invariant (I-AGREE), and fail the run besides.',
  },
  {
    cells: [noteCell('replica_starts_again')],
    kind: 'rare',
    why: 'A replica stays dirty over several rounds, while more changes than it is sent in each.',
  },
  {
    cells: [sometimesCell('retry of a write remembered as rolled back')],
    kind: 'rare',
    why: 'Who settles a write sends it no more: an attempt from before has to come after the abort marker is decided.',
  },
  {
    cells: [noteCell('unplaceable'), noteCell('routing_of_another_generation')],
    kind: 'rare',
    why: 'A journal is lost, in one seed of four, and stays unknown, or in part unanswered, for a while.',
  },
  {
    cells: [sometimesCell('partition goes on by promoteAsync'), sometimesCell('partition goes on by rebuilt')],
    kind: 'rare',
    why: 'All full copies are proved gone while another copy is consistent, or an operator gives up what is missing.',
  },
  {
    cells: [sometimesCell('hand-over asked for again')],
    kind: 'rare',
    why: 'The connection to the catalog breaks in the round trip between the question to hand over and its answer.',
  },
  {
    cells: [sometimesCell('retry of a write remembered as refused')],
    kind: 'rare',
    why: 'The refusal of a second attempt gets lost too, and a third one finds the same primary.',
  },
  {
    cells: [sometimesCell('record: session')],
    kind: 'rare',
    why: 'Sessions end after ten idle minutes: one seed of forty rests for so long.',
  },
];

export const COVERAGE_REASONS: readonly Reason[] = [...ROLE_REASONS, ...CODES, ...REFUSALS, ...SOMETIMES];
