import { getSystemErrorMap } from 'node:util';
import type { DatagramFailure, StreamFailure } from '../base/machine.ts';

/** What the operating system's error codes mean to the protocol, and how Serf words them. */

const UNREACHABLE = new Set(['ENETUNREACH', 'EHOSTUNREACH', 'ENETDOWN', 'EHOSTDOWN']);

/** Texts operators and scripts know from Serf; other codes read as the operating system's own text. */
const TEXTS: ReadonlyMap<string, string> = new Map([
  ['EACCES', 'permission denied'],
  ['EADDRINUSE', 'address already in use'],
  ['EADDRNOTAVAIL', 'cannot assign requested address'],
  ['EAFNOSUPPORT', 'address family not supported by protocol'],
  ['EISDIR', 'is a directory'],
]);

/** The `code` of a system error, or '' for anything else. */
export function codeOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return typeof code === 'string' ? code : '';
}

/** Why a datagram did not leave. */
export function datagramFailure(code: string): DatagramFailure {
  if (UNREACHABLE.has(code)) return 'unreachable';
  return code === 'ECONNREFUSED' ? 'refused' : 'local';
}

/** Why a stream broke; before it was open everything but a refusal means the far end could not be reached. */
export function streamFailure(code: string, wasOpen: boolean): StreamFailure {
  if (wasOpen) return 'reset';
  return code === 'ECONNREFUSED' ? 'refused' : code === 'ECONNRESET' ? 'reset' : 'unreachable';
}

/** `address already in use` for EADDRINUSE, and so on. */
export function systemText(error: unknown): string {
  const code = codeOf(error);
  const known = TEXTS.get(code);
  if (known !== undefined) return known;
  for (const [name, text] of getSystemErrorMap().values()) if (name === code) return text;
  return error instanceof Error ? error.message : String(error);
}
