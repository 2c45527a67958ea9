/**
 * When a reason for not placing becomes public. Containers that start together come one after the other, and for a
 * moment there is always one too few: a reason counts once it, or another one of that map set, has stood for a while.
 */
import type { Unplaceable } from '../messages.ts';
import type { CatalogEffects } from './effects.ts';

/** Well under the 5 s within which people are told. */
const STANDS_MS = 3_000;

export class UnplaceableNotices {
  private readonly effects: CatalogEffects;
  private readonly sinceMs = new Map<string, number>();
  private told = new Map<string, string>();

  constructor(effects: CatalogEffects) {
    this.effects = effects;
  }

  /** Returns the reasons that have stood for long enough, and notes those that are new. */
  update(reasons: readonly Unplaceable[], nowMs: number): Unplaceable[] {
    const keys = new Set(reasons.map(keyOf));
    for (const key of this.sinceMs.keys()) if (!keys.has(key)) this.sinceMs.delete(key);
    for (const key of keys) if (!this.sinceMs.has(key)) this.sinceMs.set(key, nowMs);
    const standing = reasons.filter((one) => nowMs - (this.sinceMs.get(keyOf(one)) ?? nowMs) >= STANDS_MS);
    const told = new Map(standing.map((one) => [keyOf(one), one.reason]));
    for (const { grid, mapSet, reason } of standing) {
      if (this.told.get(keyOf({ grid, mapSet })) === reason) continue;
      this.effects.note({ level: 'warn', event: 'unplaceable', facts: { grid, mapSet, reason } });
    }
    this.told = told;
    return standing;
  }

  /** Whether a reason has now stood for long enough that was not told yet. */
  isDue(nowMs: number): boolean {
    return [...this.sinceMs].some(([key, since]) => nowMs - since >= STANDS_MS && !this.told.has(key));
  }
}

function keyOf({ grid, mapSet }: { readonly grid: string; readonly mapSet: string }): string {
  return JSON.stringify([grid, mapSet]);
}
