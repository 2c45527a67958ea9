/**
 * How many bytes a field takes, its tag (of one byte) included; 0 when it is not written. A value that cannot be sent
 * has some count: it is refused when it is written.
 */
import protobuf from 'protobufjs/minimal.js';

export function varintBytes(value: number): number {
  return value < 128 ? 1 : longVarintBytes(value);
}

function longVarintBytes(value: number): number {
  if (value < 2 ** 14) return 2;
  if (value < 2 ** 21) return 3;
  if (value < 2 ** 28) return 4;
  if (value < 2 ** 35) return 5;
  if (value < 2 ** 42) return 6;
  return value < 2 ** 49 ? 7 : 8;
}

export function numberBytes(value: number): number {
  return value === 0 ? 0 : 1 + varintBytes(value);
}

export function doubleBytes(value: number): number {
  return value === 0 && 1 / value > 0 ? 0 : 9;
}

export function boolBytes(value: boolean): number {
  return value ? 2 : 0;
}

/** Of what begins with its length: bytes, text or a message. */
export function delimitedBytes(length: number): number {
  return 1 + varintBytes(length) + length;
}

export function bytesBytes(value: Uint8Array): number {
  return value.length === 0 ? 0 : delimitedBytes(value.length);
}

export function textBytes(value: string): number {
  return value === '' ? 0 : delimitedBytes(textLength(value));
}

export function textLength(value: string): number {
  const { length } = value;
  for (let index = 0; index < length; index++) {
    if (value.charCodeAt(index) > 127) return protobuf.util.utf8.length(value);
  }
  return length;
}
