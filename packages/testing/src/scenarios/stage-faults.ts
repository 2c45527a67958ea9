/** What a script can do to a grid. Nothing is mended before it says so, or ends. */
import { type Container, newRandom } from '@ostraca/core';
import { VirtualProcess } from '../simulator/virtual-process.ts';
import { StageGrid } from './stage-grid.ts';
import type { Hold, HoldRule } from './stage-network.ts';

export class StageFaults extends StageGrid {
  readonly #parted: [string, string][] = [];

  /** These are cut off from all others. */
  part(inside: readonly string[]): void {
    const outside = this.names().filter((name) => !inside.includes(name));
    for (const a of inside) for (const b of outside) this.cut(a, b);
  }

  cut(a: string, b: string): void {
    this.deafen(a, b);
    this.deafen(b, a);
  }

  /** Nothing gets from one to the other; what is sent waits, and comes when the network is mended. */
  deafen(from: string, to: string): void {
    this.#parted.push([from, to]);
    this.network.block(from, to);
  }

  hear(from: string, to: string): void {
    this.network.unblock(from, to);
  }

  /** They have no connection, and get none until the network is mended. */
  forget(a: string, b: string): void {
    this.cut(a, b);
    this.lose(a, b);
    this.until(`${a} and ${b} have no connection`, 2_000, () => !this.network.areConnected(a, b));
  }

  join(): void {
    for (const [from, to] of this.#parted.splice(0)) this.network.unblock(from, to);
  }

  hold(rule: HoldRule): Hold {
    return this.network.hold(rule);
  }

  release(hold: Hold): void {
    this.network.release(hold);
  }

  /** Waits until such a message has been sent, and has arrived. */
  await(rule: HoldRule, boundMs = 1_000): void {
    const hold = this.hold(rule);
    this.until(`${rule.type} from ${rule.from} to ${rule.to}`, boundMs, () => hold.isOnItsWay);
    this.release(hold);
    this.pass(2);
  }

  /** What `from` sends by the connections that it has opened itself stands still. */
  stallDialled(from: string, to: string): void {
    this.network.stallDialled(from, to);
  }

  untilEpoch(epoch: number, boundMs = 2_000): void {
    this.until(`epoch ${epoch}`, boundMs, () => this.config.epoch === epoch);
  }

  lose(a: string, b: string): void {
    this.network.lose(a, b);
  }

  crash(...names: readonly string[]): void {
    for (const name of names) {
      if (name === 'catalog') this.cluster.crashCatalog();
      else this.cluster.crashContainer(this.process(name), false);
    }
  }

  /** Nobody is told: its machine has lost its power. */
  crashSilently(name: string): void {
    this.cluster.crashContainer(this.process(name), true);
  }

  /** A new life, with nothing; of the catalog, on its journal. */
  restart(...names: readonly string[]): void {
    for (const name of names) {
      if (name === 'catalog') this.cluster.startCatalog();
      else this.cluster.startContainer(this.process(name));
    }
  }

  /** Another process with the name and the address of one that runs already. */
  startSecond(name: string): VirtualProcess<Container> {
    const process = new VirtualProcess<Container>({ name, world: this.world, random: newRandom(1), clockRate: 1 });
    this.cluster.startContainer(process);
    return process;
  }

  stop(...names: readonly string[]): void {
    for (const name of names) this.#any(name).stop();
  }

  continue(...names: readonly string[]): void {
    for (const name of names) this.#any(name).continue();
  }

  /** The whole machine sleeps: its monotonic clock stands still. */
  sleep(name: string): void {
    this.process(name).sleep();
  }

  /** SIGTERM. */
  drain(name: string): void {
    const process = this.process(name);
    process.post(() => process.machine?.drain(process.clockMs));
  }

  /** Every write that comes to it from now on it cannot hold, and says so. */
  refuse(name: string, isRefusing = true): void {
    if (isRefusing) this.cluster.refusals.set(name, 1);
    else this.cluster.refusals.delete(name);
  }

  protected forgetFaults(): void {
    this.#parted.length = 0;
    this.cluster.heal();
  }

  #any(name: string): { stop(): void; continue(): void } {
    if (name === 'catalog') return this.cluster.catalog;
    if (name === 'x') return this.x.process;
    if (name === 'y') return this.y.process;
    return this.process(name);
  }
}
