/** Encoded keys, for logs, errors and tables. */
import { decodeKey } from './decode-key.ts';
import type { Key } from './key.ts';

/** As JSON, a bigint with an `n`. A client may have sent bytes that are no key: then in hexadecimal. */
export function keyText(bytes: Uint8Array): string {
  let key: Key;
  try {
    key = decodeKey(bytes);
  } catch {
    return `0x${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`;
  }
  return typeof key === 'bigint'
    ? `${key}n`
    : (JSON.stringify(key, (_, part) => (typeof part === 'bigint' ? `${part}n` : part)) ?? '');
}
