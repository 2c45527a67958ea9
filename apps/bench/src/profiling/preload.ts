/**
 * For `node --import`: SIGUSR2 starts a CPU profile, and the next one ends it, into BENCH_PROFILE_PREFIX and a number.
 * Signals reach any program; a channel's messages would reach its own listeners too.
 */
import { Profiler } from './profiled.ts';

const prefix = process.env.BENCH_PROFILE_PREFIX ?? 'profile';
let profiler: Profiler | undefined;
let count = 0;

process.on('SIGUSR2', () => {
  if (profiler === undefined) {
    profiler = new Profiler();
    void profiler.start();
  } else {
    count += 1;
    void profiler.stop(`${prefix}.${count}.cpuprofile`);
    profiler = undefined;
  }
});
