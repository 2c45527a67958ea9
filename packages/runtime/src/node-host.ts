import type { Machine } from '@ostraca/core';
import { type Host, type HostOptions, newHost } from './host.ts';
import type { Listener } from './listener.ts';
import { nodePlatform } from './node-platform.ts';
import { acceptedSocket } from './ws-socket.ts';

/** A host on Node.js. It listens to nobody until a listener is attached; it can dial. */
export function createHost<M extends Machine>(options: HostOptions<M>): Host<M> {
  return newHost(options, nodePlatform);
}

/** What comes in by `listener` is `host`'s from now on. */
export function attach(listener: Listener, host: Host): void {
  listener.onConnection(({ socket, stream, remote }) => host.accept(acceptedSocket(socket, stream), remote));
}
