/** The account of a run's transactions, for people. */
import type { ChaosReport } from '../chaos.ts';
import { machineText } from '../machine-text.ts';
import type { TransactionVerdict } from './transaction-verdict.ts';

export function transactionLinesOf(verdict: TransactionVerdict): string[] {
  const { transactions, committed, rolledBack, unknown, anomalies, lists, appends, scans, transfers, sums } = verdict;
  return [
    `transactions     ${transactions} judged: ${committed} committed, ${rolledBack} rolled back, ${unknown} unknown; ` +
      `${anomalies} anomalies`,
    `  lists          ${lists}, ${appends} appends, ${scans} scans`,
    `  bank           ${transfers} transfers, its sum compared ${sums} times`,
    `  codes          ${codesOf(verdict)}`,
  ];
}

/** `load`: of the machine before the run began. */
export function transactionsMarkdownOf(
  report: ChaosReport,
  { command, load }: { readonly command: string; readonly load: number },
): string {
  const { scenario, seed, chaosMs, transactions, faultCount, faults, violations, verify, recoveryMs, lateMs } = report;
  const { committed, rolledBack, unknown, anomalies, lists, appends, plainAppends, scans, transfers, sums } =
    transactions;
  const codes = byCount(transactions.codes).map(([code, count]) => `| \`${code}\` | ${count} |`);
  return `# Transactions under chaos, on real processes

A catalog, containers and clients as processes of one machine, every connection behind a proxy that delays, throttles,
holds, swallows, cuts and refuses; processes killed (SIGKILL), stopped (SIGSTOP) and restarted. Clients did nothing but
transactions by \`grid.transaction()\` and \`grid.session()\`: over lists in an OPTIMISTIC and a PESSIMISTIC map (reads, reads for
update, appends, scans, counts, with plain appends by \`ifVersion\` in between), and transfers and whole reads of a bank in each
partition. Afterwards all lists and banks were read once more, and the checkers judged each partition for strict serializability
(every attempt of a transaction by itself: what was run again must have left nothing), and each bank for its sum.

| | |
|---|---|
| command | \`${command}\` |
| seed | ${seed} |
| grid | ${scenario} |
| machine | ${machineText()} |
| load before the start | ${load.toFixed(1)} |
| timers of the harness were late by | ${lateMs.p99} ms (99 %), at worst ${lateMs.worst} ms |
| Node.js | ${process.version} |
| faults for | ${(chaosMs / 60_000).toFixed(1)} minutes |
| violations | **${violations.length}** |

## Transactions judged: ${transactions.transactions}

| | |
|---|---|
| committed | ${committed} |
| rolled back | ${rolledBack} |
| outcome unknown | ${unknown} |
| anomalies | **${anomalies}** |
| lists | ${lists}, with ${appends} appends by committed transactions, of which ${plainAppends} plain ones |
| scans of a map by committed transactions | ${scans} |
| transfers that were made | ${transfers} |
| bank sums compared | ${sums} |
| recovery after everything was mended | ${recoveryMs === undefined ? 'never' : `${recoveryMs.toFixed(0)} ms`} |
| \`ostraca verify\` after all was mended | ${verify} |

Why attempts did not commit:

| code | count |
|---|---|
${codes.join('\n')}

\`run again\` is an attempt after which the library made another one; \`changed its mind\` rolls back because its function says so.

## Faults: ${faultCount}

A partition was seen with another primary than before **${report.failovers}** times. SIGKILL met a container that was primary of something
${report.primariesKilled} times, SIGSTOP ${report.primariesStopped} times.

| kind | count |
|---|---|
${byCount(faults)
  .map(([kind, count]) => `| ${kind} | ${count} |`)
  .join('\n')}
`;
}

function codesOf({ codes }: TransactionVerdict): string {
  const all = byCount(codes).map(([code, count]) => `${code} ${count}`);
  return all.length === 0 ? 'none' : all.join(', ');
}

function byCount(counts: Readonly<Record<string, number>>): [string, number][] {
  return Object.entries(counts).sort(([, a], [, b]) => b - a);
}
