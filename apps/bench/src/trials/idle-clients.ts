/** What a thousand clients cost a container that ask for nothing. */
import { residentBytesOf } from '../driver/process-usage.ts';
import { short } from '../markdown.ts';
import { startTask } from '../measure.ts';
import { ostracaOptions, type RunContext } from '../run.ts';
import { OstracaSystem } from '../systems/ostraca-system.ts';
import { pause, plainTask, type Trial, type TrialResult } from './trial.ts';

const CLIENTS = 1_000;
const MAPS = ['first', 'second', 'third', 'fourth'];
const REST_MS = 3_000;
const LONG_SECONDS = 600;

export const idleClients: Trial = {
  name: 'idle-clients',
  title: `${CLIENTS} idle clients, ${MAPS.length} maps`,
  isLong: false,
  run: runIdleClients,
};

async function runIdleClients({ options, children }: RunContext): Promise<TrialResult> {
  const system = await OstracaSystem.start(children, ostracaOptions(options, { replicas: 0, maps: MAPS }));
  const [contender] = system.endpoints();
  if (contender === undefined) throw new Error('Ostraca has a client');
  const pid = system.servers.c1 ?? 0;
  await pause(REST_MS);
  const before = residentBytesOf(pid);
  const task = plainTask(options, { work: 'idle', clients: CLIENTS, maps: MAPS, seconds: LONG_SECONDS });
  const running = startTask(children, { contender, task });
  await Promise.race([running.measuring, running.finished]);
  await pause(REST_MS);
  const growth = (residentBytesOf(pid) - before) / 1e6;
  running.stop();
  const { seconds, usage } = await running.finished;
  await system.end();
  // Per second, not per operation: there are none.
  const cpuShare = ((usage.c1?.cpuMicrosPerOperation ?? Number.NaN) * CLIENTS) / 1e6 / seconds;
  return {
    figures: [
      { text: `${CLIENTS} idle clients, ${options.partitions} partitions`, measured: growth, unit: 'MB', atMost: 100 },
    ],
    head: ['clients', 'partitions', 'maps', 'MB more', 'kB each', 'CPU while idle'],
    lines: [
      [
        String(CLIENTS),
        String(options.partitions),
        String(MAPS.length),
        short(growth),
        short((growth * 1e3) / CLIENTS),
        `${(cpuShare * 100).toFixed(1)} %`,
      ],
    ],
  };
}
