/** The floor's client: the operations of one turn leave in one frame, and a promise waits for each answer. */
import { WebSocket } from 'ws';
import {
  ANSWER_HEADER_BYTES,
  FRAME_BYTES_MAX,
  FrameWriter,
  GET_HEADER_BYTES,
  KIND,
  SET_HEADER_BYTES,
  STATUS,
} from './frames.ts';

type Answered = (value: Buffer | undefined) => void;

export class FloorClient {
  readonly #socket: WebSocket;
  readonly #writer: FrameWriter;
  readonly #waiting: Answered[] = [];
  readonly #freeIds: number[] = [];
  #willFlush = false;
  readonly #flush = (): void => {
    this.#willFlush = false;
    this.#writer.flush();
  };

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    this.#writer = new FrameWriter((frame) => socket.send(frame));
    socket.on('message', (frame) => this.#onFrame(frame as Buffer));
  }

  static async connect(url: string): Promise<FloorClient> {
    // ws leaves out masking where the mask is zero.
    const generateMask = (mask: Buffer): void => void mask.fill(0);
    const socket = new WebSocket(url, { perMessageDeflate: false, maxPayload: FRAME_BYTES_MAX, generateMask });
    await new Promise<void>((resolve, reject) => {
      socket.once('open', resolve);
      socket.once('error', reject);
    });
    return new FloorClient(socket);
  }

  get(key: string): Promise<Buffer | undefined> {
    return new Promise((resolve) => {
      const at = this.#writer.reserve(GET_HEADER_BYTES + key.length);
      const { bytes } = this.#writer;
      bytes[at] = KIND.get;
      bytes[at + 1] = key.length;
      bytes.writeUInt32LE(this.#await(resolve), at + 2);
      bytes.latin1Write(key, at + GET_HEADER_BYTES);
    });
  }

  set(key: string, value: Uint8Array): Promise<Buffer | undefined> {
    return new Promise((resolve) => {
      const at = this.#writer.reserve(SET_HEADER_BYTES + key.length + value.length);
      const { bytes } = this.#writer;
      bytes[at] = KIND.set;
      bytes[at + 1] = key.length;
      bytes.writeUInt32LE(this.#await(resolve), at + 2);
      bytes.writeUInt32LE(value.length, at + 6);
      bytes.latin1Write(key, at + SET_HEADER_BYTES);
      bytes.set(value, at + SET_HEADER_BYTES + key.length);
    });
  }

  close(): void {
    this.#socket.terminate();
  }

  #await(answered: Answered): number {
    const id = this.#freeIds.pop() ?? this.#waiting.length;
    this.#waiting[id] = answered;
    if (!this.#willFlush) {
      this.#willFlush = true;
      // After the promises of this turn have settled, and what they ask for is in the frame too.
      queueMicrotask(() => process.nextTick(this.#flush));
    }
    return id;
  }

  #onFrame(frame: Buffer): void {
    for (let at = 0; at < frame.length; ) {
      const status = frame[at];
      const id = frame.readUInt32LE(at + 1);
      const valueAt = at + ANSWER_HEADER_BYTES;
      at = valueAt + frame.readUInt32LE(at + 5);
      const answered = this.#waiting[id] as Answered;
      this.#freeIds.push(id);
      answered(status === STATUS.found ? frame.subarray(valueAt, at) : undefined);
    }
  }
}
