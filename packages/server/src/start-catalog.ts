/** The catalog as a process, or as a part of one. */
import { type CatalogEvent, newCatalog, newRandom, type Policy } from '@ostraca/core';
import {
  attach,
  createHost,
  type Journal,
  listen,
  memoryJournal,
  monotonicMs,
  openJournal,
  randomHex,
  randomSeed,
} from '@ostraca/runtime';
import { hostsOfUrls, parseListen, reachableUrl } from './address.ts';
import { addCatalogMetrics, FailoverClock } from './catalog-metrics.ts';
import { httpHandler } from './http.ts';
import { jsonLog, type Log, logNote } from './log.ts';
import { addTransportMetrics, NoteCounts, newRegistry, readOnce } from './metrics.ts';
import { checkKnown } from './options.ts';
import { type PolicySource, readPolicy } from './policy.ts';

export interface CatalogOptions {
  /** A path of a policy file, its content, or a policy. */
  readonly policy: PolicySource;
  /** `HOST:PORT`; port 0: any free one. Default `127.0.0.1:7400`. */
  readonly listen?: string;
  /** Keeps the journal. Without it a restarted catalog knows nothing: default none, which is said as a warning. */
  readonly dataDir?: string;
  /** Listen off the loopback without TLS and users. Default false. */
  readonly insecure?: boolean;
  /** Origins of web pages that may connect. Default none. */
  readonly allowOrigins?: readonly string[];
  /** Default: JSON lines on stderr. */
  readonly logger?: Log;
}

export interface RunningCatalog {
  /** `ws://HOST:PORT`. */
  readonly url: string;
  /** Lets what was promised reach the disk, then ends. */
  close(): Promise<void>;
}

/**
 * Resolves when it listens.
 *
 * @throws {@link PolicyError} with every finding.
 * @throws {@link GridError} `incompatible_policy`: not the policy of the journal; nothing was overwritten.
 * @throws JournalError: the data directory is held, damaged or cannot be written.
 * @throws ListenError: the port is taken, or the address needs `insecure`.
 */
export async function startCatalog(options: CatalogOptions): Promise<RunningCatalog> {
  checkKnown(options, OPTIONS);
  const policy = readPolicy(options.policy);
  const log = options.logger ?? jsonLog();
  const opened = await openEvents(options.dataDir, policy, log);
  try {
    return await run({ ...opened, policy, log, options });
  } catch (error) {
    await opened.journal.close();
    throw error;
  }
}

const OPTIONS = { known: ['policy', 'listen', 'dataDir', 'insecure', 'allowOrigins', 'logger'], later: ['etcd'] };

interface CatalogParts {
  readonly journal: Journal;
  readonly events: readonly CatalogEvent[];
  readonly policy: Policy;
  readonly log: Log;
  readonly options: CatalogOptions;
}

async function run({ journal, events, policy, log, options }: CatalogParts): Promise<RunningCatalog> {
  const registry = newRegistry();
  const notes = new NoteCounts();
  const failovers = new FailoverClock(registry);
  notes.addTo(registry);
  const { host: listenHost, port } = parseListen(options.listen ?? '127.0.0.1:7400');
  const allowOrigins = options.allowOrigins ?? [];
  const host = createHost({
    self: { role: 'catalog', name: 'catalog', incarnation: randomHex(32) },
    journal,
    machine: (effects) =>
      newCatalog({ policy, random: newRandom(randomSeed()), effects, events, nowMs: monotonicMs() }),
    onNote: (note) => {
      notes.add(note);
      failovers.onNote(note, monotonicMs());
      logNote(log, { role: 'catalog' }, note);
    },
  });
  try {
    const status = () => host.machine.status(host.nowMs());
    const listener = await listen({
      host: listenHost,
      port,
      allowOrigins,
      insecure: options.insecure ?? false,
      advertisedHosts: hostsOfUrls([reachableUrl(listenHost, port)]),
      onHttp: httpHandler({
        registry,
        notReady: () => undefined,
        api: { status: () => ({ role: 'catalog', ...status() }), policy: () => policy },
        allowOrigins,
      }),
    });
    addTransportMetrics(registry, { counters: () => host.counters(), refused: () => listener.refused() });
    addCatalogMetrics(registry, {
      status: readOnce(status, monotonicMs),
      notes,
      journalBytes: () => journal.sizeBytes,
    });
    attach(listener, host);
    return {
      url: reachableUrl(listenHost, listener.port),
      close: async () => {
        await host.close();
        await listener.close();
        await journal.close();
      },
    };
  } catch (error) {
    await host.close();
    throw error;
  }
}

/** More events than this are history that no longer matters: the journal is rewritten, before anybody depends on it. */
const EVENTS_MAX = 2_000;

async function openEvents(
  dataDir: string | undefined,
  policy: Policy,
  log: Log,
): Promise<{ readonly journal: Journal; readonly events: readonly CatalogEvent[] }> {
  if (dataDir === undefined) {
    log.warn({ role: 'catalog' }, 'the journal is in memory: a restarted catalog will not know this grid (--data DIR)');
    return { journal: memoryJournal(), events: [] };
  }
  const { journal, events: stored, cutBytes } = await openJournal(dataDir);
  if (cutBytes > 0) log.warn({ role: 'catalog', dataDir, cutBytes }, 'the end of an interrupted write was cut off');
  const events = stored as CatalogEvent[];
  if (events.length <= EVENTS_MAX) return { journal, events };
  try {
    const compacted = compactedEvents(policy, events);
    await journal.rewrite(compacted);
    log.info({ role: 'catalog', from: events.length, to: compacted.length }, 'journal rewritten');
    return { journal, events: compacted };
  } catch (error) {
    await journal.close();
    throw error;
  }
}

/** A catalog that speaks to nobody: refuses a policy that is not the journal's, before anything is overwritten. */
function compactedEvents(policy: Policy, events: readonly CatalogEvent[]): CatalogEvent[] {
  const nothing = (): void => {};
  const effects = {
    dial: () => {
      throw new Error('a catalog dials nobody');
    },
    send: nothing,
    sendNow: nothing,
    hangUp: nothing,
    note: nothing,
    journal: nothing,
  };
  return newCatalog({ policy, random: newRandom(0), effects, events, nowMs: 0 }).compact();
}
