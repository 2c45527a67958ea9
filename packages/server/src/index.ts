export type { Log } from './log.ts';
export { defaultMemory, isMemorySize, MEMORY_MIN } from './memory.ts';
export { PolicyError, type PolicySource, parsePolicy, parsePolicyText, readPolicy } from './policy.ts';
export { type CatalogOptions, type RunningCatalog, startCatalog } from './start-catalog.ts';
export { type ContainerOptions, type RunningContainer, startContainer } from './start-container.ts';
