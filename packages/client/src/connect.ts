import { type Note, newRandom } from '@ostraca/core';
import { createHost, machineClocks, randomHex, randomSeed } from '@ostraca/runtime';
import { type ConnectOptions, type ConnectSettings, resolveConnectOptions } from './connect-options.ts';
import { type Grid, newGrid } from './grid.ts';
import { newClientMachine } from './requests.ts';
import { StatusStream } from './status.ts';

/**
 * Connects to a grid: `connect({ catalogs, grid })`, or `connect('ostraca://h1:7400,h2:7400/shop', settings)`.
 *
 * @throws {@link GridError} `unavailable`: no endpoint answered within `connectTimeoutMs`; `details.endpoints` names
 *   each and why. `undefined_grid`; `invalid_argument`, naming the option; `unauthenticated`.
 */
export async function connect(options: ConnectOptions): Promise<Grid>;
export async function connect(url: string, settings?: ConnectSettings): Promise<Grid>;
export async function connect(target: string | ConnectOptions, settings?: ConnectSettings): Promise<Grid> {
  const options = resolveConnectOptions(target, settings);
  const { catalogs, grid, operationTimeoutMs } = options;
  const clientId = randomHex(32);
  const random = newRandom(randomSeed());
  const status = new StatusStream();
  const host = createHost({
    self: { role: 'client', name: 'client', incarnation: clientId },
    machine: (effects) =>
      newClientMachine({
        endpoints: catalogs,
        grid,
        clientId,
        random,
        effects,
        settings: options,
        clocks: machineClocks,
        onStatus: (event) => status.publish(event),
        onBusy: (busy) => host.keepAlive(busy),
      }),
    // An open connection keeps the process alive, and so does a call; our looking around while nobody waits does not.
    unref: true,
    onNote: ignoreNote,
    // Ours, not the application's: its calls end with `closed`, and its process goes on.
    onCrash: () => host.machine.close(),
  });
  try {
    await new Promise<void>((resolve, reject) => {
      host.turn((nowMs) => host.machine.start(nowMs, (error) => (error === undefined ? resolve() : reject(error))));
    });
  } catch (error) {
    await host.close('the client could not connect');
    throw error;
  }
  return newGrid({ name: grid, host, operationTimeoutMs, status });
}

/** What an application should hear of comes by `grid.status()` and by the errors of its calls. */
function ignoreNote(_note: Note): void {}
