/** How much memory a container may fill with entries and what belongs to them. */
import { totalmem } from 'node:os';
import { constrainedMemory } from 'node:process';
import { parseBytes } from './units.ts';

/** Below this the fixed costs of partitions and connections are most of it. */
export const MEMORY_MIN = '16MiB';
/** Of what the process may have: the rest is for the JavaScript heap, frames and sockets, and whoever else is there. */
const SHARE = 0.5;

const MIN_BYTES = parseBytes(MEMORY_MIN) as number;

export function isMemorySize(text: string): boolean {
  return (parseBytes(text) ?? 0) >= MIN_BYTES;
}

export function memoryBytesOf(memory: string | undefined): number {
  return parseBytes(memory ?? defaultMemory(1)) ?? MIN_BYTES;
}

/** Of each of `count` containers: together half of what the machine has, or its control group allows. */
export function defaultMemory(count: number): string {
  return `${Math.max(MIN_BYTES, Math.floor((processMemoryBytes() * SHARE) / count))}B`;
}

function processMemoryBytes(): number {
  const total = totalmem();
  // 0, or more than there is: nothing constrains it.
  const constrained = constrainedMemory();
  return constrained > 0 && constrained < total ? constrained : total;
}
