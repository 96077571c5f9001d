import { NO_BYTES } from '../base/bytes.ts';
import { WireError } from '../base/errors.ts';
import { MEMBER_EVENT_TYPES } from '../events/event.ts';
import type { KeyReport, QueryRecord, WireCoordinate } from './backend.ts';
import {
  boolField,
  bytesField,
  counterField,
  type Fields,
  fieldsOf,
  floatField,
  integerField,
  listField,
  structField,
  textField,
  textMapField,
  textOf,
  textsField,
} from './fields.ts';
import { membersField } from './member-body.ts';
import { GAP_EVENT, type StreamedEvent } from './protocol.ts';

/** What an agent sends a client, read into values. Each throws a WireError that names the field. */

/** A record of an event stream. */
export function streamedEvent(fields: Fields): StreamedEvent {
  const type = textField(fields, 'Event');
  const common = (): { ltime: number; name: string; payload: Uint8Array | null } => ({
    ltime: counterField(fields, 'LTime'),
    name: textField(fields, 'Name'),
    payload: bytesField(fields, 'Payload'),
  });
  if (type === 'user') return { type, ...common(), coalesce: boolField(fields, 'Coalesce') };
  if (type === GAP_EVENT) return { type, dropped: counterField(fields, 'Dropped') };
  if (type === 'query') return { type, id: counterField(fields, 'ID'), ...common() };
  const memberType = MEMBER_EVENT_TYPES.find((known) => known === type);
  if (memberType === undefined) throw new WireError('ERR_RPC_FIELD', `Event '${type}' is of no known type`);
  return { type: memberType, members: membersField(fields) };
}

/** What a client reads of a query: its records, and last, if the agent tells, who gave no sign. */
export type ClientQueryRecord = QueryRecord | { readonly type: 'silent'; readonly names: readonly string[] };

/** The end of a query; `silent` names those that gave no sign, where the agent says so. */
export interface QueryOver {
  readonly type: 'over';
  readonly silent: readonly string[] | undefined;
}

/** A record of a query, its end included; undefined for what carries nothing. */
export function queryRecord(fields: Fields): QueryRecord | QueryOver | undefined {
  const type = textField(fields, 'Type');
  const from = textField(fields, 'From');
  if (type === 'done') {
    const silent = fields.has('Silent') ? textsField(fields, 'Silent') : undefined;
    return { type: 'over', silent };
  }
  // Around the deadline real agents may send records from nobody.
  if (from === '') return undefined;
  if (type === 'ack') return { type, from };
  if (type === 'response') return { type, from, payload: bytesField(fields, 'Payload') ?? NO_BYTES };
  throw new WireError('ERR_RPC_FIELD', `Type '${type}' is of no known query record`);
}

/** The answer to a key command. */
export function keyReport(fields: Fields, error: string): KeyReport {
  const keys = new Map<string, number>();
  for (const [key, nodes] of structField(fields, 'Keys')) keys.set(textOf(key, 'Keys'), Number(nodes));
  const report = {
    messages: textMapField(fields, 'Messages'),
    keys,
    numNodes: counterField(fields, 'NumNodes'),
    numErr: counterField(fields, 'NumErr'),
    numResp: counterField(fields, 'NumResp'),
  };
  return error === '' ? report : { ...report, error };
}

/** The answer to `get-coordinate`; undefined when the node is unknown. */
export function coordinateOf(fields: Fields): WireCoordinate | undefined {
  if (!boolField(fields, 'Ok')) return undefined;
  const coordinate = structField(fields, 'Coord');
  return {
    vec: listField(coordinate, 'Vec').map((item) => floatField(new Map([['Vec', item]]), 'Vec')),
    error: floatField(coordinate, 'Error'),
    adjustment: floatField(coordinate, 'Adjustment'),
    height: floatField(coordinate, 'Height'),
  };
}

/** The answer to `join`: how many agents were reached, and what may yet part us from them. */
export function joinReport(fields: Fields): { readonly count: number; readonly warnings: readonly string[] } {
  return {
    count: integerField(fields, 'Num', 0, 0x7fff_ffff),
    warnings: textsField(fields, 'Warnings'),
  };
}

/** The answer to `stats`. */
export function statGroups(fields: Fields): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const groups = new Map<string, ReadonlyMap<string, string>>();
  for (const [group, texts] of fields) {
    const name = textOf(group, 'stats');
    groups.set(name, textMapField(fieldsOf(new Map([[name, texts]]), 'stats'), name));
  }
  return groups;
}
