import type { RpcClient } from './client.ts';
import { wireText } from './codec.ts';
import type {
  HandlerOutcomeRecord,
  HandlerRecord,
  HandlerRunRecord,
  HandlerTestRecord,
  HandlerTestRequest,
} from './handler-records.ts';

/** What a client asks about handlers. Real Serf answers `Unsupported command`. */

type Asking = Pick<RpcClient, 'ask'>;

/** Where every handler of the agent stands. */
export function listHandlers(client: Asking): Promise<readonly HandlerRecord[]> {
  return client.ask('handlers');
}

/** A handler's recorded runs, newest first; `limit` 0 for all there are. */
export function handlerLog(
  client: Asking,
  name: string,
  limit: number,
): Promise<readonly HandlerRunRecord[]> {
  return client.ask('handler-log', { Limit: limit, Name: wireText(name) });
}

/** Runs a handler once more; needs the unix socket or an RPC key. */
export function rerunHandler(client: Asking, name: string, run: number): Promise<HandlerOutcomeRecord> {
  return client.ask('handler-rerun', { Name: wireText(name), Run: run });
}

/** What a handler would do with an event; needs the unix socket or an RPC key. */
export function testHandler(client: Asking, request: HandlerTestRequest): Promise<HandlerTestRecord> {
  const { name, event, run, execute } = request;
  return client.ask('handler-test', {
    Event: wireText(event ?? ''),
    Execute: execute,
    Name: wireText(name),
    Run: run ?? 0,
  });
}

/** Lets a held handler or renderer go ahead once; needs the unix socket or an RPC key. */
export function approve(client: Asking, name: string): Promise<unknown> {
  return client.ask('approve', { Name: wireText(name) });
}
