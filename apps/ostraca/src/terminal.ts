/** Where a command prints: answers to `out`, everything else to `err`. */
import Table from 'cli-table3';
import picocolors from 'picocolors';

export interface Terminal {
  /** Answers, as they are. */
  out(text: string): void;
  err(text: string): void;
  readonly outIsTerminal: boolean;
  readonly errIsTerminal: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Resolves when what was printed can be taken: a dump must not fill the memory of a slow reader. */
  drained(): Promise<void>;
}

export const processTerminal: Terminal = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  outIsTerminal: process.stdout.isTTY === true,
  errIsTerminal: process.stderr.isTTY === true,
  env: process.env,
  drained: () =>
    process.stdout.writableNeedDrain
      ? new Promise((resolve) => process.stdout.once('drain', () => resolve()))
      : Promise.resolve(),
};

export function line(terminal: Terminal, text: string): void {
  terminal.out(`${text}\n`);
}

export function colors(terminal: Terminal): ReturnType<typeof picocolors.createColors> {
  return picocolors.createColors(terminal.outIsTerminal && terminal.env.NO_COLOR === undefined);
}

export interface TableText {
  readonly head: readonly string[];
  readonly rows: readonly (readonly (string | number)[])[];
}

const NO_LINES = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
};

/** Columns without lines, so that `awk` and people read the same. */
export function printTable(terminal: Terminal, { head, rows }: TableText): void {
  const { bold } = colors(terminal);
  const table = new Table({
    head: head.map((title) => bold(title)),
    chars: NO_LINES,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  table.push(...rows.map((row) => row.map(String)));
  line(
    terminal,
    table
      .toString()
      .split('\n')
      .map((text) => text.trimEnd())
      .join('\n'),
  );
}
