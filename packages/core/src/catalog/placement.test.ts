import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { asPartitionId } from '../ids.ts';
import type { ChangeInSync, Unplaceable } from '../messages.ts';
import type { MapSetPolicy } from '../policy.ts';
import { arg, runScript, type ScriptCommand } from '../run-script.test-lib.ts';
import { type Topology, topologyOf } from '../topology.ts';
import { mapSetPolicy, policyOf, showConfig } from './grid.test-lib.ts';
import { changeInSync } from './in-sync.ts';
import { heal, type PlacementContainer, placeFirst } from './placement.ts';
import { apply, type CatalogState, EMPTY_STATE } from './state.ts';

/**
 * The story of one map set, without a catalog. Commands:
 *
 *     mapset partitions=4 min=1 max=1 async=0 initial=2 dev replace=false   a grid of one map set; options as in the policy
 *     up a,b,c host=h1 zone=z1     containers come; their life has their name, or `life=`
 *     down a,b                     their lives are over
 *     suspect a                    its connection is lost
 *     place                        the first placement: what is placed, or why not
 *     heal                         what changes
 *     add p=0 c / evict p=0 c      the primary of p asks, as it would
 *     primaries                    does what every primary would: adds who joins, evicts who is dead or leaves
 *     loads                        copies and primaries of each container
 */
class Story {
  private topology: Topology = topologyOf(policyOf({}));
  private policy: MapSetPolicy = mapSetPolicy();
  private containers: PlacementContainer[] = [];
  private state: CatalogState = EMPTY_STATE;

  run(command: ScriptCommand): string {
    switch (command.name) {
      case 'mapset':
        return this.mapSet(command);
      case 'up':
        for (const container of this.names(command)) this.up(container, command);
        return '';
      case 'down':
        this.containers = this.containers.filter(({ container }) => !this.names(command).includes(container));
        return '';
      case 'suspect':
        this.containers = this.containers.map((one) =>
          this.names(command).includes(one.container) ? { ...one, isSuspect: true } : one,
        );
        return '';
      case 'place':
        return this.place();
      case 'heal':
        return this.change(heal(this.facts()));
      case 'add':
      case 'evict':
        return this.inSync(command.name, Number(arg(command, 'p')), this.names(command)[0] ?? '');
      case 'primaries':
        return this.primaries();
      case 'loads':
        return this.loads();
      default:
        throw new Error(`unknown command: ${command.line}`);
    }
  }

  private mapSet(command: ScriptCommand): string {
    const number = (name: string, otherwise: string): number => Number(arg(command, name, otherwise));
    this.policy = mapSetPolicy({
      numberOfPartitions: number('partitions', '4'),
      minSyncReplicas: number('min', '1'),
      maxSyncReplicas: number('max', '1'),
      maxAsyncReplicas: number('async', '0'),
      numInitialContainers: number('initial', '2'),
      developmentMode: command.args.has('dev'),
      autoReplaceLostShards: arg(command, 'replace', 'true') === 'true',
    });
    this.topology = topologyOf({ grids: [{ name: 'shop', mapSets: [this.policy] }] });
    this.containers = [];
    this.state = EMPTY_STATE;
    return '';
  }

  private up(container: string, command: ScriptCommand): void {
    const incarnation = arg(command, 'life', container);
    const host = arg(command, 'host', `host-${container}`);
    this.containers = this.containers.filter((one) => one.container !== container);
    this.containers.push({ container, incarnation, host, zone: arg(command, 'zone', ''), isSuspect: false });
  }

  private place(): string {
    const { configs, unplaceable } = placeFirst(this.facts(), () => 'lineage');
    const reasons = unplaceable.map(({ grid, mapSet, reason }: Unplaceable) => `${grid}/${mapSet}: ${reason}`);
    return [this.change(configs), ...reasons].filter((line) => line !== '').join('\n');
  }

  private inSync(kind: 'add' | 'evict', partition: number, life: string): string {
    const config = this.state.partitions[partition];
    if (config === undefined) throw new Error(`p${partition} is not placed`);
    const { epoch, version } = config;
    const container = this.containers.find((one) => one.incarnation === life)?.container ?? life;
    const change: ChangeInSync = {
      type: 'changeInSync',
      changeId: 1,
      partition: asPartitionId(partition),
      epoch,
      version,
      kind,
      target: { container, incarnation: life, shardInc: 1 },
      keepLsn: 7,
    };
    const result = changeInSync(config, change, {
      minSyncReplicas: this.policy.minSyncReplicas,
      maxSyncReplicas: this.policy.maxSyncReplicas,
      from: config.primary,
      isAwaited: () => false,
      isAlive: (host) => this.containers.some(({ incarnation }) => incarnation === host.incarnation),
      hasFailed: () => false,
    });
    return result.done ? this.change([result.config]) : result.reason;
  }

  private primaries(): string {
    const isLive = (life: string): boolean => this.containers.some(({ incarnation }) => incarnation === life);
    for (const { partition, joining } of this.state.partitions.filter((config) => config !== undefined)) {
      for (const { incarnation } of joining) this.inSync('add', partition, incarnation);
    }
    for (const { partition, sync, leaving, primary } of this.state.partitions.filter(
      (config) => config !== undefined,
    )) {
      for (const rid of sync) {
        if (rid.incarnation === primary.incarnation) continue;
        if (!isLive(rid.incarnation)) this.inSync('evict', partition, rid.incarnation);
      }
      for (const { incarnation } of leaving) this.inSync('evict', partition, incarnation);
    }
    return this.state.partitions.flatMap((config) => (config === undefined ? [] : showConfig(config))).join('\n');
  }

  private loads(): string {
    const configs = this.state.partitions.filter((config) => config !== undefined);
    return [...this.containers]
      .sort((a, b) => (a.container < b.container ? -1 : 1))
      .map(({ container, incarnation }) => {
        const has = (hosts: readonly { incarnation: string }[]): boolean =>
          hosts.some((host) => host.incarnation === incarnation);
        const copies = configs.filter(({ sync, joining, async: hosts }) => has([...sync, ...joining, ...hosts])).length;
        return `${container} copies=${copies} primaries=${configs.filter(({ primary }) => has([primary])).length}`;
      })
      .join('\n');
  }

  private facts() {
    const { topology, containers, state } = this;
    const { partitions: configs, copiesEver } = state;
    return { topology, containers, configs, copiesEver, foreign: new Map() };
  }

  private change(configs: Parameters<typeof showConfig>[0][] | readonly Parameters<typeof showConfig>[0][]): string {
    this.state = apply(this.state, { type: 'configsChanged', configs });
    return configs.map(showConfig).join('\n');
  }

  private names(command: ScriptCommand): string[] {
    const words = [...command.args].filter(([, value]) => value === 'true').map(([word]) => word);
    return words.flatMap((word) => word.split(','));
  }
}

for (const script of ['first-placement', 'unplaceable', 'lost-replica', 'move', 'async', 'not-replaced']) {
  test(`placement: ${script}`, () => {
    const story = new Story();
    runScript(fileURLToPath(new URL(`./testdata/${script}.txt`, import.meta.url)), (command) => story.run(command));
  });
}

test('13 partitions of two copies on three containers are spread evenly', () => {
  const topology = topologyOf(policyOf({ numberOfPartitions: 13 }));
  const containers = ['a', 'b', 'c'].map((container) => {
    return { container, incarnation: container, host: 'h', zone: '', isSuspect: false };
  });
  const { configs } = placeFirst(
    { topology, containers, configs: [], copiesEver: [], foreign: new Map() },
    () => 'lineage',
  );
  const counts = containers.map(({ incarnation }) => ({
    primaries: configs.filter(({ primary }) => primary.incarnation === incarnation).length,
    replicas: configs.filter(({ joining }) => joining.some((host) => host.incarnation === incarnation)).length,
  }));
  expect(counts.map(({ primaries }) => primaries).sort()).toEqual([4, 4, 5]);
  expect(counts.map(({ replicas }) => replicas).sort()).toEqual([4, 4, 5]);
});
