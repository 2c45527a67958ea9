/** A connected grid, as the application sees it. */
import type { Key } from '@ostraca/core';
import type { GridContext } from './calls.ts';
import { notSupportedYet } from './check-options.ts';
import { type GridMap, type MapOptions, newGridMap } from './grid-map.ts';
import type { StatusEvent } from './status.ts';

// Engines without it (Node.js before 20.5) get the symbol that TypeScript's `await using` looks for.
(Symbol as { asyncDispose?: symbol }).asyncDispose ??= Symbol.for('Symbol.asyncDispose');

export interface Grid extends AsyncDisposable {
  readonly name: string;
  /**
   * A view of one map; costs nothing, sends nothing. A name that the grid does not have is `undefined_map` at every call.
   *
   * @throws {@link GridError} `invalid_argument`: an unknown option or codec.
   */
  map<K extends Key = Key, V = unknown>(name: string, options?: MapOptions<V>): GridMap<K, V>;
  /** Not supported yet: `invalid_argument`. */
  transaction(act: (transaction: unknown) => unknown, options?: object): Promise<never>;
  /** Not supported yet: `invalid_argument`. */
  session(): never;
  /** Events from now on, until the grid is closed. A reader that is slow loses the oldest. */
  status(): AsyncIterableIterator<StatusEvent>;
  /** Pending calls fail with `closed`, at once; of a write that was sent the outcome is `unknown`. May be called again. */
  close(): Promise<void>;
}

export function newGrid(context: GridContext): Grid {
  return new RemoteGrid(context);
}

class RemoteGrid implements Grid {
  readonly name: string;
  readonly #context: GridContext;
  #closing: Promise<void> | undefined;

  constructor(context: GridContext) {
    this.name = context.name;
    this.#context = context;
  }

  map<K extends Key = Key, V = unknown>(name: string, options?: MapOptions<V>): GridMap<K, V> {
    return newGridMap<K, V>(this.#context, name, options);
  }

  async transaction(): Promise<never> {
    throw notSupportedYet('transaction');
  }

  session(): never {
    throw notSupportedYet('session');
  }

  status(): AsyncIterableIterator<StatusEvent> {
    return this.#context.status.subscribe();
  }

  close(): Promise<void> {
    const { host } = this.#context;
    this.#closing ??= (async () => {
      host.turn(() => host.machine.close());
      await host.close('the client closes');
    })();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
