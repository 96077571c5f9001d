import { readFileSync } from 'node:fs';
import { ipBytes } from '../base/address.ts';
import { CodedError, messageOf } from '../base/errors.ts';
import type { MemberInfo, MemberStatus } from '../events/event.ts';

/** Members in a file, as `members -format=json` prints them. */

/** A member list is a few hundred bytes for each member. */
const LARGEST_MEMBERS_BYTES = 64 << 20;

const STATUSES = ['none', 'alive', 'leaving', 'left', 'failed'] as const satisfies readonly MemberStatus[];

/**
 * The members of a file: an object with `members`, or the list itself.
 *
 * @throws CodedError `ERR_MEMBERS_FILE` naming the member and the field
 */
export function readMembers(path: string): readonly MemberInfo[] {
  const wrong = (why: string, cause?: unknown): CodedError =>
    new CodedError('ERR_MEMBERS_FILE', `${path}: ${why}`, { cause });
  let value: unknown;
  try {
    const bytes = readFileSync(path);
    if (bytes.length > LARGEST_MEMBERS_BYTES) throw new Error(`larger than ${LARGEST_MEMBERS_BYTES} bytes`);
    value = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw wrong(messageOf(error), error);
  }
  return membersOf(value, wrong);
}

/**
 * The members of a value that was read: an object with `members`, or the list itself.
 *
 * @param wrong makes the error from what is wrong
 */
export function membersOf(value: unknown, wrong: (why: string) => CodedError): readonly MemberInfo[] {
  const list: unknown = Array.isArray(value) ? value : fieldsOf(value)['members'];
  // Serf writes null for a list without entries.
  if (list === null) return [];
  if (!Array.isArray(list)) throw wrong("it holds no list 'members'; write it with 'members -format=json'");
  return list.map((entry: unknown, index) => memberOf(entry, (why) => wrong(`members[${index}]: ${why}`)));
}

function memberOf(entry: unknown, wrong: (why: string) => CodedError): MemberInfo {
  const fields = fieldsOf(entry);
  const { name, addr, status = 'alive', tags = {}, port } = fields;
  if (typeof name !== 'string') throw wrong("'name' must be a text");
  if (typeof addr !== 'string') throw wrong("'addr' must be a text, such as 10.0.0.7:7946");
  const [, v6, v4, suffix] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(addr) ?? [];
  const host = v6 ?? v4 ?? addr;
  const bytes = host === '' ? new Uint8Array(0) : ipBytes(host);
  if (bytes === undefined) throw wrong(`'addr' is ${JSON.stringify(addr)}, which is no address`);
  const known = STATUSES.find((one) => one === status);
  if (known === undefined) throw wrong(`'status' must be one of ${STATUSES.join(', ')}`);
  const texts = Object.entries(fieldsOf(tags));
  if (texts.some(([, text]) => typeof text !== 'string')) throw wrong("'tags' must be an object of texts");
  return {
    ...nobody(name),
    addr: bytes,
    port: typeof port === 'number' ? port : Number(suffix ?? 0),
    tags: new Map(texts as [string, string][]),
    status: known,
  };
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

/** A node of which only the name is known. */
export function nobody(name: string): MemberInfo {
  return {
    name,
    addr: new Uint8Array(0),
    port: 0,
    tags: new Map(),
    status: 'none',
    protocolMin: 0,
    protocolMax: 0,
    protocolCur: 0,
    delegateMin: 0,
    delegateMax: 0,
    delegateCur: 0,
  };
}
