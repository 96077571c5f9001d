import { chmodSync, existsSync, lstatSync, unlinkSync } from 'node:fs';
import { createConnection, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { CodedError, messageOf } from '../base/errors.ts';
import type { RpcAddress } from './protocol.ts';
import { addressText, systemErrorText } from './system-error.ts';

/** Only the owner may talk to the agent through its unix socket. */
const SOCKET_MODE = 0o600;

/** What `sun_path` holds on Linux and the BSDs' 103 below it; the system cuts longer paths silently. */
const MAX_SOCKET_PATH_BYTES = process.platform === 'linux' ? 107 : 103;

const EVERY_V4 = '0.0.0.0';

/** Errors that say: this host has no IPv6. */
const NO_V6 = ['EAFNOSUPPORT', 'EADDRNOTAVAIL', 'EINVAL'];

/** An agent that lives answers a connection at once; only a full backlog is slower. */
const PROBE_TIMEOUT_MS = 1000;

/**
 * Starts listening. A unix socket file left by a dead agent is replaced; one that answers is not. Throws a CodedError:
 * `ERR_RPC_IN_USE` when another process has the address, else `ERR_RPC_LISTEN`.
 */
export async function openListener(address: RpcAddress, onSocket: (socket: Socket) => void): Promise<Server> {
  // Half-open: a client may shut its side after the last request and still read every answer.
  const server = createServer({ allowHalfOpen: true, noDelay: true }, onSocket);
  if ('path' in address) {
    checkPath(address.path);
    await removeStaleSocket(address.path);
    await listenPrivately(server, address.path);
  } else {
    await listenOnHost(server, address);
  }
  return server;
}

/** As Go does, every IPv4 address means every address: IPv6 clients of the old agent come through the same port. */
async function listenOnHost(
  server: Server,
  address: { readonly host: string; readonly port: number },
): Promise<void> {
  const { host, port } = address;
  const on = (bound: string): Promise<void> =>
    listening(server, address, () => server.listen({ host: bound, port }));
  if (host !== EVERY_V4) return on(host);
  try {
    await on('::');
  } catch (error) {
    const { cause } = error as CodedError;
    if (!(cause instanceof Error && 'code' in cause && NO_V6.includes(String(cause.code)))) throw error;
    await on(host);
  }
}

async function listenPrivately(server: Server, path: string): Promise<void> {
  // The file is made inside listen(): with the right mode from its first moment, where a process may set its umask.
  const bind = (): void => {
    const umask = isMainThread ? process.umask(0o777 & ~SOCKET_MODE) : undefined;
    try {
      server.listen({ path });
    } finally {
      if (umask !== undefined) process.umask(umask);
    }
  };
  await listening(server, { path }, bind);
  chmodSync(path, SOCKET_MODE);
}

function listening(server: Server, address: RpcAddress, bind: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      server.off('listening', heard);
      reject(listenError(address, error));
    };
    const heard = (): void => {
      server.off('error', failed);
      resolve();
    };
    server.once('listening', heard);
    server.once('error', failed);
    bind();
  });
}

function listenError(address: RpcAddress, error: NodeJS.ErrnoException): CodedError {
  const code = error.code === 'EADDRINUSE' ? 'ERR_RPC_IN_USE' : 'ERR_RPC_LISTEN';
  const network = 'path' in address ? 'unix' : 'tcp';
  const text = `listen ${network} ${addressText(address)}: bind: ${systemErrorText(error)}`;
  return new CodedError(code, text, { cause: error });
}

/** What the system would report misleadingly, or not at all. */
function checkPath(path: string): void {
  let fault: string | undefined;
  if (Buffer.byteLength(path) > MAX_SOCKET_PATH_BYTES) {
    fault = `path is longer than ${MAX_SOCKET_PATH_BYTES} bytes; choose a shorter one`;
  } else if (!existsSync(dirname(path))) {
    fault = `no such directory; create ${dirname(path)} first`;
  }
  if (fault !== undefined) throw new CodedError('ERR_RPC_LISTEN', `listen unix ${path}: ${fault}`);
}

/** Removes the socket file of an agent that is gone. Anything else at `path` stays and is an error. */
async function removeStaleSocket(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) {
    throw new CodedError(
      'ERR_RPC_LISTEN',
      `listen unix ${path}: a file that is no socket is there; move it away`,
    );
  }
  if (!(await isAbandoned(path))) {
    throw new CodedError(
      'ERR_RPC_IN_USE',
      `listen unix ${path}: another process listens there; stop it or choose another path`,
    );
  }
  try {
    unlinkSync(path);
  } catch (error) {
    throw new CodedError('ERR_RPC_LISTEN', `cannot remove the stale socket ${path}: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/** True only when the system says that nobody listens. */
function isAbandoned(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ path });
    const settle = (abandoned: boolean): void => {
      socket.destroy();
      resolve(abandoned);
    };
    socket.setTimeout(PROBE_TIMEOUT_MS, () => settle(false));
    socket.once('connect', () => settle(false));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      settle(error.code === 'ECONNREFUSED' || error.code === 'ENOENT');
    });
  });
}
