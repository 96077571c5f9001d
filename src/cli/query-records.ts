import { messageOf } from '../base/errors.ts';
import type { QueryRequest } from '../rpc/backend.ts';
import type { ClientQueryRecord } from '../rpc/records.ts';
import { explained, failure } from './command.ts';
import type { AgentClient } from './connect.ts';
import { untilAborted } from './until-aborted.ts';

/** An agent ends a query at its deadline; one that has not said so this long after it is stuck. */
const GRACE_MS = 10_000;

/** The default deadline is the agent's secret; no cluster's is longer than this. */
const LONGEST_DEFAULT_MS = 120_000;

/** The longest a timer of this runtime can wait. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

const PREFIX = 'Error sending query';

/** Starts a query; its records come until it is over or `interrupted`. Fails when a stuck agent never ends it. */
export async function startQuery(
  client: AgentClient,
  request: QueryRequest,
  interrupted: AbortSignal,
): Promise<AsyncIterable<ClientQueryRecord>> {
  const records = await explained(PREFIX, client.query(request));
  return bounded(records, request.timeoutMs, interrupted);
}

async function* bounded(
  records: AsyncIterable<ClientQueryRecord>,
  timeoutMs: number,
  interrupted: AbortSignal,
): AsyncGenerator<ClientQueryRecord> {
  const longestMs = timeoutMs === 0 ? LONGEST_DEFAULT_MS : Math.max(timeoutMs, 0) + GRACE_MS;
  const late = AbortSignal.timeout(Math.min(longestMs, LONGEST_TIMER_MS));
  try {
    yield* untilAborted(records, AbortSignal.any([interrupted, late]));
  } catch (error) {
    throw failure(`${PREFIX}: ${messageOf(error)}`, error);
  }
  if (late.aborted && !interrupted.aborted) {
    throw failure(`${PREFIX}: the agent did not end the query within ${longestMs / 1000} s; look at its log`);
  }
}
