export { decodeFrame, encodedBytes, encodeFrame, encodeFrames } from './codec.ts';
export type { Goodbye, Hello, WireMessage, WireMessageType } from './hello.ts';
export { ProtocolError } from './protocol-error.ts';
export { agreeOnProtocol, PROTOCOL, type ProtocolRange } from './protocol-version.ts';
