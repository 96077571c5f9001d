import { CodedError, messageOf } from '../base/errors.ts';
import type { Metrics } from '../base/metrics.ts';
import type { TraceLevel } from '../base/trace.ts';
import type { RpcBackend } from '../rpc/backend.ts';
import type { RpcAddress } from '../rpc/protocol.ts';
import { RpcServer } from '../rpc/server.ts';
import { defaultSocketPath, prepareSocketDirectory, type SocketEnvironment } from '../rpc/socket-path.ts';
import { readPort, splitHostPort } from './config/address.ts';
import type { AgentSettings } from './config/settings.ts';
import { ownerOfPort } from './processes.ts';

export interface RpcStartOptions {
  readonly settings: AgentSettings;
  readonly backend: RpcBackend;
  /** `text` starts with its component. */
  readonly log: (level: TraceLevel, text: string) => void;
  readonly metrics: Metrics | undefined;
  readonly env: SocketEnvironment;
  readonly uid: number;
}

/**
 * Listens for RPC on TCP and on the unix socket. A socket that was asked for must work; the default one is a
 * convenience, and without it the agent says so and goes on.
 *
 * @throws CodedError with Serf's text, naming the process that has the port where that can be seen
 */
export async function startRpc(options: RpcStartOptions): Promise<RpcServer> {
  const { settings, env, uid, log } = options;
  const { values } = settings.config;
  const tcp = await failing(async () => tcpAddress(values.rpc_addr));
  const wanted = values.rpc_socket;
  const path =
    wanted === ''
      ? defaultSocketPath({ rpcAddress: values.rpc_addr, stateDir: values.state_dir, env, uid })
      : wanted;
  try {
    if (wanted === '') prepareSocketDirectory(path, uid);
    return await listen(options, [tcp, { path }]);
  } catch (error) {
    if (wanted !== '' || !concernsSocket(error, path)) throw startFailure(error, tcp);
    log('WARN', `agent.ipc: No unix socket: ${messageOf(error)}`);
  }
  return await failing(() => listen(options, [tcp]), tcp);
}

function listen(options: RpcStartOptions, listeners: readonly RpcAddress[]): Promise<RpcServer> {
  const { backend, settings, log, metrics } = options;
  const onMeasured = metrics && ((name: string) => metrics.count(name, 1));
  return RpcServer.listen({ backend, listeners, authKey: settings.rpcAuth, log, onMeasured });
}

function tcpAddress(text: string): { readonly host: string; readonly port: number } {
  try {
    const [host, port] = splitHostPort(text);
    return { host: host === '' ? '0.0.0.0' : host, port: readPort(port) };
  } catch (error) {
    throw new CodedError('ERR_RPC_LISTEN', `listen tcp: ${messageOf(error)}`, { cause: error });
  }
}

function concernsSocket(error: unknown, path: string): boolean {
  return (
    !(error instanceof CodedError) || error.code === 'ERR_SOCKET_DIRECTORY' || error.message.includes(path)
  );
}

async function failing<T>(
  work: () => Promise<T>,
  tcp?: { readonly host: string; readonly port: number },
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw startFailure(error, tcp);
  }
}

function startFailure(error: unknown, tcp?: { readonly host: string; readonly port: number }): CodedError {
  const inUse = error instanceof CodedError && error.code === 'ERR_RPC_IN_USE';
  const owner =
    inUse && tcp !== undefined ? ownerOfPort({ ip: tcp.host, port: tcp.port }, ['tcp']) : undefined;
  const by = owner === undefined ? '' : ` (by ${owner})`;
  return new CodedError('ERR_START_RPC', `Error starting RPC listener: ${messageOf(error)}${by}`, {
    cause: error,
  });
}
