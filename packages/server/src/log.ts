import type { Note } from '@ostraca/core';
import { pino } from 'pino';

/** What we ask of a logger; one of pino is one. */
export interface Log {
  debug(facts: object, message: string): void;
  info(facts: object, message: string): void;
  warn(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

/** JSON lines on stderr: stdout belongs to answers. Synchronous, so that the last line before an end is there. */
export function jsonLog(): Log {
  return pino(
    { base: null, formatters: { level: (label) => ({ level: label }) } },
    pino.destination({ fd: 2, sync: true }),
  );
}

/** A note of a machine as a line; who notes is in `of`. */
export function logNote(log: Log, of: Readonly<Record<string, string>>, note: Note): void {
  log[note.level]({ ...of, ...note.facts }, note.event);
}
