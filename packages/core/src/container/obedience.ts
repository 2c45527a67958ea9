/**
 * Which catalog a container obeys: never one of an older generation than it has obeyed, for that one knows nothing of
 * what was ordered since, and never one whose policy or hash seed is not that of the shards that are here.
 */
import type { Member } from '../catalog/config.ts';
import { generationCounter, mustIgnore } from '../catalog/generation.ts';
import { policyDifference } from '../catalog/policy-difference.ts';
import type { Incarnation } from '../ids.ts';
import type { ConfigPush, Registered } from '../messages.ts';
import type { ContainerState } from './container-state.ts';

/** @returns false when the catalog is left: its generation is older, or it is that of another grid. */
export function turnToCatalog(state: ContainerState, message: Registered): boolean {
  const { generation: before } = state;
  const { generation: now } = message;
  if (mustIgnore(now, before, state.shards.size > 0)) {
    const reason = `the catalog is of generation ${now}, and ${before} was obeyed before`;
    // It is dialled again and again: once is enough to say so.
    if (state.session.lastFailure !== reason) state.ports.note('older_catalog_ignored', { before, now }, 'warn');
    state.session.onRefused(reason, state.nowMs);
    return false;
  }
  state.copiesTold = '[]';
  const disobeys = reasonToDisobey(state, message);
  if (disobeys !== '' && disobeys !== state.disobeys) {
    state.ports.note('catalog_not_obeyed', { generation: now, reason: disobeys });
  }
  state.disobeys = disobeys;
  // Registered all the same, so that it hears what we hold; but its generation is not one that was obeyed.
  if (disobeys !== '' || before === now) return true;
  if (before !== '') state.ports.note('catalog_generation_changed', { before, now }, 'warn');
  state.generation = now;
  state.hasItsConfigs = false;
  return true;
}

function reasonToDisobey({ shards, topology }: ContainerState, { policyJson, hashSeed }: Registered): string {
  const [shard] = shards.values();
  if (shard === undefined || topology === undefined) return '';
  const difference = policyDifference(topology.policy, JSON.parse(policyJson), 'here');
  if (difference.length > 0) return difference.join('; ');
  return shard.hashSeed === hashSeed ? '' : 'its hash seed is not that of the shards here';
}

export function mayObey(state: ContainerState, push: ConfigPush): boolean {
  if (generationCounter(push.generation) < generationCounter(state.generation)) return false;
  return state.disobeys === '';
}

/**
 * Whom the catalog lists, and nobody else: the others are dead. But one that rebuilds its journal knows only who has
 * come back, and says nothing of the others before it has configurations.
 */
export function membersTold(state: ContainerState, push: ConfigPush): ReadonlyMap<Incarnation, Member> {
  state.hasItsConfigs ||= push.configs.length > 0;
  const told = push.members.map((member): [Incarnation, Member] => [member.incarnation, member]);
  return new Map(state.hasItsConfigs ? told : [...state.members, ...told]);
}
