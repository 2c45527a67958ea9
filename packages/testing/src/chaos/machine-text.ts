import { cpus, release, totalmem } from 'node:os';

/** For reports. */
export function machineText(): string {
  const [cpu] = cpus();
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  return `${cpus().length} × ${cpu?.model.trim() ?? 'unknown processor'}, ${memory}, ${process.platform} ${release()}`;
}
