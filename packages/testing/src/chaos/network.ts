/** All proxies of a grid: one per container, and one per process that dials the catalog. */
import { must, type Random } from '@ostraca/core';
import type { Hello } from '@ostraca/protocol';
import { TcpProxy } from './tcp-proxy.ts';
import { Way } from './way.ts';

export const CATALOG = 'catalog';
/** Tools and the harness itself: no fault is on their ways. */
export const OBSERVER = 'observer';

export class Network {
  readonly #random: Random;
  readonly #ways = new Map<string, Way>();
  readonly #toContainer = new Map<string, TcpProxy>();
  readonly #toCatalog = new Map<string, TcpProxy>();
  readonly #clients = new Map<string, string>();
  readonly #ports = new Map<string, number>();

  constructor(random: Random) {
    this.#random = random;
  }

  /** Where a process really listens. */
  setPort(name: string, port: number): void {
    this.#ports.set(name, port);
  }

  portOf(name: string): number {
    return must(this.#ports.get(name), `the port of ${name}`);
  }

  way(from: string, to: string): Way {
    const id = `${from}>${to}`;
    const way = this.#ways.get(id) ?? new Way(from, to);
    this.#ways.set(id, way);
    return way;
  }

  /** The address that a container advertises. */
  async containerProxy(name: string): Promise<TcpProxy> {
    return await this.#proxy(this.#toContainer, name, name);
  }

  /** The catalog, as this process is to know it. */
  async catalogProxy(source: string): Promise<TcpProxy> {
    return await this.#proxy(this.#toCatalog, source, CATALOG);
  }

  /** The proxies by which `from` dials `to`; none if it only listens. */
  proxyOf(from: string, to: string): TcpProxy | undefined {
    return to === CATALOG ? this.#toCatalog.get(from) : this.#toContainer.get(to);
  }

  heal(): void {
    for (const way of this.#ways.values()) way.clear();
  }

  close(): void {
    for (const proxy of [...this.#toContainer.values(), ...this.#toCatalog.values()]) proxy.close();
  }

  async #proxy(proxies: Map<string, TcpProxy>, key: string, target: string): Promise<TcpProxy> {
    let proxy = proxies.get(key);
    if (proxy === undefined) {
      proxy = new TcpProxy({
        target,
        targetPort: () => this.portOf(target),
        wayOf: (from, to) => this.way(from, to),
        nameOf: (hello, source) => this.#nameOf(hello, source),
        random: () => this.#random.unit(),
        ...(target === CATALOG ? { source: key } : {}),
      });
      proxies.set(key, proxy);
      await proxy.open();
    }
    return proxy;
  }

  /** A client has no name of its own; who it is, it has told at the catalog that is its alone. */
  #nameOf(hello: Hello, source: string | undefined): string {
    if (hello.role === 'client' && source !== undefined) this.#clients.set(hello.incarnation, source);
    if (hello.role === 'client') return this.#clients.get(hello.incarnation) ?? OBSERVER;
    if (hello.role === 'tool') return OBSERVER;
    return hello.role === 'catalog' ? CATALOG : hello.name;
  }
}
