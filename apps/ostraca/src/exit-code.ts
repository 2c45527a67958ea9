/** What a command's end means to a script. The numbers are a contract (`ostraca --help` prints them). */
import { type ErrorCode, GridError } from '@ostraca/core';
import { PolicyError } from '@ostraca/server';
import { CommanderError } from 'commander';

export const EXIT = {
  done: 0,
  /** The answer is no. */
  no: 1,
  /** Wrong usage or configuration. */
  usage: 2,
  /** Not reachable in time. */
  unreachable: 3,
  /** Any other refusal of the grid. */
  refused: 4,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Ends a command with a line of its own, or with none when everything is said already. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly exitCode: ExitCode;

  constructor(exitCode: ExitCode, message = '') {
    super(message);
    this.exitCode = exitCode;
  }
}

export function usageError(message: string): CommandError {
  return new CommandError(EXIT.usage, message);
}

export function notSupportedYet(what: string): CommandError {
  return usageError(`${what}: not supported yet`);
}

const EXIT_OF_CODE: Partial<Record<ErrorCode, ExitCode>> = {
  key_not_found: EXIT.no,
  duplicate_key: EXIT.no,
  unavailable: EXIT.unreachable,
  timeout: EXIT.unreachable,
  incompatible_policy: EXIT.usage,
  invalid_argument: EXIT.usage,
};

/** The exit code of a failure and the lines that tell it: never a stack trace, for no failure here is a mystery. */
export function failureOf(error: unknown): { readonly exitCode: number; readonly lines: readonly string[] } {
  if (error instanceof CommandError) return { exitCode: error.exitCode, lines: linesOf(error.message) };
  if (error instanceof GridError)
    return { exitCode: EXIT_OF_CODE[error.code] ?? EXIT.refused, lines: [describe(error)] };
  if (error instanceof PolicyError)
    return { exitCode: EXIT.usage, lines: error.lines.map((line) => `policy: ${line}`) };
  if (error instanceof CommanderError) return { exitCode: error.exitCode === 0 ? EXIT.done : EXIT.usage, lines: [] };
  const message = error instanceof Error ? error.message : String(error);
  return { exitCode: EXIT.usage, lines: [oneLine(message)] };
}

function describe(error: GridError): string {
  const { catalogs, endpoints } = error.details;
  if (error.code === 'unavailable' && (catalogs ?? endpoints) !== undefined) return oneLine(unreachable(error));
  const outcome = error.outcome === 'unknown' ? ' [the write may have been applied]' : '';
  return oneLine(`${error.message}${outcome}`);
}

/** Nobody was there to ask: the words of the code, which are about a partition, would mislead. */
function unreachable({ details }: GridError): string {
  const { catalogs, endpoints, reason } = details;
  if (Array.isArray(endpoints)) {
    const each = endpoints.map(
      (one: { readonly url?: unknown; readonly reason?: unknown }) => `${one.url}: ${one.reason}`,
    );
    return `no catalog can be reached: ${each.join('; ')}`;
  }
  return `no catalog can be reached: ${String(catalogs ?? endpoints)}${typeof reason === 'string' ? ` (${reason})` : ''}`;
}

function linesOf(message: string): string[] {
  return message === '' ? [] : message.split('\n');
}

function oneLine(text: string): string {
  return text.replace(/\s*\n\s*/g, ' ');
}
