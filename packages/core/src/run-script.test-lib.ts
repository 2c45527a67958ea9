/**
 * Stories as text (testdata/*.txt). A file is a list of commands, each with what it must print:
 *
 *     # a comment, kept when the file is rewritten
 *     name key=value flag
 *     any further lines go to the command as its body
 *     ----
 *     what the command printed, up to the next empty line
 *
 * A command is a name and words; `key=value` is an argument, a word without `=` is an argument of value 'true'.
 * `REWRITE=1 npx vitest run x` stores what the code prints: read the difference before you keep it.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { AssertionError } from './assert.ts';

export interface ScriptCommand {
  readonly name: string;
  readonly args: ReadonlyMap<string, string>;
  /** Lines between the command and `----`. */
  readonly body: readonly string[];
  /** As in the file, for messages. */
  readonly line: string;
}

/** An argument that the command cannot do without; `otherwise` makes it optional. */
export function arg(command: ScriptCommand, name: string, otherwise?: string): string {
  const value = command.args.get(name) ?? otherwise;
  if (value === undefined) throw new AssertionError(`${command.line}: missing ${name}=`);
  return value;
}

/** Runs every command of the file and throws at the first one that prints something else than the file says. */
export function runScript(file: string, run: (command: ScriptCommand) => string): void {
  const stored: string[] = [];
  for (const paragraph of readFileSync(file, 'utf8')
    .trim()
    .split(/\n\s*\n/)) {
    const lines = paragraph.split('\n');
    const comments = lines.filter((line) => line.startsWith('#'));
    const [head, ...rest] = lines.filter((line) => !line.startsWith('#'));
    if (head === undefined) {
      stored.push(comments.join('\n'));
      continue;
    }
    const cut = rest.indexOf('----');
    const body = cut < 0 ? rest : rest.slice(0, cut);
    const expected = cut < 0 ? '' : rest.slice(cut + 1).join('\n');
    const [name = '', ...words] = head.trim().split(/\s+/);
    const args = new Map(words.map((word) => splitWord(word)));
    const actual = run({ name, args, body, line: head }).trimEnd();
    stored.push([...comments, head, ...body, '----', actual].join('\n').trimEnd());
    if (process.env.REWRITE !== '1' && actual !== expected) {
      throw new AssertionError(`${file}\n${head}\nexpected:\n${expected}\nbut it printed:\n${actual}\n`);
    }
  }
  if (process.env.REWRITE === '1') writeFileSync(file, `${stored.join('\n\n')}\n`);
}

function splitWord(word: string): [string, string] {
  const cut = word.indexOf('=');
  return cut < 0 ? [word, 'true'] : [word.slice(0, cut), word.slice(cut + 1)];
}
