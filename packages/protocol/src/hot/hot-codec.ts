import type { WireMessage, WireMessageType } from '../hello.ts';
import type { FrameReader } from './frame-reader.ts';
import type { FrameWriter } from './frame-writer.ts';

/**
 * One message by hand. The three walk the same fields in the order of their numbers, and stand side by side; tests
 * hold them to the contract.
 */
export interface HotCodec<M extends WireMessage = WireMessage> {
  readonly type: WireMessageType;
  /** Of its field in the envelope. */
  readonly number: number;
  /** Of its fields, so without its own length. Leaves the counts of the messages inside with the writer. */
  count(message: M, writer: FrameWriter): number;
  /**
   * Writes as many bytes as were counted just before.
   *
   * @throws {UnsendableError}
   */
  put(message: M, writer: FrameWriter): void;
  /**
   * Reads the fields up to `end`, into an object whose fields are always the same in the same order.
   *
   * @throws {ProtocolError}
   */
  take(reader: FrameReader, end: number): M;
}
