// Goal: transactions go on while primaries are killed and stopped, and what clients were told of them is one serial history.
import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';

const CLI = fileURLToPath(new URL('../../../dist/chaos/cli.js', import.meta.url));
/** One that stops a container early, for some seconds, and then kills another one. */
const SEED = process.env.SEED ?? '1457';

interface Account {
  readonly ok: boolean;
  readonly failovers: number;
  readonly primariesKilled: number;
  readonly primariesStopped: number;
  readonly transactions: {
    readonly committed: number;
    readonly rolledBack: number;
    readonly anomalies: number;
    readonly appends: number;
    readonly scans: number;
    readonly transfers: number;
    readonly sums: number;
  };
  readonly violations: readonly unknown[];
  readonly folder: string;
}

test('twenty seconds of transactions, with a primary killed and one stopped', async () => {
  const args = ['--transactions', '--minutes', '0.4', '--seed', SEED];
  const { stdout } = await promisify(execFile)(process.execPath, [CLI, ...args, '--json'], {
    maxBuffer: 64 * 1024 * 1024,
  }).catch((error: { stdout?: string; stderr?: string }) => ({ stdout: error.stdout ?? '', stderr: error.stderr }));
  const account = JSON.parse(stdout) as Account;
  expect(account.violations, `npm run chaos -- ${args.join(' ')}; ${account.folder}`).toEqual([]);
  expect(account.ok).toBe(true);
  expect(account.primariesKilled).toBeGreaterThan(0);
  expect(account.primariesStopped).toBeGreaterThan(0);
  expect(account.failovers).toBeGreaterThan(0);
  const { anomalies, committed, rolledBack, appends, scans, transfers, sums } = account.transactions;
  expect(anomalies).toBe(0);
  expect(committed).toBeGreaterThan(300);
  expect(rolledBack).toBeGreaterThan(0);
  for (const count of [appends, transfers, sums]) expect(count).toBeGreaterThan(50);
  expect(scans).toBeGreaterThan(0);
});
