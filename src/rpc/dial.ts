import { createConnection, type Socket } from 'node:net';
import { hostPort } from '../base/address.ts';
import { CodedError } from '../base/errors.ts';
import type { RpcAddress } from './protocol.ts';
import { addressText, systemErrorText } from './system-error.ts';

/**
 * Connects, or throws `ERR_RPC_CONNECT` with the text a Go client prints: `dial tcp 127.0.0.1:7373: connect:
 * connection refused`. `signal` ends the attempt with its own reason.
 */
export function dial(address: RpcAddress, timeoutMs: number, signal?: AbortSignal): Promise<Socket> {
  signal?.throwIfAborted();
  return new Promise((resolve, reject) => {
    const socket =
      'path' in address
        ? createConnection({ path: address.path })
        : createConnection({ host: address.host, port: address.port, noDelay: true });
    const settle = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', abort);
      socket.removeAllListeners('connect');
      socket.removeAllListeners('error');
    };
    const fail = (error: unknown): void => {
      settle();
      socket.on('error', () => undefined);
      socket.destroy();
      reject(error);
    };
    const abort = (): void => fail(signal?.reason);
    const timer = setTimeout(() => fail(connectError(`${target(address)}: i/o timeout`)), timeoutMs);
    signal?.addEventListener('abort', abort, { once: true });
    socket.once('error', (error) => fail(dialError(address, error)));
    socket.once('connect', () => {
      settle();
      resolve(socket);
    });
  });
}

function target(address: RpcAddress): string {
  return `dial ${'path' in address ? 'unix' : 'tcp'} ${addressText(address)}`;
}

interface SystemError extends NodeJS.ErrnoException {
  readonly address?: string;
  readonly port?: number;
}

/** A name with several addresses fails with one error each; the first speaks for all. */
function dialError(address: RpcAddress, error: Error): CodedError {
  const first: SystemError = error instanceof AggregateError ? error.errors[0] : error;
  if (first.syscall === 'getaddrinfo' && 'host' in address) {
    return connectError(`dial tcp: lookup ${address.host}: ${systemErrorText(first)}`, error);
  }
  const isTcp = 'host' in address && first.address !== undefined && first.port !== undefined;
  const where = isTcp
    ? `dial tcp ${hostPort({ ip: `${first.address}`, port: Number(first.port) })}`
    : target(address);
  return connectError(`${where}: connect: ${systemErrorText(first)}`, error);
}

function connectError(text: string, cause?: Error): CodedError {
  return new CodedError('ERR_RPC_CONNECT', text, cause === undefined ? undefined : { cause });
}
