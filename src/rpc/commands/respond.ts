import { NO_BYTES } from '../../base/bytes.ts';
import { bytesField, uint64Field } from '../fields.ts';
import { RPC_ERRORS } from '../protocol.ts';
import { type Command, refusal } from './command.ts';

/** Answers a query this connection was told of. Its id stays known until the deadline, so the backend says "already sent". */
export const respond: Command = {
  run({ backend, streams }, body) {
    const queryId = streams.pendingQuery(uint64Field(body, 'ID'));
    const payload = bytesField(body, 'Payload') ?? NO_BYTES;
    if (queryId === undefined) throw refusal(RPC_ERRORS.noPendingQuery);
    backend.respond(queryId, payload);
    return {};
  },
};
