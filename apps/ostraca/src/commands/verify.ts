/** `ostraca verify`: no difference, nothing loading, nothing missing; else exit 1. */
import type { GridPolicy, MapSetPolicy, ShardDigest } from '@ostraca/core';
import type { Command } from 'commander';
import { CommandError, EXIT } from '../exit-code.ts';
import { type CatalogOptions, catalogsOf, jsonOption, withCatalog } from '../options.ts';
import { type CatalogAnswer, fetchCatalog, fetchPolicy } from '../status-of.ts';
import { line, printTable, type Terminal } from '../terminal.ts';
import { openTool } from '../tool.ts';
import { type PartitionDigests, verifyGrid } from '../verify-grid.ts';

interface VerifyCommandOptions extends CatalogOptions {
  readonly json?: boolean;
}

export interface Verdict extends PartitionDigests {
  readonly verdict: 'ok' | 'different' | 'loading' | 'missing' | 'unanswered';
  readonly copies: number;
  readonly copiesWanted: number;
}

export function addVerifyCommand(program: Command, terminal: Terminal): void {
  withCatalog(program.command('verify').description('compare every primary with its replicas at one lsn'))
    .argument('<grid>')
    .addOption(jsonOption())
    .action((grid: string, options: VerifyCommandOptions) => verify(grid, options, terminal));
}

async function verify(grid: string, options: VerifyCommandOptions, terminal: Terminal): Promise<void> {
  const timeoutMs = options.timeout * 1_000;
  const tool = openTool();
  try {
    const catalogs = catalogsOf(options, terminal);
    const answers = await verifyGrid({ tool, catalogs, grid, timeoutMs });
    const { url, status } = await fetchCatalog(catalogs, timeoutMs);
    const policy = await fetchPolicy(url, timeoutMs);
    const gridPolicy = policy.grids.find(({ name }) => name === grid);
    const verdicts = answers.map((answer) => judge(answer, { status, gridPolicy }));
    print(verdicts, options.json === true, terminal);
    if (verdicts.some(({ verdict }) => verdict !== 'ok')) throw new CommandError(EXIT.no);
  } finally {
    await tool.close();
  }
}

interface VerdictFacts {
  readonly status: CatalogAnswer;
  readonly gridPolicy: GridPolicy | undefined;
}

export function judge(answer: PartitionDigests, { status, gridPolicy }: VerdictFacts): Verdict {
  const mapSet = gridPolicy?.mapSets.find(({ name }) => name === answer.mapSet);
  const copiesWanted = mapSet === undefined ? 1 : copiesWantedOf(mapSet, status);
  const counted = { ...answer, copies: answer.digests.length, copiesWanted };
  if (answer.failure !== '') return { ...counted, verdict: 'unanswered' };
  const [primary] = answer.digests.filter(({ role }) => role === 'primary');
  const isLoading = ({ role, digest }: ShardDigest): boolean => role === 'joining' || digest === '';
  const differs = ({ digest, count }: ShardDigest): boolean => digest !== primary?.digest || count !== primary.count;
  const arrived = answer.digests.filter((copy) => !isLoading(copy));
  if (arrived.some(differs)) return { ...counted, verdict: 'different' };
  if (answer.digests.some(isLoading)) return { ...counted, verdict: 'loading' };
  return { ...counted, verdict: answer.digests.length < copiesWanted ? 'missing' : 'ok' };
}

/** As many as the policy asks for, as far as there is room: one in a container, and one on a host but in development. */
function copiesWantedOf(mapSet: MapSetPolicy, { containers }: CatalogAnswer): number {
  const live = containers.filter(({ alive }) => alive);
  const room = mapSet.developmentMode ? live.length : new Set(live.map(({ host }) => host)).size;
  const wanted = 1 + mapSet.maxSyncReplicas + mapSet.maxAsyncReplicas;
  return Math.max(Math.min(wanted, room), 1 + mapSet.minSyncReplicas);
}

function print(verdicts: readonly Verdict[], asJson: boolean, terminal: Terminal): void {
  if (asJson) {
    const ok = verdicts.every(({ verdict }) => verdict === 'ok');
    line(terminal, JSON.stringify({ ok, partitions: verdicts }));
    return;
  }
  printTable(terminal, {
    head: ['map set', 'partition', 'verdict', 'lsn', 'entries', 'copies', 'containers'],
    rows: verdicts.map((verdict) => [
      verdict.mapSet,
      verdict.index,
      verdict.verdict,
      verdict.lsn,
      verdict.digests.find(({ role }) => role === 'primary')?.count ?? '-',
      `${verdict.copies} of ${verdict.copiesWanted}`,
      verdict.failure === '' ? verdict.digests.map(describe).join(' ') : verdict.failure,
    ]),
  });
  const bad = verdicts.filter(({ verdict }) => verdict !== 'ok').length;
  line(
    terminal,
    bad === 0
      ? `${verdicts.length} partitions: no difference`
      : `${bad} of ${verdicts.length} partitions are not in order`,
  );
}

function describe({ rid, role, digest, count }: ShardDigest): string {
  return `${rid.container}:${role}:${digest === '' ? 'loading' : `${digest.slice(0, 8)}/${count}`}`;
}
