import type { Key } from '@ostraca/core';
import { usageError } from './exit-code.ts';
import { parseValue } from './value-json.ts';

export const KEY_TYPES = ['string', 'number', 'json'] as const;
export type KeyType = (typeof KEY_TYPES)[number];

/** A key as it stands on the command line. `json` also gives tuples, `{"$bigint": ...}` and `{"$bytes": ...}`. */
export function parseKey(text: string, type: KeyType): Key {
  switch (type) {
    case 'string':
      return text;
    case 'number':
      return numberKey(text);
    case 'json':
      return jsonKey(text);
  }
}

/** Whether it can be a key; the last word is with the client, which encodes it. */
export function isKey(value: unknown): value is Key {
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'bigint':
    case 'boolean':
      return true;
    default:
      return value instanceof Uint8Array || (Array.isArray(value) && value.every(isKey));
  }
}

function numberKey(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || Number.isNaN(value))
    throw usageError(`KEY: expected a number, got ${JSON.stringify(text)}`);
  return value;
}

function jsonKey(text: string): Key {
  let value: unknown;
  try {
    value = parseValue(text);
  } catch (error) {
    throw usageError(`KEY: expected JSON, got ${JSON.stringify(text)} (${(error as Error).message})`);
  }
  if (!isKey(value)) throw usageError(`KEY: expected a text, a number, a boolean or a list of these, got ${text}`);
  return value;
}
