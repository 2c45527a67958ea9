/**
 * What a key is in a near cache: something that a Map finds at once. A string, number, bigint or boolean is itself, for two of
 * them are the same key exactly if a Map takes them for the same; bytes and tuples are their encoded form as text.
 */
import { decodeKey, encodeKey, GridError, type Key } from '@ostraca/core';

export type NearId = string | number | bigint | boolean;

/** No key begins with it: lone surrogates are refused. */
const FORM_MARK = '\ud800';

/** @throws {@link GridError} `invalid_argument`, `too_large`: bytes or a tuple that is no key. */
export function nearIdOf(key: Key): NearId {
  return typeof key === 'object' ? textOf(encodeKey(key)) : (key as NearId);
}

/** Undefined: the bytes are no key, so nobody has read it here. */
export function nearIdOfBytes(bytes: Uint8Array): NearId | undefined {
  try {
    const key = decodeKey(bytes);
    return typeof key === 'object' ? textOf(bytes) : (key as NearId);
  } catch (error) {
    if (error instanceof GridError) return undefined;
    throw error;
  }
}

/** Whether a string that an application gave is no key, and must not be looked up. */
export function isForm(id: NearId): boolean {
  return typeof id === 'string' && id.charCodeAt(0) === 0xd800;
}

/** Of its memory, more or less: one byte a character, which is true of most keys. */
export function idBytes(id: NearId): number {
  return typeof id === 'string' ? id.length : 8;
}

function textOf(bytes: Uint8Array): string {
  let text = FORM_MARK;
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}
