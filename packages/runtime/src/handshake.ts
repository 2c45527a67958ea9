/**
 * Below the machine: who is there, and do we understand each other? Each side says Hello as soon as the socket is
 * open, and nothing else before it has read the other's. A Goodbye says why a connection ends; a code of
 * ERROR_CODES in it becomes a prefix of the reason that the machine hears, so that it can tell by
 * `hasCode(reason, 'protocol_version')` without reading prose.
 */
import { ERROR_CODES, type ErrorCode, type Peer, type PeerRole } from '@ostraca/core';
import { agreeOnProtocol, type Goodbye, type Hello, PROTOCOL } from '@ostraca/protocol';

/** Who we are to every peer of a host. */
export interface Self {
  readonly role: PeerRole;
  readonly name: string;
  /** An incarnation of a container or a catalog, a client id of a client or a tool. */
  readonly incarnation: string;
  /** Name and version of the program, for people; default `ostraca`. */
  readonly program?: string;
  /** Protocol versions that we speak; default PROTOCOL. Tests play an older or newer program with it. */
  readonly protocol?: { readonly min: number; readonly max: number };
}

export function helloOf(self: Self): Hello {
  const { min, max } = self.protocol ?? PROTOCOL;
  return {
    type: 'hello',
    protocolMin: min,
    protocolMax: max,
    role: self.role,
    name: self.name,
    incarnation: self.incarnation,
    program: self.program ?? 'ostraca',
  };
}

export function peerOf(hello: Hello): Peer {
  return { role: hello.role, name: hello.name, incarnation: hello.incarnation };
}

/** Undefined: they agree. Otherwise the reason, with its code in front, to hang up with. */
export function disagreement(self: Self, hello: Hello): string | undefined {
  const own = self.protocol ?? PROTOCOL;
  if (agreeOnProtocol(own, { min: hello.protocolMin, max: hello.protocolMax }) !== undefined) return undefined;
  const theirs = `${hello.role} ${hello.name} speaks ${hello.protocolMin} to ${hello.protocolMax}`;
  return withCode('protocol_version', `${self.role} ${self.name} speaks ${own.min} to ${own.max}, ${theirs}`);
}

export function withCode(code: ErrorCode, reason: string): string {
  return `${code}: ${reason}`;
}

export function hasCode(reason: string, code: ErrorCode): boolean {
  return reason.startsWith(`${code}: `);
}

/** A code in front of the reason travels as its number; 0 stands for none. */
export function goodbyeOf(reason: string): Goodbye {
  const code = (Object.keys(ERROR_CODES) as ErrorCode[]).find((each) => hasCode(reason, each));
  if (code === undefined) return { type: 'goodbye', code: 0, reason };
  return { type: 'goodbye', code: ERROR_CODES[code].number, reason: reason.slice(code.length + 2) };
}

export function reasonOf(goodbye: Goodbye): string {
  const code = (Object.keys(ERROR_CODES) as ErrorCode[]).find((each) => ERROR_CODES[each].number === goodbye.code);
  return code === undefined ? goodbye.reason : withCode(code, goodbye.reason);
}
