/** What passes on a connection beside the messages of core: below the border of the machines. */
import type { ClientId, ContainerName, Incarnation, Message, PeerRole } from '@ostraca/core';

/** The first message of each side. */
export interface Hello {
  readonly type: 'hello';
  /** The range of protocol versions that the sender speaks, both ends included. */
  readonly protocolMin: number;
  readonly protocolMax: number;
  readonly role: PeerRole;
  /** A container's name or a tool's. */
  readonly name: ContainerName;
  /** Of a container or a catalog process; of a client its ClientId. */
  readonly incarnation: Incarnation | ClientId;
  /** Program and release, for people: `ostraca/0.1.0`. */
  readonly program: string;
}

/** The last message of a side that hangs up on purpose. */
export interface Goodbye {
  readonly type: 'goodbye';
  /** A number of ERROR_CODES. */
  readonly code: number;
  readonly reason: string;
}

export type WireMessage = Message | Hello | Goodbye;
export type WireMessageType = WireMessage['type'];
