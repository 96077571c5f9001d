import { MEMBER_EVENT_TYPES } from '../events/event.ts';
import { usageError } from './command.ts';

/** An event written on a command line. */
export type WrittenEvent = { readonly run: number } | { readonly event: string };

/**
 * Reads `user:NAME[=PAYLOAD]`, `query:NAME[=PAYLOAD]`, `member-join[=NODE,…]`, `run:ID` for a recorded one, or the event
 * as JSON.
 */
export function writtenEvent(text: string): WrittenEvent {
  if (text.startsWith('{')) return { event: text };
  const equals = text.indexOf('=');
  const head = equals < 0 ? text : text.slice(0, equals);
  const rest = equals < 0 ? '' : text.slice(equals + 1);
  const colon = head.indexOf(':');
  const type = colon < 0 ? head : head.slice(0, colon);
  const name = colon < 0 ? '' : head.slice(colon + 1);
  if (type === 'run' && /^\d{1,15}$/.test(name)) return { run: Number(name) };
  if ((type === 'user' || type === 'query') && name !== '') {
    return { event: JSON.stringify({ event: type, name, ltime: 1, payload: rest }) };
  }
  if (MEMBER_EVENT_TYPES.some((known) => known === text || known === head)) {
    const names = rest === '' ? [] : rest.split(',');
    return { event: JSON.stringify({ event: head, names }) };
  }
  throw usageError(
    `'${text}' is no event: write user:NAME=PAYLOAD, query:NAME=PAYLOAD, member-join=NODE, run:ID, or JSON`,
  );
}
