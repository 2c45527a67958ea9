/** The command line of `npm run bench`. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { FAMILIES, type Family, ROWS, type Row } from './rows.ts';
import { TRIALS } from './trials/all-trials.ts';
import { GROWTHS } from './trials/growth.ts';
import type { Trial } from './trials/trial.ts';

export interface BenchOptions {
  readonly rows: readonly Row[];
  readonly trials: readonly Trial[];
  readonly families: readonly Family[];
  readonly peers: readonly string[];
  /** Instead of what each row says. */
  readonly inFlight: readonly number[] | undefined;
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly keys: number;
  /** Of the trials; undefined: as each says. */
  readonly entries: number | undefined;
  readonly isQuick: boolean;
  readonly partitions: number;
  readonly seed: number;
  readonly program: string | undefined;
  /** Undefined: nothing is written. */
  readonly outFolder: string | undefined;
  readonly reportName: string;
  readonly profileFolder: string | undefined;
}

interface Written {
  readonly quick?: boolean;
  readonly grow?: boolean;
  readonly only?: readonly string[];
  readonly systems?: readonly string[];
  readonly peers?: readonly string[];
  readonly inflight?: readonly string[];
  readonly rounds?: number;
  readonly seconds?: number;
  readonly warmUp?: number;
  readonly keys: number;
  readonly entries?: number;
  readonly partitions: number;
  readonly seed: number;
  readonly program?: string;
  readonly out?: string;
  readonly profile?: string | true;
}

const NAMES = [...ROWS, ...TRIALS, ...GROWTHS].map(({ name }) => name);

/** @throws what commander throws; for a wrong option it has said why, and exits. */
export function parseOptions(argv: readonly string[], defaultFolder: string): BenchOptions {
  const command = new Command('npm run bench --')
    .description(
      'Measures Ostraca, the transport floor and a RESP server side by side, in turn and in a closed loop: the same\n' +
        'keys and values, one client process for each measurement. With --only, nothing is written but with --out.',
    )
    .option('--quick', 'in about three minutes: fewer numbers in flight, shorter, one round, no long rows')
    .option('--grow', 'how figures move with entries, partitions, containers and clients, and nothing else')
    .addOption(new Option('--only <rows>', `these: ${NAMES.join(', ')}`).argParser(parseList))
    .addOption(new Option('--systems <names>', `these systems: ${FAMILIES.join(', ')}`).argParser(parseList))
    .addOption(
      new Option('--peers <urls>', 'RESP servers that run already, as redis://host:port, instead of our own').argParser(
        parseList,
      ),
    )
    .addOption(
      new Option('--inflight <numbers>', 'calls in flight, for rows of more than one number').argParser(parseList),
    )
    .option('--rounds <n>', 'measurements of each (default: 3)', parsePositive)
    .option('--seconds <n>', 'length of a measurement (default: 4)', parsePositive)
    .option('--warm-up <n>', 'seconds before it (default: 1.5)', parsePositive)
    .option('--keys <n>', 'entries of the rows', parsePositive, 100_000)
    .option('--entries <n>', 'entries of memory, pauses, checkpoint and many-entries', parsePositive)
    .option('--partitions <n>', 'of the map', parsePositive, 13)
    .option('--seed <n>', 'of keys and values', parsePositive, 1)
    .option('--program <file>', "another ostraca than this workspace's")
    .option('--out <folder>', `where the report goes (default: ${defaultFolder})`)
    .option('--profile [folder]', 'CPU profiles of client and servers, of the measured time only');
  command.parse([...argv], { from: 'user' });
  const written = command.opts<Written>();
  const isQuick = written.quick === true;
  const fail = (reason: string): never => command.error(`error: ${reason}`);
  const wrong = (written.only ?? []).filter((name) => !NAMES.includes(name));
  if (wrong.length > 0) fail(`no row ${wrong.join(', ')}; there are ${NAMES.join(', ')}`);
  const isGrow = written.grow === true;
  const isWanted = ({ name, isLong }: Row | Trial): boolean =>
    written.only?.includes(name) ?? !(isGrow || (isQuick && isLong));
  const unknown = (written.systems ?? []).filter((name) => !(FAMILIES as readonly string[]).includes(name));
  if (unknown.length > 0) fail(`no system ${unknown.join(', ')}; there are ${FAMILIES.join(', ')}`);
  const inFlight = written.inflight?.map((text) => {
    const number = Number(text);
    return Number.isInteger(number) && number > 0 ? number : fail(`--inflight: ${text} is no whole number over 0`);
  });
  return {
    rows: ROWS.filter(isWanted),
    trials: [...TRIALS.filter(isWanted), ...GROWTHS.filter(({ name }) => written.only?.includes(name) ?? isGrow)],
    families: FAMILIES.filter((name) => written.systems?.includes(name) ?? true),
    peers: written.peers ?? [],
    inFlight,
    rounds: written.rounds ?? (isQuick ? 1 : 3),
    seconds: written.seconds ?? (isQuick ? 1 : 4),
    warmUpSeconds: written.warmUp ?? (isQuick ? 0.7 : 1.5),
    keys: written.keys,
    entries: written.entries,
    isQuick,
    partitions: written.partitions,
    seed: written.seed,
    program: written.program,
    outFolder: written.out ?? (written.only === undefined && written.systems === undefined ? defaultFolder : undefined),
    reportName: `bench${isGrow ? '-grow' : ''}${isQuick ? '-quick' : ''}`,
    profileFolder: written.profile === true ? 'profiles' : written.profile,
  };
}

function parseList(text: string): string[] {
  return text.split(',').map((part) => part.trim());
}

function parsePositive(text: string): number {
  const number = Number(text);
  if (!(number > 0)) throw new InvalidArgumentError('a number over 0 is expected.');
  return number;
}
