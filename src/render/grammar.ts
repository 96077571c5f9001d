import { RE2JS } from 're2js';
import { ipBytes, ipText } from '../base/address.ts';
import { CodedError, messageOf } from '../base/errors.ts';
import type { MemberInfo } from '../events/event.ts';

/**
 * What a field of a member may hold before it gets into a file. Tags and names come from other machines; a value that
 * does not fit its grammar keeps its member out of the file, and is never rewritten into something that would.
 */

/** Longer values fit no grammar; tags as a whole have 512 bytes. */
const LONGEST_VALUE = 512;

const LABEL = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/i;

/** Names that programs take for this very host or a special group, whatever a hosts file says. */
const RESERVED =
  /^(?:localhost[46]?|loopback|broadcasthost|ip6-.*)(?:\.localdomain[46]?)?$|\.localhost$|^localdomain[46]?$/i;

interface Grammar {
  readonly means: string;
  readonly test: (text: string) => boolean;
}

/** Grammars by the names configurations use. */
export const GRAMMARS = {
  hostname: {
    means: "a host name (letters, digits, '-' and '.'; not localhost or its kin)",
    test: (text) => isHostName(text) && !RESERVED.test(text),
  },
  ip: { means: 'an IP address of a host', test: (text) => isHostIp(text) },
  ipv4: { means: 'an IPv4 address of a host', test: (text) => isHostIp(text) && !text.includes(':') },
  ipv6: { means: 'an IPv6 address of a host', test: (text) => isHostIp(text) && text.includes(':') },
  port: {
    means: 'a port (1 to 65535)',
    test: (text) => /^[1-9]\d{0,4}$/.test(text) && Number(text) <= 65_535,
  },
  integer: { means: 'a whole number', test: (text) => /^(?:0|[1-9]\d{0,14})$/.test(text) },
  word: { means: "letters, digits, '_' and '-'", test: (text) => /^[A-Za-z0-9_-]+$/.test(text) },
  name: {
    means: "letters, digits, '_', '-', '.' and ':'",
    test: (text) => /^[A-Za-z0-9_][A-Za-z0-9_.:-]*$/.test(text),
  },
  path: {
    means: "an absolute path of letters, digits, '_', '-', '.' and '/', without '..'",
    test: (text) => /^(?:\/[A-Za-z0-9_.-]+)+\/?$|^\/$/.test(text) && !/(?:^|\/)\.\.(?:\/|$)/.test(text),
  },
  line: { means: 'one line of printable text', test: (text) => /^[^\p{C}\p{Zl}\p{Zp}]+$/u.test(text) },
} as const satisfies Readonly<Record<string, Grammar>>;

/** A field and the grammar its value has to fit. */
export interface FieldRule {
  /** `name`, `addr`, `status`, `port` or `tags.NAME`. */
  readonly field: string;
  /** A member without the tag is listed all the same. */
  readonly optional: boolean;
  readonly means: string;
  readonly test: (text: string) => boolean;
}

const FIELDS = ['name', 'addr', 'status', 'port'];

/**
 * Reads `fields` of a configuration: the field, with `?` behind it when it may be missing, and the name of a grammar or
 * a regular expression between slashes that the whole value must match.
 *
 * @throws CodedError `ERR_RENDERER` naming the field
 */
export function fieldRules(fields: ReadonlyMap<string, string>): readonly FieldRule[] {
  return [...fields].map(([key, text]) => {
    const optional = key.endsWith('?');
    const field = optional ? key.slice(0, -1) : key;
    if (!FIELDS.includes(field) && !/^tags\../.test(field)) {
      throw new CodedError(
        'ERR_RENDERER',
        `fields: '${field}' is no field of a member; write ${FIELDS.join(', ')} or tags.NAME`,
      );
    }
    return { field, optional, ...grammarOf(field, text) };
  });
}

/**
 * The grammar that a text of the configuration names, for a value of any kind.
 *
 * @param what whose grammar it is, for messages
 * @throws CodedError `ERR_RENDERER`
 */
export function valueRule(what: string, text: string): Pick<FieldRule, 'means' | 'test'> {
  return grammarOf(what, text);
}

function grammarOf(field: string, text: string): Pick<FieldRule, 'means' | 'test'> {
  if (Object.hasOwn(GRAMMARS, text)) return GRAMMARS[text as keyof typeof GRAMMARS];
  const expression = /^\/(.+)\/$/s.exec(text)?.[1];
  if (expression === undefined) {
    const known = Object.keys(GRAMMARS).join(', ');
    throw new CodedError(
      'ERR_RENDERER',
      `fields: '${text}' of '${field}' is no grammar; write one of ${known}, or /REGEXP/`,
    );
  }
  try {
    const compiled = RE2JS.compile(expression);
    return { means: `what matches ${text}`, test: (value) => compiled.matches(value) };
  } catch (error) {
    throw new CodedError(
      'ERR_RENDERER',
      `fields: ${text} of '${field}' is no regular expression: ${messageOf(error)}`,
      { cause: error },
    );
  }
}

/** Why a member stays out, or undefined when all its fields fit. The value is shown as JSON, cut short. */
export function misfit(rules: readonly FieldRule[], member: MemberInfo): string | undefined {
  for (const { field, optional, means, test } of rules) {
    const value = fieldOf(member, field);
    if (value === undefined && optional) continue;
    if (value === undefined) return `it has no ${field}`;
    if (value.length > LONGEST_VALUE || !test(value)) {
      return `${field} is ${JSON.stringify(value.slice(0, 60))}, which is not ${means}`;
    }
  }
  return undefined;
}

/** The value a template would show; undefined for a tag that is not there. */
export function fieldOf(member: MemberInfo, field: string): string | undefined {
  if (field.startsWith('tags.')) return member.tags.get(field.slice('tags.'.length));
  switch (field) {
    case 'addr':
      return ipText(member.addr) ?? '';
    case 'port':
      return String(member.port);
    case 'status':
      return member.status;
    default:
      return member.name;
  }
}

function isHostName(text: string): boolean {
  const labels = text.split('.');
  if (text.length > 253 || !labels.every((label) => LABEL.test(label))) return false;
  // A last label of digits alone makes an address of it.
  return !/^\d+$/.test(labels.at(-1) ?? '');
}

function isHostIp(text: string): boolean {
  // A zone is a matter of one host.
  const bytes = text.includes('%') ? undefined : ipBytes(text);
  return bytes?.some((byte) => byte !== 0) === true;
}
