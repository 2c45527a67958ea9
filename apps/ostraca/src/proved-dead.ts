import { setTimeout as pause } from 'node:timers/promises';
import type { ContainerName, Incarnation } from '@ostraca/core';
import { openTool } from './tool.ts';

const TRY_FOR_MS = 60_000;
const TRY_EVERY_MS = 200;
const DIAL_MS = 2_000;

export interface Death {
  readonly container: ContainerName;
  readonly incarnation: Incarnation;
}

/**
 * Tells a catalog that this life has ended: whoever started a process and saw it exit is the only one who can know.
 * Nobody has to wait for its lease then. False: no catalog could be told, and leases run out as for a silent one.
 */
export async function reportDeath(death: Death, catalogs: readonly string[]): Promise<boolean> {
  const tool = openTool('supervisor');
  try {
    const endMs = performance.now() + TRY_FOR_MS;
    while (performance.now() < endMs) {
      for (const url of catalogs) {
        const connection = await tool.dial(url, DIAL_MS).catch(() => undefined);
        if (connection === undefined) continue;
        connection.send({ type: 'provedDead', ...death });
        return true;
      }
      await pause(TRY_EVERY_MS);
    }
    return false;
  } finally {
    await tool.close();
  }
}
