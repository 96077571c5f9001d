import { lstatSync, mkdirSync, type Stats, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CodedError } from '../base/errors.ts';
import { makeDirectories } from '../base/make-directories.ts';

/** Where an agent's unix socket lies, and where a client on the same machine looks for it. */

/** The RPC address of an agent that was told nothing. */
export const DEFAULT_RPC_ADDRESS = '127.0.0.1:7373';

/** The name of the socket inside a state or runtime directory that belongs to one agent. */
const SOCKET_NAME = 'rpc.sock';

/** Directories of the shipped service unit, looked at by clients that were told nothing. */
const SERVICE_DIRECTORIES = ['/run/reeve', '/var/lib/reeve'] as const;

/** Only the owner may enter: what lets a client trust the socket it finds there. */
const PRIVATE_MODE = 0o700;
const OTHERS_MAY_WRITE = 0o022;

/** The environment a path is derived from; a subset of `process.env`. */
export interface SocketEnvironment {
  readonly RUNTIME_DIRECTORY?: string | undefined;
  readonly XDG_RUNTIME_DIR?: string | undefined;
}

/** What decides an agent's default socket path. */
export interface SocketOwner {
  /** The agent's RPC TCP address, `host:port`. */
  readonly rpcAddress: string;
  /** The agent's state directory; empty or absent for none. */
  readonly stateDir?: string | undefined;
  readonly env: SocketEnvironment;
  /** The numeric user id; -1 where the system has none. */
  readonly uid: number;
}

/**
 * The socket an agent listens on when `rpc_socket` is not set: inside its state directory, else inside the runtime
 * directory systemd gave it, else inside a directory of its user, named after its RPC address.
 */
export function defaultSocketPath(owner: SocketOwner): string {
  if (owner.stateDir !== undefined && owner.stateDir !== '') return join(owner.stateDir, SOCKET_NAME);
  const runtime = firstOf(owner.env.RUNTIME_DIRECTORY);
  if (runtime !== undefined) return join(runtime, SOCKET_NAME);
  return join(userDirectory(owner.env, owner.uid), socketName(owner.rpcAddress));
}

/**
 * The sockets a client tries, best first, when nothing names an agent: those of an agent of the same user on the
 * default RPC address, then those of the installed service. Only sockets whose directory nobody else can write to
 * are named, so that no other user can pose as the agent.
 */
export function socketCandidates(
  env: SocketEnvironment,
  uid: number,
  rpcAddress = DEFAULT_RPC_ADDRESS,
): string[] {
  const name = socketName(rpcAddress);
  const own = [userDirectory(env, uid), `/run/user/${uid}`, userDirectory({}, uid)]
    .map((directory) => join(directory, name))
    .filter((path) => isSocketIn(path, uid, (directory) => ownedOnlyBy(directory, uid)));
  if (rpcAddress !== DEFAULT_RPC_ADDRESS) return [...new Set(own)];
  // Their parents belong to root, so whoever owns them was appointed by root.
  const service = SERVICE_DIRECTORIES.map((directory) => join(directory, SOCKET_NAME)).filter((path) =>
    isSocketIn(path, 0, closedToOthers),
  );
  return [...new Set([...own, ...service])];
}

/**
 * Makes the directory of a socket if it is missing, for its owner alone.
 *
 * @throws CodedError `ERR_SOCKET_DIRECTORY` when another user owns it or may write to it
 */
export function prepareSocketDirectory(socketPath: string, uid: number): void {
  const directory = dirname(socketPath);
  makeDirectories(directory, (each) => mkdirSync(each, { mode: PRIVATE_MODE }));
  if (ownedOnlyBy(directoryAt(directory, uid), uid)) return;
  throw new CodedError(
    'ERR_SOCKET_DIRECTORY',
    `RPC socket directory '${directory}' must be a directory that belongs to this user and that no other user can write to; remove it or set rpc_socket`,
  );
}

/** What is there; a link counts for what it leads to where root or this user made it, as systemd does for DynamicUser. */
function directoryAt(path: string, uid: number): Stats {
  const stats = lstatSync(path);
  return stats.isSymbolicLink() && (stats.uid === 0 || stats.uid === uid) ? statSync(path) : stats;
}

function userDirectory(env: SocketEnvironment, uid: number): string {
  const runtime = env.XDG_RUNTIME_DIR;
  return runtime?.startsWith('/') ? runtime : `/tmp/reeve-${uid}`;
}

function socketName(rpcAddress: string): string {
  const at = rpcAddress.lastIndexOf(':');
  const host = at < 0 ? rpcAddress : rpcAddress.slice(0, at);
  const port = at < 0 ? '7373' : rpcAddress.slice(at + 1);
  const safe = (text: string): string => text.replace(/[^0-9A-Za-z.]/g, (char) => (char === ':' ? '_' : ''));
  return `reeve-${safe(host)}-${safe(port)}.sock`;
}

/** systemd lists several directories separated by colons; the first is the one named in the unit first. */
function firstOf(list: string | undefined): string | undefined {
  const first = list?.split(':')[0];
  return first === undefined || first === '' ? undefined : first;
}

function isSocketIn(path: string, uid: number, trusts: (directory: Stats) => boolean): boolean {
  try {
    return lstatSync(path).isSocket() && trusts(directoryAt(dirname(path), uid));
  } catch {
    return false;
  }
}

function ownedOnlyBy(directory: Stats, uid: number): boolean {
  return (uid < 0 || directory.uid === uid) && closedToOthers(directory);
}

function closedToOthers(directory: Stats): boolean {
  return directory.isDirectory() && (directory.mode & OTHERS_MAY_WRITE) === 0;
}
