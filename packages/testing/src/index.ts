export * from './checkers/configurations.ts';
export * from './checkers/counters.ts';
export * from './checkers/history.ts';
export * from './checkers/linearizability.ts';
export * from './checkers/registers.ts';
export * from './checkers/replicas.ts';
export * from './checkers/witness.ts';
export { MUTANTS, type Mutant } from './simulator/mutants.ts';
export { type RunOptions, type RunReport, runSimulation } from './simulator/simulation.ts';
