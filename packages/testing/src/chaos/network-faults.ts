/** Puts the planned faults of the network on the ways, and takes them off again. */
import { pause } from './grid-processes.ts';
import type { Network } from './network.ts';
import type { NetworkFault } from './scenario.ts';
import type { TcpProxy } from './tcp-proxy.ts';

export interface NetworkFaultsOptions {
  readonly network: Network;
  readonly faults: readonly NetworkFault[];
  readonly onFault: (fault: NetworkFault) => void;
}

export class NetworkFaults {
  readonly #options: NetworkFaultsOptions;
  readonly #lifting = new Map<NodeJS.Timeout, () => void>();
  #isOver = false;

  constructor(options: NetworkFaultsOptions) {
    this.#options = options;
  }

  /** Until the last fault is on, or `end` is called. */
  async run(startMs: number): Promise<void> {
    for (const fault of this.#options.faults) {
      await pause(Math.max(0, startMs + fault.atMs - performance.now()));
      if (this.#isOver) return;
      this.#begin(fault);
      this.#options.onFault(fault);
    }
  }

  end(): void {
    this.#isOver = true;
    for (const [timer, lift] of this.#lifting) {
      clearTimeout(timer);
      lift();
    }
    this.#lifting.clear();
    this.#options.network.heal();
  }

  #begin(planned: NetworkFault): void {
    const lift = planned.kind === 'refuse' ? this.#refuse(planned) : this.#disturb(planned);
    const timer = setTimeout(() => {
      this.#lifting.delete(timer);
      lift();
    }, planned.durationMs);
    this.#lifting.set(timer, lift);
  }

  #disturb({ ways, fault }: NetworkFault): () => void {
    const disturbed = ways.map(([from, to]) => this.#options.network.way(from, to));
    for (const way of disturbed) way.add(fault);
    return () => {
      for (const way of disturbed) way.delete(fault);
    };
  }

  #refuse({ ways }: NetworkFault): () => void {
    const proxies = new Set<TcpProxy>();
    for (const [from, to] of ways) {
      const proxy = this.#options.network.proxyOf(from, to);
      if (proxy !== undefined) proxies.add(proxy);
    }
    for (const proxy of proxies) proxy.refuse();
    return () => {
      for (const proxy of proxies) void proxy.admit();
    };
  }
}
