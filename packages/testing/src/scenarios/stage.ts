/**
 * What a script plays on: a fixed topology in the simulator's world, where everything happens when the script says so.
 * The catalog, the containers and the clients are the real code behind the real codec; network, clocks and disks are
 * the simulator's; latencies are constant and nothing goes wrong by itself.
 *
 *     const { p, q, r } = stage.roles()      the primary of partition 0 and its replicas
 *     stage.part([p, 'x'])                   these are cut off from everybody else
 *     const call = stage.x.set('k', 'one')   a client calls ...
 *     stage.expect(call, 'applied')          ... and is answered so, in time
 *     stage.end()                            all is mended; progress, agreement, and every checker's word
 */
import type { PartitionConfig } from '@ostraca/core';
import type { Violation } from '../checkers/history.ts';
import { type Call, outcomeOf, type StageClient } from './stage-client.ts';
import { StageFaults } from './stage-faults.ts';
import { ScriptFailure } from './stage-grid.ts';

const FORMING_MS = 30_000;
const RECOVERY_MS = 45_000;

export class Stage extends StageFaults {
  /** All copies are placed, in sync or consistent, and both clients know the way. */
  form(): void {
    const { maxSync, minSync = 1, maxAsync = 0 } = this.options;
    this.cluster.startCatalog();
    for (const process of this.cluster.containers) this.cluster.startContainer(process);
    for (const client of [this.x, this.y, this.checker]) client.start();
    this.until(
      'all copies are in sync',
      FORMING_MS,
      () =>
        this.configs.every(
          ({ sync, async, joining }) =>
            sync.length === 1 + (maxSync ?? minSync) && async.length === maxAsync && joining.length === 0,
        ) && this.configs.length === (this.options.partitions ?? 1),
    );
    for (const client of [this.x, this.y])
      this.expect(client.set(`first-${client.process.name}`, `first ${client.process.name}`), 'applied');
    this.until('replicas have heard of it', 5_000, () =>
      [...this.config.sync, ...this.config.async].every(
        ({ container }) => this.shard(container)?.decidedLsn === this.shard(this.config.primary.container)?.decidedLsn,
      ),
    );
  }

  // ── What is expected ──────────────────────────────────────────────────────────────────────────────────────────

  /** The call has ended like that within `boundMs`. */
  expect(call: Call, outcome: string, boundMs = 20_500): void {
    const said = `${call.client} ${call.action.kind} ${call.key}`;
    this.until(`${said} has ended`, boundMs, () => call.result !== undefined);
    // Whatever is called next is called after it, and the checkers know that.
    this.pass(1);
    if (outcomeOf(call) === outcome) return;
    throw new ScriptFailure(`${said} was to be ${outcome} and is ${outcomeOf(call)}; ${this.describe()}`);
  }

  /** Writes until it is acknowledged, a new value each time; returns the value that it is then. */
  insist(client: StageClient, key: string, value: string, boundMs = 10_000): string {
    const endMs = this.nowMs + boundMs;
    for (let attempt = 0; ; attempt++) {
      const written = attempt === 0 ? value : `${value} ${attempt}`;
      const call = client.set(key, written);
      this.until(`set ${key} has ended`, 20_500, () => call.result !== undefined);
      if (outcomeOf(call) === 'applied') return written;
      this.check(`${key} is written within ${boundMs} ms`, this.nowMs < endMs);
      this.pass(20);
    }
  }

  expectOpen(call: Call): void {
    if (call.result === undefined) return;
    const said = `${call.client} ${call.action.kind} ${call.key}`;
    throw new ScriptFailure(`${said} was to be open and is ${outcomeOf(call)}; ${this.describe()}`);
  }

  // ── The end ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** All is mended: writes succeed again, every call has an answer, copies agree, and what was told is true. */
  end(): readonly Violation[] {
    try {
      this.#recover();
    } catch (error) {
      if (!(error instanceof ScriptFailure)) throw error;
      this.verdict.violate('I-LIVE', error.message);
    }
    return this.verdict.judge(this.configs.filter(({ lost }) => !lost));
  }

  #recover(): void {
    for (const { process } of [this.x, this.y]) process.continue();
    this.forgetFaults();
    this.#probe();
    this.until('every call has an answer', 70_000, () => this.x.openCount + this.y.openCount === 0);
    this.until('what has a time to live is gone', 15_000, () => this.verdict.fleetingCount(this.#whole) === 0);
    this.until('copies in sync reach one lsn', 10_000, () => this.verdict.lag(this.#whole).length === 0);
    const keys = new Set([...this.x.calls, ...this.y.calls].map(({ key }) => key));
    for (const key of keys) {
      const read = this.checker.get(key);
      this.until(`a read of ${key} at the end`, 20_500, () => read.result !== undefined);
      const isLost = this.#whole.length < this.configs.length;
      if (!isLost) this.check(`${key} is read at the end`, read.result?.kind === 'observed');
    }
  }

  #probe(): void {
    const endMs = this.nowMs + RECOVERY_MS;
    for (let index = 0; ; index++) {
      const key = `probe-${index}`;
      if (this.#whole.length < this.configs.length) return;
      const isProbed = this.checker.set(key, key, { timeoutMs: 5_000 });
      this.until('a probe has ended', 5_500, () => isProbed.result !== undefined);
      if (isProbed.result?.kind === 'applied') return;
      if (this.nowMs >= endMs) throw new ScriptFailure(`no writes after all was mended: ${this.describe()}`);
    }
  }

  get #whole(): readonly PartitionConfig[] {
    return this.configs.filter(({ lost }) => !lost);
  }
}
