/**
 * What the floor says on the wire: a frame is a run of requests, or of answers, without anything around them.
 *
 * get:     [u8 kind][u8 key bytes][u32 id][key]
 * set:     [u8 kind][u8 key bytes][u32 id][u32 value bytes][key][value]
 * answer:  [u8 status][u32 id][u32 value bytes][value]
 * replica: [u32 frames]: so many more of the primary's frames are held
 */
export const KIND = { get: 1, set: 2 } as const;
export const STATUS = { absent: 0, found: 1, stored: 2 } as const;
export const GET_HEADER_BYTES = 6;
export const SET_HEADER_BYTES = 10;
export const ANSWER_HEADER_BYTES = 9;
export const FRAME_BYTES = 1 << 16;
export const REPLICA_PATH = '/replica';
export const FRAME_BYTES_MAX = 1 << 28;

/** With what Node.js has and its types leave out: `write` with an encoding costs twice as much. */
type FrameBytes = Buffer & { latin1Write(text: string, at: number): number };

/** Bytes that grow into one frame after another; `send` keeps what it is given, so each frame has a buffer of its own. */
export class FrameWriter {
  bytes = newBytes(FRAME_BYTES);
  end = 0;
  readonly #send: (frame: Buffer) => void;

  constructor(send: (frame: Buffer) => void) {
    this.#send = send;
  }

  /** Where `count` bytes may be written; the frame before leaves if they do not fit. */
  reserve(count: number): number {
    if (this.end + count > this.bytes.length) {
      this.flush();
      if (count > this.bytes.length) this.bytes = newBytes(count);
    }
    const at = this.end;
    this.end += count;
    return at;
  }

  flush(): void {
    if (this.end === 0) return;
    this.#send(this.bytes.subarray(0, this.end));
    this.bytes = newBytes(FRAME_BYTES);
    this.end = 0;
  }
}

function newBytes(count: number): FrameBytes {
  return Buffer.allocUnsafeSlow(count) as FrameBytes;
}
