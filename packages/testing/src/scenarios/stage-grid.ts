/** The grid of a stage: its processes in the simulator's world, what is there, and time. */
import {
  asPartitionId,
  type Container,
  encodeKey,
  type Message,
  must,
  newRandom,
  type PartitionConfig,
  partitionOf,
  type Shard,
} from '@ostraca/core';
import { decodeFrame, encodeFrames } from '@ostraca/protocol';
import { Cluster, containerUrl } from '../simulator/cluster.ts';
import { Scheduler } from '../simulator/scheduler.ts';
import { Trace } from '../simulator/trace.ts';
import type { VirtualProcess, World } from '../simulator/virtual-process.ts';
import { StageClient } from './stage-client.ts';
import { StageNetwork } from './stage-network.ts';
import { type StageOptions, scenarioOf } from './stage-options.ts';
import { Verdict } from './verdict.ts';

const STEP_MS = 1;

/** The script's own expectation is not met. */
export class ScriptFailure extends Error {
  override readonly name = 'ScriptFailure';
}

export class StageGrid {
  readonly leaseMs: number;
  readonly cluster: Cluster;
  readonly network: StageNetwork;
  readonly x: StageClient;
  readonly y: StageClient;
  /** Requests that clients have sent: no answer may cost an endless number of them. */
  requestCount = 0;
  protected readonly options: StageOptions;
  protected readonly scheduler: Scheduler;
  protected readonly world: World;
  protected readonly checker: StageClient;
  protected readonly verdict: Verdict;

  constructor(options: StageOptions) {
    this.options = options;
    const random = newRandom(options.seed ?? 20_263);
    this.scheduler = new Scheduler(random.fork());
    const scenario = scenarioOf(options);
    const { latency, mapSet } = scenario;
    this.leaseMs = mapSet.failureDetection.suspectAfterMs;
    this.network = new StageNetwork({ scheduler: this.scheduler, random: random.fork(), latency });
    this.verdict = new Verdict({
      partitionCount: mapSet.numberOfPartitions,
      ttlMs: options.ttlMs ?? 2_000,
      nowMs: () => this.nowMs,
      cluster: () => this.cluster,
      partitionOfKey: (key) => partitionOf(encodeKey(key), mapSet.numberOfPartitions, []),
    });
    const verdict = this.verdict;
    const world: World = {
      scheduler: this.scheduler,
      network: this.network,
      codec: { encode: (messages) => encodeFrames(messages), decode: (frame) => decodeFrame(frame) as Message[] },
      trace: new Trace(1, options.print),
      onSend: (_from, message) => {
        if (message.type === 'write' || message.type === 'read') this.requestCount += 1;
        verdict.onSend(message);
      },
      onAct: (how, shard) => verdict.onAct(how, shard),
      onNote: (note) => verdict.onNote(note),
      onThrow: (process, error) => {
        const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
        verdict.violate('assertion', `${process} threw: ${what}`);
      },
    };
    this.world = world;
    const { mutations = new Set() } = options;
    this.cluster = new Cluster({ scenario, world, random: random.fork(), mutations });
    const containerUrls = this.cluster.containers.map(({ name }) => containerUrl(name));
    const [x, y, checker] = ['x', 'y', 'checker'].map((name) => {
      const { numberOfPartitions: partitionCount } = mapSet;
      const { records } = verdict;
      const more = { containerUrls, partitionCount, records, mutations };
      return new StageClient({ name, world, random: random.fork(), ...more });
    });
    this.x = must(x, 'x');
    this.y = must(y, 'y');
    this.checker = must(checker, 'checker');
  }

  // ── What is there ─────────────────────────────────────────────────────────────────────────────────────────────

  get nowMs(): number {
    return this.scheduler.nowMs;
  }

  /** Of partition 0, as the catalog has it. */
  get config(): PartitionConfig {
    return must(this.configs[0], 'the configuration of partition 0');
  }

  get configs(): readonly PartitionConfig[] {
    const partitions = this.cluster.catalog.machine?.state().partitions ?? [];
    return partitions.filter((config) => config !== undefined);
  }

  /** Of partition 0: p is the primary, q, r and s are its replicas in sync, async has no vote, spare has no copy. */
  roles(): { p: string; q: string; r: string; s: string; async: string; spare: string } {
    const { primary, sync, async } = this.config;
    const p = primary.container;
    const [q = '', r = '', s = ''] = sync
      .map(({ container }) => container)
      .filter((name) => name !== p)
      .sort();
    const copies = [...sync, ...async].map(({ container }) => container);
    const spare = this.cluster.containers.map(({ name }) => name).find((name) => !copies.includes(name)) ?? '';
    return { p, q, r, s, async: async[0]?.container ?? '', spare };
  }

  shard(name: string, partition = 0): Shard | undefined {
    return this.process(name).machine?.inspectShard(asPartitionId(partition));
  }

  lastLsn(name: string): number {
    return must(this.shard(name), `the shard of ${name}`).log.lastLsn;
  }

  process(name: string): VirtualProcess<Container> {
    return this.cluster.container(name);
  }

  // ── Time ──────────────────────────────────────────────────────────────────────────────────────────────────────

  pass(ms: number): void {
    this.scheduler.runUntil(this.nowMs + ms);
    this.verdict.inspect();
  }

  until(what: string, boundMs: number, condition: () => boolean): void {
    const endMs = this.nowMs + boundMs;
    while (!condition()) {
      if (this.nowMs >= endMs) throw new ScriptFailure(`after ${boundMs} ms: not ${what}; ${this.describe()}`);
      this.pass(STEP_MS);
    }
  }

  check(what: string, isTrue: boolean): void {
    if (!isTrue) throw new ScriptFailure(`not so: ${what}; ${this.describe()}`);
  }

  describe(): string {
    return this.configs
      .map(({ partition, epoch, version, primary, sync, elr, joining, lost }) => {
        const names = (hosts: readonly { container: string }[]): string =>
          hosts.map(({ container }) => container).join(' ');
        const eligible = elr.map(({ rid, keepLsn }) => `${rid.container}@${keepLsn}`).join(' ');
        return `partition ${partition} (${epoch}, ${version}): primary ${primary.container}, sync ${names(sync)}, elr ${eligible}, joining ${names(joining)}${lost ? ', lost' : ''}`;
      })
      .join('; ');
  }

  protected names(): string[] {
    return ['catalog', ...this.cluster.containers.map(({ name }) => name), 'x', 'y', 'checker'];
  }
}
