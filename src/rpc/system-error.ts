import { hostPort } from '../base/address.ts';
import { messageOf } from '../base/errors.ts';
import type { RpcAddress } from './protocol.ts';

/** System errors in the words of Go programs, which operators' scripts look for. */

const TEXTS: Readonly<Record<string, string>> = {
  EADDRNOTAVAIL: 'cannot assign requested address',
  EHOSTUNREACH: 'no route to host',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'temporary failure in name resolution',
  ETIMEDOUT: 'connection timed out',
};

/** `connection refused`, `no such file or directory`, `permission denied`, … */
export function systemErrorText(error: NodeJS.ErrnoException): string {
  const known = error.code === undefined ? undefined : TEXTS[error.code];
  if (known !== undefined) return known;
  const entry = error.errno === undefined ? undefined : systemErrors().get(error.errno);
  return entry?.[1] ?? messageOf(error);
}

/** Looked up when needed: importing the module would cost every start of a command, and most meet no error. */
function systemErrors(): ReadonlyMap<number, readonly [name: string, text: string]> {
  return process.getBuiltinModule('node:util').getSystemErrorMap();
}

/** `127.0.0.1:7373`, `[::1]:7373` or the socket's path. */
export function addressText(address: RpcAddress): string {
  return 'path' in address ? address.path : hostPort({ ip: address.host, port: address.port });
}
