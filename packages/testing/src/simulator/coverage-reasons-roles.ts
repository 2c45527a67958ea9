/** The part of coverage-reasons.ts that is about roles: why something was given to nobody in a role. */
import { roleCell } from './coverage-cells.ts';
import type { Reason } from './coverage-table.ts';
import type { Role, RoleEvent } from './roles.ts';

type Events = readonly RoleEvent[];

function cells(roles: readonly Role[], events: Events): string[] {
  return roles.flatMap((role) => events.map((event) => roleCell(role, event)));
}

/** What followers send to a primary. */
const TO_PRIMARY: Events = ['replOpenAck', 'vote', 'nack', 'checkpointCredit', 'digestReport', 'epochAck', 'freshPoll'];
const OF_CHECKPOINT: Events = ['checkpointBegin', 'checkpointChunk', 'checkpointEnd'];
const OF_LEAVING: Events = ['left', 'registerRefused'];

const OF_CATALOG: readonly Reason[] = [
  {
    cells: cells(
      ['forming'],
      ['changeInSync', 'replicaFailed', 'handOver', 'configReport', 'copyReport', 'epochProbe'],
    ),
    kind: 'never',
    why:
      'Only a container with shards sends it. It has obeyed a catalog before, so its registration, which comes first, ' +
      'makes a catalog that knows nothing a rebuilding one.',
  },
  {
    cells: cells(['forming'], ['drain', 'leave', 'provedDead', 'rebuild', 'close', 'late tick', 'wake', 'not for it']),
    kind: 'rare',
    why:
      'Faults and bystanders begin when the grid has formed; a catalog that has lost its journal forms until the first ' +
      'container tells it of the earlier one, for some round trips.',
  },
  {
    cells: cells(['waiting under K1'], ['configReport']),
    kind: 'never',
    why: 'Every partition has a configuration, or there was no catalog before it: it asks nobody.',
  },
  {
    cells: cells(['deciding'], ['configReport']),
    kind: 'rare',
    why: 'The report comes when those of all members have come, and everything is rebuilt.',
  },
  {
    cells: cells(['waiting under K1'], ['replicaFailed', 'handOver', 'late tick', 'wake', 'not for it']),
    kind: 'rare',
    why: 'The wait of a catalog that was started again takes a lease, and at least two seconds.',
  },
  {
    cells: cells(
      ['rebuilding'],
      [
        ...(['changeInSync', 'replicaFailed', 'handOver', 'drain', 'leave', 'provedDead', 'epochProbe'] as const),
        ...(['rebuild', 'close', 'routingRequest', 'late tick', 'wake', 'not for it'] as const),
      ],
    ),
    kind: 'rare',
    why: 'One seed of four loses a journal, and to rebuild takes about a lease.',
  },
];

const OF_SHARDS: readonly Reason[] = [
  {
    cells: cells(['primary', 'primary below min', 'primary handing over'], ['left']),
    kind: 'never',
    why: 'A container steps down in the turn in which it says that it leaves, and is promoted no more.',
  },
  {
    cells: cells(['primary', 'primary below min', 'primary handing over'], ['registerRefused']),
    kind: 'never',
    why:
      'Refused is who has left, and has stepped down before, or whose name has another life, and then it has no ' +
      'shards yet: the simulator runs one process under a name, and one grid.',
  },
  {
    cells: cells(['sync replica', 'eligible replica', 'joining'], OF_LEAVING),
    kind: 'rare',
    why: 'Copies move away before a container leaves; it leaves with one when it has waited for 10 s.',
  },
  {
    cells: cells(
      ['primary handing over'],
      [
        ...(['registered', 'changeRejected', 'configRequest', 'routingRequest', 'size', 'scan', 'verify'] as const),
        ...(['replOpen', 'replOpenAck', 'append', 'nack', 'epochProbe', 'epochAck', 'freshPoll', 'freshAck'] as const),
        ...(['checkpointCredit', 'digestReport', 'late tick', 'wake', 'not for it'] as const),
        ...OF_CHECKPOINT,
      ],
    ),
    kind: 'rare',
    why: 'One seed of three drains containers, and a hand-over takes some round trips: few things come just then.',
  },
  {
    cells: cells(
      ['loading'],
      [
        ...(['registered', 'changeRejected', 'configRequest', 'routingRequest', 'read', 'size', 'scan'] as const),
        ...(['write', 'resolveOrAbort', 'verify', 'epochProbe', 'freshAck', 'late tick', 'wake'] as const),
        ...(['lock', 'commit', 'endTransaction', 'keepTransactions'] as const),
        'not for it',
        ...OF_LEAVING,
        ...TO_PRIMARY,
      ],
    ),
    kind: 'rare',
    why: 'A checkpoint of a simulated partition is a few frames, and a copy that loads one is sent nothing but it.',
  },
  {
    cells: cells(
      ['async replica'],
      [
        ...(['changeRejected', 'configRequest', 'size', 'scan', 'write', 'epochProbe', 'freshAck'] as const),
        ...(['resolveOrAbort', 'late tick', 'wake', 'not for it'] as const),
        ...OF_LEAVING,
        ...TO_PRIMARY,
        ...OF_CHECKPOINT,
      ],
    ),
    kind: 'rare',
    why: 'One seed of four has asynchronous replicas, and what is for another role comes only from before the change.',
  },
  {
    cells: cells(
      ['deposed or unlisted'],
      [
        ...(['changeRejected', 'configRequest', 'size', 'scan', 'verify', 'append', 'epochProbe', 'freshAck'] as const),
        ...(['registerRefused', 'resolveOrAbort', 'late tick', 'wake', 'not for it'] as const),
        ...(['replOpenAck', 'vote', 'checkpointCredit', 'digestReport', 'epochAck', 'freshPoll'] as const),
        ...OF_CHECKPOINT,
      ],
    ),
    kind: 'rare',
    why: 'It is so from the first word of a newer epoch until its configuration comes, which is mostly the same message.',
  },
  {
    cells: cells(['none', 'sync replica', 'joining'], TO_PRIMARY),
    kind: 'rare',
    why: 'Asked for by the primary that the receiver was; the answer comes when it has become, or lost, another copy.',
  },
  {
    cells: cells(['eligible replica'], ['checkpointCredit', 'digestReport']),
    kind: 'rare',
    why: 'It was primary, had a checkpoint or a comparison under way, was deposed, and hears the rest.',
  },
  {
    cells: cells(
      ['none', 'primary', 'primary below min', 'sync replica', 'eligible replica', 'joining'],
      OF_CHECKPOINT,
    ),
    kind: 'rare',
    why: 'The checkpoint of an earlier primary comes late, on a connection that stood still while the receiver went on.',
  },
  {
    cells: [
      ...cells(['none', 'sync replica', 'eligible replica', 'joining'], ['size']),
      ...cells(['sync replica', 'eligible replica', 'joining'], ['scan']),
      ...cells(['joining'], ['write', 'resolveOrAbort']),
    ],
    kind: 'rare',
    why: 'A client with an old route asks a copy that is primary no more; reads and writes mostly find that out first.',
  },
  {
    cells: cells(['sync replica', 'joining'], ['changeRejected']),
    kind: 'rare',
    why: 'It asked as primary, and has another role when the answer comes.',
  },
  {
    cells: cells(['none'], ['epochProbe']),
    kind: 'rare',
    why: 'The shard was dropped while a probe for it was on its way.',
  },
  {
    cells: cells(['none', 'primary below min', 'eligible replica', 'joining'], ['configRequest']),
    kind: 'rare',
    why: 'Only a catalog without a journal asks, in one seed of four, and each container once.',
  },
  {
    cells: cells(['loading', 'async replica'], ['nearPoll']),
    kind: 'rare',
    why: 'Near caches are in one seed of three, and poll the primary of their route: it must have lost its copy, and got another.',
  },
  {
    cells: cells(['eligible replica', 'joining'], ['not for it']),
    kind: 'rare',
    why: 'Only a stranger sends it, in one seed of three, once in a while.',
  },
];

const OF_OTHERS: readonly Reason[] = [
  {
    cells: cells(['client'], ['not for it']),
    kind: 'never',
    why: 'A client dials catalogs and containers, which answer it with what is for clients.',
  },
  {
    cells: cells(['tool'], ['late tick', 'wake', 'not for it']),
    kind: 'never',
    why: 'No fault stops a tool of the simulator, and it is sent nothing but answers to its questions.',
  },
];

export const ROLE_REASONS: readonly Reason[] = [...OF_CATALOG, ...OF_SHARDS, ...OF_OTHERS];
