/**
 * What the catalog said: one configuration for an (epoch, version) of a partition (I-CFG), one primary for an epoch
 * (I-EPOCH), and `lost` only where nobody of the in-sync set and no eligible replica is left.
 */
import { type PartitionConfig, type Rid, ridKey } from '@ostraca/core';
import type { Violation } from './history.ts';

export class ConfigurationChecker {
  readonly violations: Violation[] = [];
  /** The newest of each partition. */
  readonly newest = new Map<number, PartitionConfig>();
  readonly #texts = new Map<string, string>();
  readonly #primaries = new Map<string, Rid>();
  #checked = 0;

  get checkedCount(): number {
    return this.#checked;
  }

  observe(config: PartitionConfig): void {
    const { partition, epoch, version } = config;
    const at = `partition ${partition} (${epoch}, ${version})`;
    const id = `${partition}/${epoch}/${version}`;
    const text = JSON.stringify(config);
    const known = this.#texts.get(id);
    if (known === text) return;
    this.#checked += 1;
    if (known !== undefined) {
      this.violations.push({ rule: 'I-CFG', what: `${at} is two configurations: ${known} and ${text}` });
    }
    this.#texts.set(id, text);
    const primary = this.#primaries.get(`${partition}/${epoch}`);
    if (primary !== undefined && ridKey(primary) !== ridKey(config.primary)) {
      const what = `${at} has primary ${config.primary.container}, but ${primary.container} had that epoch`;
      this.violations.push({ rule: 'I-EPOCH', what });
    }
    this.#primaries.set(`${partition}/${epoch}`, config.primary);
    if (!config.lost && !config.sync.some((rid) => ridKey(rid) === ridKey(config.primary))) {
      this.violations.push({ rule: 'I-CFG', what: `${at}: the primary is not in the in-sync set: ${text}` });
    }
    const newest = this.newest.get(partition);
    if (newest === undefined || epoch > newest.epoch || (epoch === newest.epoch && version > newest.version)) {
      this.newest.set(partition, config);
    }
  }
}
