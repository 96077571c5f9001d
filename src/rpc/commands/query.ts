import { QUERY_UNTIL, type QueryUntil } from '../backend.ts';
import {
  boolField,
  bytesField,
  int64Field,
  integerField,
  textField,
  textMapField,
  textsField,
} from '../fields.ts';
import { INTERNAL_QUERY_PREFIX, PING_QUERY, RPC_ERRORS } from '../protocol.ts';
import { type Command, refusal } from './command.ts';
import { tooManyStreams } from './stream.ts';

const NANOSECONDS_PER_MS = 1e6;

/**
 * Asks the cluster; acks and answers follow as records of the request's Seq until `done`. That comes at the deadline,
 * unless the request has an `Until`, which is our own: real agents skip it.
 */
export const query: Command = {
  run({ backend, seq, streams }, body) {
    const name = textField(body, 'Name');
    const payload = bytesField(body, 'Payload');
    const request = {
      name,
      payload,
      filterNodes: textsField(body, 'FilterNodes'),
      filterTags: textMapField(body, 'FilterTags'),
      requestAck: boolField(body, 'RequestAck'),
      relayFactor: integerField(body, 'RelayFactor', 0, 0xff),
      timeoutMs: Number(int64Field(body, 'Timeout')) / NANOSECONDS_PER_MS,
      until: untilOf(textField(body, 'Until')),
    };
    const isPing = name === PING_QUERY && payload === null;
    if (name.startsWith(INTERNAL_QUERY_PREFIX) && !isPing) throw refusal(RPC_ERRORS.internalQuery);
    if (streams.isFull) throw tooManyStreams();
    const records = backend.query(request);
    return { afterwards: () => streams.startQuery(seq, records, request.until !== undefined) };
  },
};

function untilOf(text: string): QueryUntil | undefined {
  if (text === '') return undefined;
  const until = QUERY_UNTIL.find((known) => known === text);
  if (until === undefined) throw refusal(`Unknown query end '${text}': give ${QUERY_UNTIL.join(' or ')}`);
  return until;
}
