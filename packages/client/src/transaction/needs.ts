/** What the operations of a map want of the keys that they read. */
import type { ReadNeed } from './read-set.ts';

export const READ_VALUE: ReadNeed = { mode: 'shared', enough: 'shared', withValues: true, isRead: true };
export const READ_PRESENCE: ReadNeed = { mode: 'shared', enough: 'shared', withValues: false, isRead: true };
export const READ_FOR_UPDATE: ReadNeed = { mode: 'upgradable', enough: 'upgradable', withValues: true, isRead: true };
/** Written if it is there, or if it is not. */
export const WRITE_BY_PRESENCE: ReadNeed = { mode: 'exclusive', enough: 'upgradable', withValues: false, isRead: true };
