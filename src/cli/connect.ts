import { CodedError, messageOf } from '../base/errors.ts';
import type { RpcClient } from '../rpc/client.ts';
import { RPC_ERRORS, type RpcAddress } from '../rpc/protocol.ts';
import { type Environment, failure } from './command.ts';

/** Finds the agent to talk to, and connects. */

/** What commands use of a connection; a test may bring another. */
export type AgentClient = Pick<
  RpcClient,
  | 'ask'
  | 'close'
  | 'coordinate'
  | 'event'
  | 'forceLeave'
  | 'join'
  | 'keys'
  | 'leave'
  | 'members'
  | 'membersFiltered'
  | 'monitor'
  | 'previewRenderer'
  | 'query'
  | 'renderers'
  | 'runRenderer'
  | 'stats'
  | 'stream'
  | 'updateTags'
>;

/** Dialling and the handshake; Serf's client gives up after as long. */
const CONNECT_TIMEOUT_MS = 10_000;

const PREFIX = 'Error connecting to Serf agent';

/** Who is asking: what the defaults are looked up by. */
export interface Caller {
  readonly env: Environment;
  /** Numeric user id; -1 where there is none. */
  readonly uid: number;
}

/**
 * Connects to the address given, else to that of the environment, else to the local socket of an agent, else to
 * 127.0.0.1:7373. A socket nobody listens on any more is passed over.
 *
 * @throws CodedError `ERR_COMMAND` with Serf's text
 */
export async function connectToAgent(address: string, authKey: string, caller: Caller): Promise<AgentClient> {
  const { env } = caller;
  // The name of this program goes first: both daemons may live on one host.
  const named = firstText(address, env['REEVE_RPC_ADDR'], env['SERF_RPC_ADDR']);
  const key = firstText(authKey, env['REEVE_RPC_AUTH'], env['SERF_RPC_AUTH']);
  const targets = named === '' ? await defaultTargets(caller) : [parseRpcAddress(named)];
  const { RpcClient: client } = await import('../rpc/client.ts');
  let last: unknown;
  for (const target of targets) {
    try {
      return await client.connect({ address: target, authKey: key, timeoutMs: CONNECT_TIMEOUT_MS });
    } catch (error) {
      if (!isUnreachable(error)) throw connectFailure(error, refusalStep(error));
      last = error;
    }
  }
  throw connectFailure(last, nextStep(address, env));
}

async function defaultTargets({ env, uid }: Caller): Promise<RpcAddress[]> {
  const { DEFAULT_RPC_ADDRESS, socketCandidates } = await import('../rpc/socket-path.ts');
  const sockets = socketCandidates(env, uid).map((path) => ({ path }));
  return [...sockets, parseRpcAddress(DEFAULT_RPC_ADDRESS)];
}

/** What to try when nobody answered. */
function nextStep(address: string, env: Environment): string {
  if (address !== '') return '; is an agent running there?';
  const variable = ['REEVE_RPC_ADDR', 'SERF_RPC_ADDR'].find((name) => firstText(env[name]) !== '');
  return variable === undefined
    ? "; start an agent with 'agent run', or say where it is with -rpc-addr"
    : `; the address comes from the environment variable ${variable}`;
}

/** What to do about an agent that answered and refused. */
function refusalStep(error: unknown): string {
  return messageOf(error) === RPC_ERRORS.invalidToken
    ? "; compare it with rpc_auth in the agent's configuration"
    : '';
}

function isUnreachable(error: unknown): boolean {
  return error instanceof CodedError && error.code === 'ERR_RPC_CONNECT';
}

function connectFailure(error: unknown, hint: string): CodedError {
  return failure(`${PREFIX}: ${messageOf(error)}${hint}`, error);
}

function firstText(...texts: readonly (string | undefined)[]): string {
  return texts.find((text) => text !== undefined && text !== '') ?? '';
}

/**
 * `HOST:PORT`, `[IPV6]:PORT`, `:PORT` for this host, or `unix:PATH`.
 *
 * @throws CodedError `ERR_COMMAND` with Go's text
 */
export function parseRpcAddress(text: string): RpcAddress {
  if (text.startsWith('unix:')) return { path: text.slice('unix:'.length).replace(/^\/\/(?=\/)/, '') };
  const parts = /^(?:\[([^\]]*)\]|([^:[\]]*)):([^:]*)$/.exec(text);
  if (parts === null) {
    const colons = text.replace(/^\[[^\]]*\]/, '').split(':').length - 1;
    const why = colons > 1 ? 'too many colons in address' : 'missing port in address';
    throw failure(`${PREFIX}: dial tcp: address ${text}: ${why}`);
  }
  const port = /^\d{1,5}$/.test(parts[3] ?? '') ? Number(parts[3]) : Number.NaN;
  if (!(port <= 65_535)) throw failure(`${PREFIX}: dial tcp: address ${text}: invalid port`);
  const host = parts[1] ?? parts[2] ?? '';
  return { host: host === '' ? '127.0.0.1' : host, port };
}
