import { CodedError } from '../base/errors.ts';
import type { KeyRequest } from '../serf/key-manager.ts';
import { plainQuery, type QueryParams } from '../serf/query-params.ts';

/**
 * Checks of what a program hands to the library. Plain JavaScript has no compiler that would refuse a wrong type, and
 * inside the machine one would pass for a broken invariant and end the node.
 */

const UNTIL: readonly string[] = ['deadline', 'acks', 'responses'] satisfies readonly QueryParams['until'][];
const ACTIONS: readonly string[] = [
  'install',
  'use',
  'remove',
  'list',
] satisfies readonly KeyRequest['action'][];

/** @throws CodedError `ERR_ARGUMENT` unless it is a text */
export function text(what: string, value: string): string {
  return typeof value === 'string' ? value : refuse(what, 'a text', value);
}

/** @throws CodedError `ERR_ARGUMENT` unless it is a list of texts */
export function texts(what: string, value: readonly string[]): readonly string[] {
  const fits = Array.isArray(value) && value.every((one) => typeof one === 'string');
  return fits ? value : refuse(what, 'a list of texts', value);
}

/** @throws CodedError `ERR_ARGUMENT` unless it is bytes */
export function bytes(what: string, value: Uint8Array): Uint8Array {
  return value instanceof Uint8Array ? value : refuse(what, 'bytes (for a text, Buffer.from(text))', value);
}

/** @throws CodedError `ERR_ARGUMENT` unless it is a Map of texts */
export function tags(what: string, value: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const fits =
    value instanceof Map &&
    [...value].every(([tag, one]) => typeof tag === 'string' && typeof one === 'string');
  return fits ? value : refuse(what, 'a Map of texts (for an object, new Map(Object.entries(tags)))', value);
}

/** @throws CodedError `ERR_ARGUMENT` unless it is a number, which NaN is not */
export function number(what: string, value: number): number {
  return typeof value === 'number' && !Number.isNaN(value) ? value : refuse(what, 'a number', value);
}

/**
 * The query with its defaults; what is undefined counts as left out.
 *
 * @throws CodedError `ERR_ARGUMENT` naming the field
 */
export function query(asked: { readonly name: string } & Partial<QueryParams>): QueryParams {
  if (typeof asked !== 'object' || asked === null) refuse('query', 'an object with a name', asked);
  const plain = plainQuery(text('query.name', asked.name), null);
  const { payload, until = plain.until } = asked;
  return {
    ...plain,
    payload: payload === undefined || payload === null ? null : bytes('query.payload', payload),
    filterNodes: texts('query.filterNodes', asked.filterNodes ?? plain.filterNodes),
    filterTags: tags('query.filterTags', asked.filterTags ?? plain.filterTags),
    requestAck: asked.requestAck === true,
    relayFactor: number('query.relayFactor', asked.relayFactor ?? plain.relayFactor),
    timeoutMs: number('query.timeoutMs', asked.timeoutMs ?? plain.timeoutMs),
    until: UNTIL.includes(until) ? until : refuse('query.until', `one of ${UNTIL.join(', ')}`, until),
  };
}

/** @throws CodedError `ERR_ARGUMENT` naming the field */
export function keyRequest(request: KeyRequest): KeyRequest {
  if (typeof request !== 'object' || request === null) refuse('request', 'an object with an action', request);
  const { action, key } = request;
  if (!ACTIONS.includes(action)) refuse('request.action', `one of ${ACTIONS.join(', ')}`, action);
  if (action !== 'list') text('request.key', key ?? '');
  return request;
}

/** Throws ERR_ARGUMENT: what must be what, and what it is. */
export function refuse(what: string, expected: string, value: unknown): never {
  throw new CodedError('ERR_ARGUMENT', `${what} must be ${expected}, not ${shown(value)}`);
}

function shown(value: unknown): string {
  if (value === null || value === undefined || Number.isNaN(value)) return String(value);
  if (typeof value !== 'object') return `a ${typeof value}`;
  const { constructor: made } = value as { readonly constructor?: { readonly name?: unknown } };
  return typeof made?.name === 'string' ? `an object of type ${made.name}` : 'an object';
}
