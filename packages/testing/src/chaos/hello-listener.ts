/** Hears who dials from the first bytes of a connection: an HTTP upgrade, then the Hello in a WebSocket frame. */
import { decodeFrame, type Hello } from '@ostraca/protocol';

const LISTENED_BYTES_MAX = 16 * 1024;

export class HelloListener {
  #heard: Buffer | undefined = Buffer.alloc(0);

  /** The hello, once: with the bytes that complete it. */
  listen(bytes: Buffer): Hello | undefined {
    if (this.#heard === undefined) return undefined;
    this.#heard = Buffer.concat([this.#heard, bytes]);
    const payload = firstFrame(this.#heard);
    if (payload === undefined) {
      if (this.#heard.length > LISTENED_BYTES_MAX) this.#heard = undefined;
      return undefined;
    }
    this.#heard = undefined;
    try {
      const [message] = decodeFrame(payload);
      return message?.type === 'hello' ? message : undefined;
    } catch {
      return undefined;
    }
  }
}

/** RFC 6455, 5.2: the payload of the first frame after the request's head; undefined if it is not whole yet. */
function firstFrame(bytes: Buffer): Buffer | undefined {
  const headEnd = bytes.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const frame = bytes.subarray(headEnd + 4);
  if (frame.length < 2) return undefined;
  const second = frame.readUInt8(1);
  const isMasked = (second & 0x80) !== 0;
  let at = 2;
  let length = second & 0x7f;
  if (length === 127) return undefined;
  if (length === 126) {
    if (frame.length < 4) return undefined;
    length = frame.readUInt16BE(2);
    at = 4;
  }
  const maskAt = at;
  if (isMasked) at += 4;
  if (frame.length < at + length) return undefined;
  const payload = Buffer.from(frame.subarray(at, at + length));
  if (isMasked) for (let i = 0; i < length; i++) payload[i] = (payload[i] ?? 0) ^ (frame[maskAt + (i & 3)] ?? 0);
  return payload;
}
