/** How the messages of one turn become frames and come back: in the simulator as in production, by the real codec. */
import type { Message } from '@ostraca/core';

export interface FrameCodec {
  /** All messages of one turn to one connection, in as few frames as their limits allow. */
  encode(messages: readonly Message[]): Uint8Array[];
  decode(frame: Uint8Array): Message[];
}
