/** Replicas that cannot hold what they are sent. */
import { drawLasting, type FaultRule } from './fault.ts';
import { containerOf, drawContainer } from './process-faults.ts';
import { pick } from './scenario.ts';

/** `strength`: the share of the records that it votes against. */
const refuse: FaultRule = {
  draw: (site, random) => [
    {
      targets: [drawContainer(site, random)],
      strength: pick(random, [0.05, 0.5, 1]),
      lastingMs: drawLasting(random, 2_000),
    },
  ],
  inject: (site, fault) => {
    const name = containerOf(site, fault)?.name;
    if (name === undefined) return false;
    const { refusals } = site.cluster;
    refusals.set(name, fault.strength);
    site.after(fault.lastingMs, () => refusals.delete(name));
    return true;
  },
};

/** `strength`: one of so many requests makes a record that nobody can hold. */
const poison: FaultRule = {
  draw: (_site, random) => [{ strength: pick(random, [2, 10, 50]), lastingMs: drawLasting(random, 3_000) }],
  inject: ({ cluster, after }, { strength, lastingMs }) => {
    cluster.poisonEvery = strength;
    after(lastingMs, () => {
      cluster.poisonEvery = 0;
    });
    return true;
  },
};

export const LOAD_FAULTS = { refuse, poison };
