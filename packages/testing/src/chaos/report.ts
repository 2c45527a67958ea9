/** The account of a run, for people and for programs. */
import type { ChaosReport } from './chaos.ts';
import { machineText } from './machine-text.ts';
import { median, quantile, worst } from './statistics.ts';
import { transactionLinesOf } from './transactions/transaction-report.ts';

interface OutageFigures {
  readonly count: number;
  readonly medianMs: number;
  readonly p95Ms: number;
  readonly worstMs: number;
  readonly totalMs: number;
}

export function outageFigures(report: ChaosReport, partition?: number): OutageFigures {
  const chosen = report.outages.filter((outage) => partition === undefined || outage.partition === partition);
  const lengthsMs = chosen.map(({ lengthMs }) => lengthMs);
  return {
    count: lengthsMs.length,
    medianMs: Math.round(median(lengthsMs)),
    p95Ms: Math.round(quantile(lengthsMs, 0.95)),
    worstMs: Math.round(worst(lengthsMs)),
    totalMs: Math.round(lengthsMs.reduce((sum, ms) => sum + ms, 0)),
  };
}

export function jsonOf(report: ChaosReport): object {
  const { verdict, transactions, violations, recoveryMs, ...rest } = report;
  const { stories: _, violations: __, ...counts } = verdict;
  const { stories: ___, violations: ____, ...transactionCounts } = transactions;
  return {
    ok: violations.length === 0,
    ...rest,
    recoveryMs: recoveryMs === undefined ? null : Math.round(recoveryMs),
    ...counts,
    transactions: transactionCounts,
    violations,
    withoutPrimary: outageFigures(report),
    partitionsWithoutPrimary: partitionsOf(report).map((partition) => outageFigures(report, partition)),
  };
}

export function linesOf(report: ChaosReport): string[] {
  const { verdict, faults, faultCount, skipped, violations, recoveryMs, configurations, verify, lateMs } = report;
  const all = outageFigures(report);
  const refusals = Object.entries(skipped).map(([kind, count]) => `${kind} ${count}`);
  return [
    `faults           ${faultCount}: ${countsOf(faults)}`,
    ...(refusals.length === 0 ? [] : [`left out         ${refusals.join(', ')}`]),
    `operations       ${verdict.operations} checked: ${verdict.reads} reads, ${verdict.applied} writes applied, ` +
      `${verdict.refused} refused, ${verdict.unknown} unknown`,
    `keys             ${verdict.keys}, of which ${verdict.searched} searched as well (${verdict.undecided} undecided)`,
    ...transactionLinesOf(report.transactions),
    `configurations   ${configurations}`,
    `failovers        ${report.failovers} seen; ${report.primariesKilled} primaries killed, ${report.primariesStopped} stopped`,
    `without primary  ${all.count} times: median ${all.medianMs} ms, 95 % ${all.p95Ms} ms, worst ${all.worstMs} ms`,
    ...partitionsOf(report).map((partition) => {
      const { count, medianMs, worstMs, totalMs } = outageFigures(report, partition);
      const share = ((100 * totalMs) / report.chaosMs).toFixed(1);
      return `  partition ${String(partition).padStart(2)}   ${count} times: median ${medianMs} ms, worst ${worstMs} ms, ${share} % of the time`;
    }),
    `recovery         ${recoveryMs === undefined ? 'NEVER' : `${recoveryMs.toFixed(0)} ms after all was mended`}`,
    `verify           ${verify}`,
    `busy machine     timers of the harness were late by ${lateMs.p99} ms (99 %), at worst ${lateMs.worst} ms`,
    `violations       ${violations.length}`,
  ];
}

/** `load`: of the machine before the run began. */
export function markdownOf(
  report: ChaosReport,
  { command, load }: { readonly command: string; readonly load: number },
): string {
  const {
    scenario,
    seed,
    chaosMs,
    verdict,
    transactions,
    faultCount,
    faults,
    violations,
    recoveryMs,
    verify,
    configurations,
    lateMs,
  } = report;
  const all = outageFigures(report);
  const rows = partitionsOf(report).map((partition) => {
    const { count, medianMs, worstMs, totalMs } = outageFigures(report, partition);
    return `| ${partition} | ${count} | ${medianMs} | ${worstMs} | ${(totalMs / 1_000).toFixed(1)} |`;
  });
  return `# Chaos on real processes

A catalog, containers and clients as processes of one machine, every connection behind a proxy that delays, throttles,
holds, swallows, cuts and refuses; processes killed, stopped and restarted. Afterwards the checkers of the simulator
judged what the clients had been told: linearizability of each key, exactly once, no rolled-back write visible,
counters, configurations.

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

The same cores run the proxies, the clients and whatever made up the load before the start: throughput is what that
left, and times without a primary are upper bounds.

## Faults: ${faultCount}

| kind | count |
|---|---|
${Object.entries(faults)
  .sort(([a], [b]) => a.localeCompare(b))
  .map(([kind, count]) => `| ${kind} | ${count} |`)
  .join('\n')}

No container was killed while it had the last in-sync copy of a partition (minSyncReplicas 1), so nothing may be lost.

## Operations checked: ${verdict.operations}

| | |
|---|---|
| reads | ${verdict.reads} |
| writes applied | ${verdict.applied} |
| writes refused | ${verdict.refused} |
| outcome unknown | ${verdict.unknown} |
| keys | ${verdict.keys}, of which ${verdict.searched} also by search without versions, ${verdict.undecided} of them undecided |
| transactions beside them | ${transactions.committed} committed, ${transactions.rolledBack} rolled back, ${transactions.unknown} unknown; ${transactions.anomalies} anomalies |
| configurations | ${configurations} |
| \`ostraca verify\` after all was mended | ${verify} |

## Partitions without a writable primary

One writer per partition, one write after the other; a gap between two acknowledged writes of more than 250 ms
counts, also where only the network on the way to the primary is at fault. In all: ${all.count} times, median ${all.medianMs} ms, 95 % below ${all.p95Ms} ms, worst ${all.worstMs} ms. After everything was mended, the last
partition took a write after ${recoveryMs === undefined ? 'more than a minute' : `${recoveryMs.toFixed(0)} ms`}.

| partition | times | median ms | worst ms | in all s |
|---|---|---|---|---|
${rows.join('\n')}
`;
}

function partitionsOf({ partitions }: ChaosReport): number[] {
  return Array.from({ length: partitions }, (_, index) => index);
}

function countsOf(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .map(([kind, count]) => `${kind} ${count}`)
    .join(', ');
}
