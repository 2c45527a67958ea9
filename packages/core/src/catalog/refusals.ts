/** Who was told that it may not register. It tries again many times; once is enough to say so. */
import { ERROR_CODES } from '../errors.ts';
import type { ConnectionId, Incarnation } from '../ids.ts';
import type { Register } from '../messages.ts';
import type { CatalogEffects } from './effects.ts';
import type { Refusal } from './registration.ts';

const REMEMBERED_MAX = 1_000;

export class Refusals {
  private readonly effects: CatalogEffects;
  private readonly told = new Set<Incarnation>();

  constructor(effects: CatalogEffects) {
    this.effects = effects;
  }

  refuse(connection: ConnectionId, { name, incarnation }: Register, { code, reason }: Refusal): void {
    this.effects.send(connection, { type: 'registerRefused', code: ERROR_CODES[code].number, reason });
    if (this.told.has(incarnation)) return;
    if (this.told.size >= REMEMBERED_MAX) this.told.clear();
    this.told.add(incarnation);
    this.effects.note({ level: 'warn', event: code, facts: { container: name, reason } });
  }
}
