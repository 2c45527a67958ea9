/** `ostraca catalog`: one catalog process. */
import { startCatalog } from '@ostraca/server';
import type { Command } from 'commander';
import { listenForEnding } from '../ending.ts';
import { notSupportedYet } from '../exit-code.ts';
import { DEFAULT_LISTEN, parseListen, repeated } from '../options.ts';
import { programLog } from '../program-log.ts';
import { line, type Terminal } from '../terminal.ts';

interface CatalogCommandOptions {
  readonly policy: string;
  readonly listen: string;
  readonly data?: string;
  readonly etcd?: string;
  readonly insecure?: boolean;
  readonly allowOrigin?: readonly string[];
}

export function addCatalogCommand(program: Command, terminal: Terminal): void {
  program
    .command('catalog')
    .description('run a catalog: it keeps the policy, who is alive, and who hosts what')
    .requiredOption('--policy <file>', 'the policy, YAML or JSON')
    .option('--listen <host:port>', 'where to listen; port 0: any free one', parseListen, DEFAULT_LISTEN)
    .option('--data <dir>', 'directory of the journal (default: none, the journal is in memory)')
    .option('--etcd <urls>', 'keep the state in etcd (not supported yet)')
    .option('--insecure', 'listen off the loopback although there are no users and no TLS')
    .option('--allow-origin <origin>', 'let web pages of this origin connect; may be repeated', repeated)
    .action((options: CatalogCommandOptions) => run(options, terminal));
}

async function run(options: CatalogCommandOptions, terminal: Terminal): Promise<void> {
  if (options.etcd !== undefined) throw notSupportedYet('--etcd');
  const ending = listenForEnding();
  const catalog = await startCatalog({
    policy: options.policy,
    listen: options.listen,
    logger: programLog(terminal),
    insecure: options.insecure ?? false,
    ...(options.data === undefined ? {} : { dataDir: options.data }),
    ...(options.allowOrigin === undefined ? {} : { allowOrigins: options.allowOrigin }),
  });
  line(terminal, `ostraca catalog ready ${catalog.url}`);
  await ending.asked;
  await Promise.race([catalog.close(), ending.demanded]);
}
