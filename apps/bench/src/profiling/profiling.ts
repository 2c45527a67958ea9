/** How a server process is started so that it can be profiled. */
import { join } from 'node:path';

const PRELOAD = new URL('./preload.js', import.meta.url).href;

export interface ProfileOptions {
  /** Undefined: nothing is profiled. */
  readonly folder: string | undefined;
}

/** For Node.js: arguments and environment. */
export function profilingOf(
  { folder }: ProfileOptions,
  name: string,
): { readonly nodeArgs: readonly string[]; readonly env: Readonly<Record<string, string>> } {
  if (folder === undefined) return { nodeArgs: [], env: {} };
  return { nodeArgs: ['--import', PRELOAD], env: { BENCH_PROFILE_PREFIX: join(folder, name) } };
}
