/** What a container tells the catalog of itself, besides its registration and its heartbeats. */
import type { ShardReport } from '../messages.ts';
import { isListed } from '../replication/replica.ts';
import type { Shard } from '../shard/shard.ts';
import type { ContainerState } from './container-state.ts';

/** Some 600 bytes each, at most: well below a frame. */
const CONFIGS_PER_REPORT = 512;

export function reportOf(shard: Shard): ShardReport {
  return {
    partition: shard.partition,
    epoch: shard.epoch,
    version: shard.config.version,
    shardInc: shard.rid.shardInc,
    lastLsn: shard.log.lastLsn,
    decidedLsn: shard.decidedLsn,
  };
}

/** All that an earlier catalog told us, for one that has lost its journal. */
export function reportConfigs(state: ContainerState): void {
  const configs = [...state.configs.values()];
  const [shard] = state.shards.values();
  for (let from = 0; from === 0 || from < configs.length; from += CONFIGS_PER_REPORT) {
    const last = from + CONFIGS_PER_REPORT >= configs.length;
    const part = configs.slice(from, from + CONFIGS_PER_REPORT);
    if (!last) {
      const nothing = { shards: [], containers: [], policyJson: '', hashSeed: 0 };
      state.session.send({ type: 'configReport', configs: part, last, ...nothing });
      continue;
    }
    state.session.send({
      type: 'configReport',
      configs: part,
      last,
      shards: [...state.shards.values()].map(reportOf),
      containers: [...state.members.values()].filter(({ alive }) => alive).map(({ container }) => container),
      policyJson: JSON.stringify(state.topology?.policy ?? {}),
      hashSeed: shard?.hashSeed ?? 0,
    });
  }
}

/** With a heartbeat, if anything changed: copies that may be promoted when a whole in-sync set is lost. */
export function reportCopies(state: ContainerState): void {
  const shards = [...state.shards.values()].filter(isSpareCopy).map(reportOf);
  const told = JSON.stringify(shards);
  if (told === state.copiesTold) return;
  if (state.session.send({ type: 'copyReport', shards })) state.copiesTold = told;
}

/** Consistent, and in no in-sync set: those need no report, the configuration tells of them. */
function isSpareCopy(shard: Shard): boolean {
  return shard.primary === undefined && shard.loading === undefined && !isListed(shard, shard.config);
}
