/** `ostraca container`: one container process, or a supervisor of several. */
import { randomHex } from '@ostraca/runtime';
import { defaultMemory, startContainer } from '@ostraca/server';
import type { Command } from 'commander';
import { type Ending, listenForEnding } from '../ending.ts';
import { CommandError, EXIT, type ExitCode, usageError } from '../exit-code.ts';
import {
  catalogOption,
  catalogsOf,
  parseCount,
  parseListen,
  parseMemory,
  parseName,
  parseUrl,
  repeated,
} from '../options.ts';
import { programLog } from '../program-log.ts';
import { type ContainerExit, INCARNATION_VARIABLE, type ReadyMessage, Supervisor } from '../supervisor.ts';
import { line, type Terminal } from '../terminal.ts';

interface ContainerCommandOptions {
  readonly catalog?: readonly string[];
  readonly name?: string;
  readonly host?: string;
  readonly zone?: string;
  readonly listen: string;
  readonly advertise?: string;
  readonly memory?: string;
  readonly count?: number;
  readonly insecure?: boolean;
  readonly allowOrigin?: readonly string[];
}

const DRAIN_MS = 13_000;

export function addContainerCommand(program: Command, terminal: Terminal): void {
  program
    .command('container')
    .description('run a container: it holds shards of all grids of the policy')
    .addOption(catalogOption())
    .option('--name <name>', 'its name (default: a random one)', parseName)
    .option('--host <label>', "label of the machine (default: the machine's name)")
    .option('--zone <zone>', 'label of the zone')
    .option('--listen <host:port>', 'where to listen; port 0: any free one', parseListen, '127.0.0.1:0')
    .option('--advertise <url>', 'address by which others reach it (default: where it listens)', parseUrl)
    .option(
      '--memory <size>',
      'what its entries may take, such as 2GiB (default: half of the memory, shared by --count)',
      parseMemory,
    )
    .option('--count <n>', 'run so many, each a process: NAME-1 to NAME-n, ports ascending', parseCount)
    .option('--insecure', 'listen off the loopback although there are no users and no TLS')
    .option('--allow-origin <origin>', 'let web pages of this origin connect; may be repeated', repeated)
    .action((options: ContainerCommandOptions) => run(options, terminal));
}

async function run(options: ContainerCommandOptions, terminal: Terminal): Promise<void> {
  if (options.count !== undefined) await supervise(options, options.count, terminal);
  else await runOne(options, terminal);
}

async function runOne(options: ContainerCommandOptions, terminal: Terminal): Promise<void> {
  const ending = listenForEnding();
  const incarnation = terminal.env[INCARNATION_VARIABLE];
  const { name, host, zone, listen, advertise, memory } = options;
  const starting = startContainer({
    catalogs: catalogsOf(options, terminal),
    listen,
    logger: programLog(terminal),
    insecure: options.insecure ?? false,
    ...(name === undefined ? {} : { name }),
    ...(host === undefined ? {} : { host }),
    ...(zone === undefined ? {} : { zone }),
    ...(memory === undefined ? {} : { memory }),
    ...(advertise === undefined ? {} : { advertise }),
    ...(incarnation === undefined ? {} : { incarnation }),
    ...(options.allowOrigin === undefined ? {} : { allowOrigins: options.allowOrigin }),
  });
  const container = await Promise.race([starting, ending.asked.then(() => undefined)]);
  if (container === undefined) return;
  line(terminal, `ostraca container ${container.name} ready ${container.url}`);
  process.send?.({ type: 'ready', url: container.url } satisfies ReadyMessage);
  await ending.asked;
  await Promise.race([container.drain(), ending.demanded]);
}

async function supervise(options: ContainerCommandOptions, count: number, terminal: Terminal): Promise<void> {
  if (options.advertise !== undefined && count > 1) throw usageError('--advertise names one container, --count many');
  const ending = listenForEnding();
  const catalogs = catalogsOf(options, terminal);
  const log = programLog(terminal);
  let firstFailure: ContainerExit | undefined;
  let onNoneLeft: () => void = () => {};
  const noneLeft = new Promise<void>((resolve) => {
    onNoneLeft = resolve;
  });
  const supervisor = new Supervisor({
    catalogs,
    onDeath: ({ name, pid }, exit) => {
      firstFailure ??= exit;
      log.warn({ container: name, pid, ...exit, left: supervisor.runningCount() }, 'a container has ended');
      if (supervisor.runningCount() === 0) onNoneLeft();
    },
  });
  const prefix = options.name ?? `c-${randomHex(4)}`;
  for (let index = 1; index <= count; index++) {
    supervisor.start({ name: `${prefix}-${index}`, args: argsOf(options, catalogs, index) });
  }
  const allReady = Promise.all(supervisor.containers.map(({ ready }) => ready));
  const urls = await Promise.race([allReady, ending.asked.then(() => undefined)]);
  if (urls?.includes(undefined)) {
    // What one of them could not do, it has said itself.
    await endAll(supervisor, ending);
    throw new CommandError(exitCodeOf(firstFailure));
  }
  await Promise.race([ending.asked, noneLeft]);
  if (supervisor.runningCount() > 0) await endAll(supervisor, ending);
  else {
    await supervisor.settled();
    throw new CommandError(exitCodeOf(firstFailure), 'no container is left');
  }
}

async function endAll(supervisor: Supervisor, ending: Ending): Promise<void> {
  void ending.demanded.then(() => supervisor.end({ type: 'end' }, 1_000));
  await supervisor.end({ type: 'drain' }, DRAIN_MS);
}

function argsOf(options: ContainerCommandOptions, catalogs: readonly string[], index: number): string[] {
  const memory = options.memory ?? defaultMemory(options.count ?? 1);
  const args = ['--catalog', catalogs.join(','), '--listen', listenOf(options.listen, index), '--memory', memory];
  for (const key of ['host', 'zone', 'advertise'] as const) {
    const value = options[key];
    if (value !== undefined) args.push(`--${key}`, value);
  }
  if (options.insecure === true) args.push('--insecure');
  for (const origin of options.allowOrigin ?? []) args.push('--allow-origin', origin);
  return args;
}

function listenOf(listen: string, index: number): string {
  const [, host = '', port = '0'] = /^(.*):(\d+)$/.exec(listen) ?? [];
  return port === '0' ? listen : `${host}:${Number(port) + index - 1}`;
}

function exitCodeOf(exit: ContainerExit | undefined): ExitCode {
  return Object.values(EXIT).find((code) => code === exit?.code && code !== EXIT.done) ?? EXIT.no;
}
