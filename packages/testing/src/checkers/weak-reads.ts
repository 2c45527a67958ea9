/**
 * Reads that may be answered by any copy. Each promises less than a linearizable read, but something:
 *
 *     eventual   was true once: as if the read had been called at the beginning of time
 *     bounded    was true at most so long before the call: as if it had been called that much earlier
 *     session    the same as eventual, and nothing that its client has seen before is missing
 *     near       both: of the bound of the near cache, and nothing is missing (I-NEAR)
 *
 * So a weak read goes before the witness as a read with a longer interval: no value that is never decided, none from
 * the future, none that a later read of the primary does not know, and none older than its bound. Over one connection
 * the copy never goes back.
 */
import {
  compareVersions,
  formatVersion,
  type Observation,
  type Operation,
  type Version,
  type Violation,
} from './history.ts';
import { checkWitness, witnessOf } from './witness.ts';

export interface WeakRead {
  /** One life of a client: what it saw is what its sessions must see. */
  readonly client: string;
  /** Undefined: unknown. */
  readonly connection: string | undefined;
  readonly partition: number;
  readonly key: string;
  /** `near`: from what its client keeps, within the bound of its near cache. */
  readonly mode: 'eventual' | 'bounded' | 'session' | 'near';
  readonly maxStalenessMs: number;
  readonly seen: Observation;
  /** What the answer says that it reflects; 0: nothing. */
  readonly lsn: number;
  readonly invokedMs: number;
  readonly returnedMs: number;
}

/** A clock may run one part in a hundred slow, and is read in whole milliseconds. */
const SLOW = 1.02;
const SLACK_MS = 5;

/** All calls of one key; `seen` are the answers, strong and weak, that a client's later sessions must include. */
export function checkWeakReads(operations: readonly Operation[], weak: readonly WeakRead[]): Violation[] {
  if (weak.length === 0) return [];
  const stretched = weak.map(stretch);
  const violations = checkWitness([...operations, ...stretched]).map(({ rule, what }) => ({
    rule: rule === 'I-ABORT' ? 'I-DIRTY' : rule,
    what: `with reads at replicas: ${what}`,
  }));
  const known = new KnownVersions(operations, weak);
  const removals = operations.filter(({ action }) => action.kind === 'delete' || action.kind === 'clear');
  for (const read of weak) {
    if (read.mode === 'session' || read.mode === 'near') violations.push(...checkSession(removals, known, read));
  }
  return violations;
}

/** What each client had seen of the key by when: its own writes and reads, whichever copy answered them. */
class KnownVersions {
  /** By the time of the answer; each with the highest version up to there. */
  readonly #byClient = new Map<string, { readonly returnedMs: number; newest: Version }[]>();

  constructor(operations: readonly Operation[], weak: readonly WeakRead[]) {
    for (const operation of operations) this.#add(operation.process, operation.returnedMs, witnessOf(operation));
    for (const { client, returnedMs, seen } of weak) {
      this.#add(client, returnedMs, seen.kind === 'entry' ? seen.version : undefined);
    }
    for (const events of this.#byClient.values()) {
      events.sort((a, b) => a.returnedMs - b.returnedMs);
      let newest: Version | undefined;
      for (const event of events) {
        if (newest !== undefined && compareVersions(newest, event.newest) > 0) event.newest = newest;
        newest = event.newest;
      }
    }
  }

  /** Of all that was answered before. */
  before(client: string, ms: number): Version | undefined {
    const events = this.#byClient.get(client) ?? [];
    let low = 0;
    let high = events.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((events[middle]?.returnedMs ?? ms) < ms) low = middle + 1;
      else high = middle;
    }
    return events[low - 1]?.newest;
  }

  #add(client: string, returnedMs: number, version: Version | undefined): void {
    if (version === undefined) return;
    const events = this.#byClient.get(client);
    if (events === undefined) this.#byClient.set(client, [{ returnedMs, newest: version }]);
    else events.push({ returnedMs, newest: version });
  }
}

function stretch({ client, key, mode, maxStalenessMs, seen, invokedMs, returnedMs }: WeakRead): Operation {
  const isBounded = mode === 'bounded' || mode === 'near';
  const earliestMs = isBounded ? invokedMs - maxStalenessMs * SLOW - SLACK_MS : 0;
  return {
    process: `${client} ${mode}${isBounded ? ` ${maxStalenessMs}` : ''}`,
    key,
    action: { kind: 'get' },
    result: { kind: 'observed', seen },
    invokedMs: Math.max(0, earliestMs),
    returnedMs,
  };
}

/** `removals`: of the key. */
function checkSession(removals: readonly Operation[], versions: KnownVersions, read: WeakRead): Violation[] {
  const known = versions.before(read.client, read.invokedMs);
  if (known === undefined) return [];
  const { seen } = read;
  if (seen.kind === 'entry' && compareVersions(seen.version, known) >= 0) return [];
  if (seen.kind === 'absent' && mayBeDeleted(removals, read, known)) return [];
  const found = seen.kind === 'entry' ? formatVersion(seen.version) : seen.kind;
  const what = `${read.client} found ${read.key} ${found} in its ${read.mode === 'near' ? 'near cache' : 'session'} at ${read.invokedMs}, after ${formatVersion(known)}`;
  return [{ rule: read.mode === 'near' ? 'I-NEAR' : 'I-SESSION', what }];
}

/** `known` may be the version of that very deletion. */
function mayBeDeleted(removals: readonly Operation[], read: WeakRead, known: Version): boolean {
  return removals.some((operation) => {
    const { result, invokedMs } = operation;
    if (invokedMs > read.returnedMs) return false;
    const version = witnessOf(operation);
    return version === undefined ? result.kind === 'unknown' : compareVersions(version, known) >= 0;
  });
}

/** In the order of the answers. */
export function checkConnections(weak: readonly WeakRead[]): Violation[] {
  const violations: Violation[] = [];
  const highest = new Map<string, WeakRead>();
  for (const read of weak) {
    if (read.connection === undefined || read.lsn === 0) continue;
    const id = `${read.client} ${read.connection} ${read.partition}`;
    const before = highest.get(id);
    if (before !== undefined && read.lsn < before.lsn) {
      const what = `${id}: an answer at lsn ${read.lsn} (${read.returnedMs}) after one at ${before.lsn} (${before.returnedMs})`;
      violations.push({ rule: 'I-SESSION', what });
    } else highest.set(id, read);
  }
  return violations;
}
