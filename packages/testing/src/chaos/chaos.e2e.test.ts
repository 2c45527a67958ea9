// Goal: the command runs, hurts the grid, and finds nothing; and it would find something if there were something.
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const CLI = fileURLToPath(new URL('../../dist/chaos/cli.js', import.meta.url));
const SEED = process.env.SEED ?? '11';

interface Account {
  readonly ok: boolean;
  readonly faultCount: number;
  readonly operations: number;
  readonly searched: number;
  readonly transactions: { readonly committed: number; readonly appends: number; readonly sums: number };
  readonly recoveryMs: number | null;
  readonly violations: readonly unknown[];
  readonly folder: string;
}

test('half a minute of chaos', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [CLI, '--minutes', '0.4', '--seed', SEED, '--json'], {
    maxBuffer: 64 * 1024 * 1024,
  }).catch((error: { stdout?: string; stderr?: string }) => ({ stdout: error.stdout ?? '', stderr: error.stderr }));
  const account = JSON.parse(stdout) as Account;
  expect(account.violations, `npm run chaos -- --minutes 0.4 --seed ${SEED}; ${account.folder}`).toEqual([]);
  expect(account.ok).toBe(true);
  expect(account.faultCount).toBeGreaterThan(8);
  expect(account.operations).toBeGreaterThan(5_000);
  expect(account.searched).toBeGreaterThan(100);
  expect(account.transactions.committed).toBeGreaterThan(100);
  expect(account.transactions.appends).toBeGreaterThan(20);
  expect(account.transactions.sums).toBeGreaterThan(10);
  expect(account.recoveryMs).not.toBeNull();
  expect(existsSync(account.folder), 'nothing is left behind').toBe(false);
});
