/** A container as a process, or as a part of an application's. */
import { hostname } from 'node:os';
import { newContainer, newRandom } from '@ostraca/core';
import {
  attach,
  createHost,
  type Host,
  type Listener,
  listen,
  machineClocks,
  monotonicMs,
  randomHex,
  randomSeed,
} from '@ostraca/runtime';
import { hostsOfUrls, parseListen, reachableUrl } from './address.ts';
import { addContainerMetrics } from './container-metrics.ts';
import { FirstRegistration } from './first-registration.ts';
import { httpHandler } from './http.ts';
import { jsonLog, type Log, logNote } from './log.ts';
import { isMemorySize, MEMORY_MIN, memoryBytesOf } from './memory.ts';
import { addTransportMetrics, NoteCounts, newRegistry, readOnce } from './metrics.ts';
import { Once } from './once.ts';
import { checkArgument, checkKnown, NAME_PATTERN } from './options.ts';
import { RegisteringContainer } from './registration.ts';

export interface ContainerOptions {
  /** `ws://HOST:PORT` of the catalogs. */
  readonly catalogs: readonly string[];
  /** Unique in the grid. Default: a random one. */
  readonly name?: string;
  /** Label of the machine: no two copies of a partition on one, unless developmentMode. Default: the machine's name. */
  readonly host?: string;
  /** Default none. */
  readonly zone?: string;
  /** `HOST:PORT`; port 0: any free one. Default `127.0.0.1:0`. */
  readonly listen?: string;
  /** Address by which others reach it. Default: where it listens. */
  readonly advertise?: string;
  /** Listen off the loopback without TLS and users. Default false. */
  readonly insecure?: boolean;
  /** Origins of web pages that may connect. Default none. */
  readonly allowOrigins?: readonly string[];
  /** What its entries, with all that belongs to them, may take: `2GiB`. Default: half of what the process may have. */
  readonly memory?: string;
  /** 32 hexadecimal digits, never used twice: a supervisor that is to prove the end of this process knows them. Default random. */
  readonly incarnation?: string;
  /** Default: JSON lines on stderr. */
  readonly logger?: Log;
}

export interface RunningContainer {
  readonly url: string;
  readonly name: string;
  readonly incarnation: string;
  /** Ends at once, as a crash would, but says goodbye to its peers. */
  close(): Promise<void>;
  /** Takes no more requests, gives its leases back, leaves the grid, and closes. */
  drain(): Promise<void>;
}

/** The container gives up by itself after 10 s. */
const DRAIN_MS = 12_000;

/**
 * Resolves when it listens and is registered.
 *
 * @throws {@link GridError} `unavailable`: no catalog within 10 s. `name_in_use`: still, after trying for twice the
 *   time after which its predecessor counts as dead. `protocol_version`, `invalid_argument`: refused.
 * @throws ListenError: the port is taken, or the address needs `insecure`.
 */
export async function startContainer(options: ContainerOptions): Promise<RunningContainer> {
  checkOptions(options);
  const name = options.name ?? `c-${randomHex(8)}`;
  const incarnation = options.incarnation ?? randomHex(32);
  const log = options.logger ?? jsonLog();
  const memoryBytes = memoryBytesOf(options.memory);
  const registry = newRegistry();
  const notes = new NoteCounts();
  notes.addTo(registry);
  const allowOrigins = options.allowOrigins ?? [];
  const { host: listenHost, port } = parseListen(options.listen ?? '127.0.0.1:0');
  let host: Host<RegisteringContainer> | undefined;
  const listener = await listen({
    host: listenHost,
    port,
    allowOrigins,
    insecure: options.insecure ?? false,
    advertisedHosts: hostsOfUrls([
      reachableUrl(listenHost, port),
      ...(options.advertise === undefined ? [] : [options.advertise]),
    ]),
    onHttp: httpHandler({
      registry,
      notReady: () => (host?.machine.container.ready() === true ? undefined : 'not all of its shards are ready'),
      api: {
        status: () => ({ role: 'container', catalogs: options.catalogs, ...host?.machine.container.status() }),
        transactions: () => host?.machine.container.transactions() ?? {},
      },
      allowOrigins,
    }),
  });
  const url = options.advertise ?? reachableUrl(listenHost, listener.port);
  const registration = new FirstRegistration({
    catalogs: options.catalogs,
    lastFailure: () => host?.machine.container.status().lastFailure ?? '',
  });
  const left = new Once();
  try {
    host = createHost({
      self: { role: 'container', name, incarnation },
      machine: (effects) => {
        const random = newRandom(randomSeed());
        const { catalogs, host: label = hostname(), zone = '' } = options;
        const container = newContainer({
          name,
          incarnation,
          address: url,
          host: label,
          zone,
          catalogs,
          random,
          effects,
          clocks: machineClocks,
          memoryBytes,
        });
        return new RegisteringContainer(container, registration);
      },
      onNote: (note) => {
        notes.add(note);
        logNote(log, { role: 'container', name }, note);
        if (note.event === 'left') left.happen();
      },
    });
    const { machine } = host;
    const { container } = machine;
    addTransportMetrics(registry, { counters: host.counters.bind(host), refused: () => listener.refused() });
    addContainerMetrics(registry, {
      status: readOnce(() => container.status(), monotonicMs),
      metrics: readOnce(() => container.metrics(), monotonicMs),
      topology: () => machine.topology,
      transactions: readOnce(() => container.transactions(), monotonicMs),
    });
    attach(listener, host);
    await registration.done;
  } catch (error) {
    await end(host, listener);
    throw error;
  }
  return running({ host, listener, left, identity: { url, name, incarnation } });
}

interface RunningParts {
  readonly host: Host<RegisteringContainer>;
  readonly listener: Listener;
  readonly left: Once;
  readonly identity: { readonly url: string; readonly name: string; readonly incarnation: string };
}

function running({ host, listener, left, identity }: RunningParts): RunningContainer {
  return {
    ...identity,
    close: () => end(host, listener),
    drain: async () => {
      host.turn((nowMs) => host.machine.container.drain(nowMs));
      // Without a catalog nobody takes the leases back: they run out as those of a silent one.
      await left.within(DRAIN_MS);
      await end(host, listener);
    },
  };
}

async function end(host: Host | undefined, listener: Listener): Promise<void> {
  await host?.close();
  await listener.close();
}

const OPTIONS = {
  known: [
    'catalogs',
    'name',
    'host',
    'zone',
    'listen',
    'advertise',
    'insecure',
    'allowOrigins',
    'incarnation',
    'memory',
    'logger',
  ],
  later: [],
};

function checkOptions(options: ContainerOptions): void {
  checkKnown(options, OPTIONS);
  const { catalogs, incarnation, advertise, name, memory } = options;
  checkArgument('catalogs', Array.isArray(catalogs) && catalogs.length > 0, 'name at least one catalog');
  checkArgument('name', name === undefined || NAME_PATTERN.test(name), 'letters, digits, _ . : and -, at most 128');
  checkArgument(
    'incarnation',
    incarnation === undefined || /^[0-9a-f]{32}$/.test(incarnation),
    '32 hexadecimal digits',
  );
  checkArgument(
    'memory',
    memory === undefined || isMemorySize(memory),
    `expected a size of at least ${MEMORY_MIN} with its unit, such as 2GiB`,
  );
  checkArgument(
    'advertise',
    advertise === undefined || /^wss?:\/\/[^/\s]+\/?$/.test(advertise),
    'expected ws://HOST:PORT',
  );
}
