/**
 * For `node --import`: watches how long the event loop is away, and tells it to the process that started this one, by
 * the channel, at each SIGUSR2, which also starts a new count.
 */
import type { PausesMessage } from './pauses.ts';
import { PauseWatch } from './watch.ts';

const watch = new PauseWatch();

process.on('SIGUSR2', () => {
  const message: PausesMessage = { type: 'pauses', ...watch.take() };
  process.send?.(message);
});
