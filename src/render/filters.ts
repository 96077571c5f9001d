import { ipBytes, ipText } from '../base/address.ts';
import { CodedError } from '../base/errors.ts';
import { addressAndPort } from './values.ts';

/** Filters of templates beside those of Liquid: addresses, order, quoting. Pure functions; a wrong use is an error. */

/** Something with an address and tags, as templates hold members. */
interface HasAddress {
  readonly addr: string;
  readonly name: string;
}

/** Every filter, by the name templates use. */
export const FILTERS = {
  /** `fd00::7` → `[fd00::7]`; an IPv4 address or a name stays as it is. */
  bracket: (value: unknown): string => {
    const text = textOf(value);
    return text.includes(':') && !text.startsWith('[') ? `[${text}]` : text;
  },
  /** `addr | with_port: 80` → `10.0.0.7:80`, `[fd00::7]:80`. */
  with_port: (value: unknown, port: unknown): string => addressAndPort(textOf(value), textOf(port)),
  /** The members with an IPv4 address. */
  ipv4: (value: unknown): readonly HasAddress[] => listOf('ipv4', value).filter(({ addr }) => isV4(addr)),
  /** The members with an IPv6 address. */
  ipv6: (value: unknown): readonly HasAddress[] =>
    listOf('ipv6', value).filter(({ addr }) => addr.includes(':')),
  /** By address in the order of numbers, not of text: 10.0.0.9 before 10.0.0.10, IPv4 first. */
  sort_by_addr: (value: unknown): readonly HasAddress[] =>
    [...listOf('sort_by_addr', value)].sort(
      (a, b) => compareText(addressKey(a.addr), addressKey(b.addr)) || compareText(a.name, b.name),
    ),
  /** By a tag, then by name; members without it first. */
  sort_by_tag: (value: unknown, tag: unknown): readonly HasAddress[] =>
    [...listOf('sort_by_tag', value)].sort(
      (a, b) => compareText(tagOf(a, textOf(tag)), tagOf(b, textOf(tag))) || compareText(a.name, b.name),
    ),
  /** The members whose tag has this value; without a value, those that have the tag. */
  with_tag: (value: unknown, tag: unknown, wanted?: unknown): readonly HasAddress[] =>
    listOf('with_tag', value).filter((member) => {
      const found = tagOf(member, textOf(tag));
      return wanted === undefined ? found !== '' : found === textOf(wanted);
    }),
  /** Groups of members with the same value of a tag, each with `name` and `items`, in order of the value. */
  group_by_tag: (value: unknown, tag: unknown): readonly Group[] => groupBy(value, textOf(tag)),
  /** One word of a POSIX shell, whatever it holds. */
  shell_quote: (value: unknown): string => `'${textOf(value).replaceAll("'", `'\\''`)}'`,
  /** A JSON text with its quotes; also right in YAML, TOML and most quoted strings. */
  quote: (value: unknown): string => JSON.stringify(textOf(value)),
  /** Letters, digits, `_`, `.` and `-`; anything else becomes `_`. Two different texts may become one. */
  identifier: (value: unknown): string => textOf(value).replace(/[^A-Za-z0-9_.-]/g, '_'),
} as const satisfies Readonly<Record<string, (value: unknown, ...args: unknown[]) => unknown>>;

interface Group {
  readonly name: string;
  readonly items: readonly HasAddress[];
}

function groupBy(value: unknown, tag: string): readonly Group[] {
  const groups = new Map<string, HasAddress[]>();
  for (const member of listOf('group_by_tag', value)) {
    const name = tagOf(member, tag);
    const items = groups.get(name);
    if (items === undefined) groups.set(name, [member]);
    else items.push(member);
  }
  return [...groups].map(([name, items]) => ({ name, items })).sort((a, b) => compareText(a.name, b.name));
}

function listOf(filter: string, value: unknown): readonly HasAddress[] {
  if (Array.isArray(value) && value.every((item) => typeof item === 'object' && item !== null)) return value;
  throw new CodedError('ERR_TEMPLATE', `filter '${filter}' takes a list of members`);
}

function tagOf(member: HasAddress, tag: string): string {
  const tags = 'tags' in member ? (member.tags as Readonly<Record<string, string | null>>) : {};
  return tags[tag] ?? '';
}

function textOf(value: unknown): string {
  if (value === undefined || value === null) return '';
  if (typeof value === 'object')
    throw new CodedError('ERR_TEMPLATE', 'a text was wanted, not a list or object');
  return String(value);
}

function isV4(addr: string): boolean {
  return addr !== '' && !addr.includes(':');
}

/** A text that sorts as the address does. */
function addressKey(addr: string): string {
  const bytes = ipBytes(addr);
  if (bytes === undefined) return '';
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  return `${ipText(bytes)?.includes(':') ? 6 : 4}${hex}`;
}

function compareText(a: string, b: string): number {
  return a === b ? 0 : a < b ? -1 : 1;
}
