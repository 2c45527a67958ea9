export * from './checkers/configurations.ts';
export * from './checkers/counters.ts';
export * from './checkers/history.ts';
export * from './checkers/linearizability.ts';
export * from './checkers/registers.ts';
export * from './checkers/replicas.ts';
export * from './checkers/witness.ts';
export { type Mutant, MUTANTS } from './simulator/mutants.ts';
export { runSimulation, type RunOptions, type RunReport } from './simulator/simulation.ts';
