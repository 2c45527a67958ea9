import type { Epoch, Lsn } from '@ostraca/core';
import { invalid } from './check-options.ts';

/** Of an entry: opaque, compared for equality only. */
export type Version = string;

export function versionOf({ epoch, lsn }: { readonly epoch: Epoch; readonly lsn: Lsn }): Version {
  return `${epoch}.${lsn}`;
}

/** Zeros if undefined: any version. */
export function parseIfVersion(version: Version | undefined): { ifEpoch: Epoch; ifLsn: Lsn } {
  if (version === undefined) return { ifEpoch: 0, ifLsn: 0 };
  const match = typeof version === 'string' ? /^([1-9]\d{0,15})\.([1-9]\d{0,15})$/.exec(version) : null;
  if (match === null) throw invalid('ifVersion', 'is no version that a map gave');
  return { ifEpoch: Number(match[1]), ifLsn: Number(match[2]) };
}
