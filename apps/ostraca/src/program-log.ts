import type { Log } from '@ostraca/server';
import { pino } from 'pino';
import { PinoPretty } from 'pino-pretty';
import type { Terminal } from './terminal.ts';

const LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const;

/** JSON lines on stderr, pretty on a terminal. OSTRACA_LOG sets the level: debug, info (default), warn, error, silent. */
export function programLog(terminal: Terminal, otherwise: (typeof LEVELS)[number] = 'info'): Log {
  const level = LEVELS.find((each) => each === terminal.env.OSTRACA_LOG) ?? otherwise;
  if (terminal.errIsTerminal) {
    const colorize = terminal.env.NO_COLOR === undefined;
    const stream = PinoPretty({
      colorize,
      destination: 2,
      sync: true,
      singleLine: true,
      translateTime: 'SYS:HH:MM:ss.l',
      ignore: 'pid,hostname',
    });
    return pino({ level, base: null }, stream);
  }
  const formatters = { level: (label: string) => ({ level: label }) };
  return pino({ level, base: null, formatters }, pino.destination({ fd: 2, sync: true }));
}
