/** What the catalog has told whom: configurations to containers, routing to whoever asked for it. */

import { ERROR_CODES } from '../errors.ts';
import type { ConnectionId } from '../ids.ts';
import type { ConfigPush, Routing } from '../messages.ts';
import { type RoutingSource, routingOf } from '../routing/routing-of.ts';
import type { PartitionConfig } from './config.ts';
import type { CatalogEffects } from './effects.ts';

export class Pushes {
  private readonly effects: CatalogEffects;
  private readonly source: () => RoutingSource;
  /** By connection, the grids asked for, with what was last sent. */
  private readonly subscriptions = new Map<ConnectionId, Map<string, string>>();

  constructor(effects: CatalogEffects, source: () => RoutingSource) {
    this.effects = effects;
    this.source = source;
  }

  /** Everything, to a container that has just registered. */
  pushAll(connection: ConnectionId, configs: readonly PartitionConfig[]): void {
    this.effects.send(connection, this.configPush(configs, true));
  }

  pushChanged(connections: readonly ConnectionId[], configs: readonly PartitionConfig[]): void {
    const push = this.configPush(configs, false);
    for (const connection of connections) this.effects.send(connection, push);
  }

  subscribe(connection: ConnectionId, grid: string): void {
    const routing = routingOf(grid, this.source());
    if (routing === undefined) {
      const { number, says } = ERROR_CODES.undefined_grid;
      this.effects.send(connection, { type: 'routingRefused', grid, code: number, reason: says });
      return;
    }
    const grids = this.subscriptions.get(connection) ?? new Map<string, string>();
    this.subscriptions.set(connection, grids.set(grid, contentOf(routing)));
    this.effects.send(connection, routing);
  }

  unsubscribe(connection: ConnectionId): void {
    this.subscriptions.delete(connection);
  }

  /** To every subscriber whose grid goes another way than it was told. */
  pushRouting(): void {
    const routings = new Map<string, { routing: Routing; content: string }>();
    for (const [connection, grids] of this.subscriptions) {
      for (const [grid, told] of grids) {
        let known = routings.get(grid);
        if (known === undefined) {
          const routing = routingOf(grid, this.source());
          if (routing === undefined) continue;
          known = { routing, content: contentOf(routing) };
          routings.set(grid, known);
        }
        if (known.content === told) continue;
        grids.set(grid, known.content);
        this.effects.send(connection, known.routing);
      }
    }
  }

  private configPush(configs: readonly PartitionConfig[], full: boolean): ConfigPush {
    const { generation, members, unplaceable } = this.source();
    return { type: 'configPush', generation, full, configs, members, unplaceable };
  }
}

/** All but the versions: a change of the in-sync set alone sends nobody another way. */
function contentOf({ mapSets, routes, addresses }: Routing): string {
  return JSON.stringify([mapSets, addresses, routes.map(({ epoch, primary, address }) => [epoch, primary, address])]);
}
