import { connect, type Grid } from '@ostraca/client';
import { type CatalogOptions, catalogsOf } from './options.ts';
import type { Terminal } from './terminal.ts';

export type GridOptions = CatalogOptions;

/** A connection for as long as `act` runs. Every wait in it ends at `--timeout`. */
export async function withGrid(
  name: string,
  options: GridOptions,
  terminal: Terminal,
  act: (grid: Grid) => Promise<unknown>,
): Promise<void> {
  const timeoutMs = options.timeout * 1_000;
  const grid = await connect({
    catalogs: [...catalogsOf(options, terminal)],
    grid: name,
    connectTimeoutMs: timeoutMs,
    operationTimeoutMs: timeoutMs,
  });
  try {
    await act(grid);
  } finally {
    await grid.close();
  }
}
