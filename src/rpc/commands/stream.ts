import { parseEventFilter } from '../../events/filter.ts';
import { textField } from '../fields.ts';
import { RPC_ERRORS } from '../protocol.ts';
import { MAX_STREAMS } from '../streams/table.ts';
import { type Command, refusal } from './command.ts';

/** Subscribes to events under the request's Seq. */
export const stream: Command = {
  run({ seq, streams }, body) {
    const filters = parseEventFilter(textField(body, 'Type'));
    if ('invalid' in filters) throw refusal(RPC_ERRORS.invalidFilter);
    if (streams.has(seq)) throw refusal(RPC_ERRORS.streamExists);
    if (streams.isFull) throw tooManyStreams();
    return { afterwards: () => streams.startEvents(seq, filters) };
  },
};

/** The refusal of one stream or query too many. */
export function tooManyStreams(): Error {
  return refusal(`Connection has ${MAX_STREAMS} streams and queries; stop one or open another connection`);
}
