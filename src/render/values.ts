import { hostPort, ipText } from '../base/address.ts';
import type { MemberInfo } from '../events/event.ts';

/** What templates see. Objects here inherit nothing, so that a name is a value we put there or none at all. */

/** One member, in a template. */
export interface MemberValues {
  readonly name: string;
  readonly status: string;
  /** The IP, such as `10.0.0.7` or `fd00::7`; empty when a member announced none. */
  readonly addr: string;
  /** The IP as it stands in URLs and before ports: `10.0.0.7`, `[fd00::7]`. */
  readonly host: string;
  /** The gossip port. */
  readonly port: number;
  /** 4 or 6; 0 without an address. */
  readonly family: number;
  /** Is this the node the agent runs on? */
  readonly self: boolean;
  readonly tags: Readonly<Record<string, string | null>>;
}

/** Everything a template may name. */
export interface TemplateValues {
  readonly self: MemberValues;
  readonly members: readonly MemberValues[];
  readonly vars: Readonly<Record<string, string>>;
}

/** What a template is rendered for. */
export interface ValueSources {
  readonly self: MemberInfo;
  /** In the order the template sees them. */
  readonly members: readonly MemberInfo[];
  readonly vars: ReadonlyMap<string, string>;
}

/** The values of one render; a pure function of its argument. */
export function templateValues({ self, members, vars }: ValueSources): TemplateValues {
  return bare({
    self: memberValues(self, self.name),
    members: members.map((member) => memberValues(member, self.name)),
    vars: bare(Object.fromEntries(vars)),
  });
}

function memberValues(member: MemberInfo, self: string): MemberValues {
  const addr = ipText(member.addr) ?? '';
  return bare({
    name: member.name,
    status: member.status,
    addr,
    host: addr.includes(':') ? `[${addr}]` : addr,
    port: member.port,
    family: addr === '' ? 0 : addr.includes(':') ? 6 : 4,
    self: member.name === self,
    tags: tagValues(member.tags),
  });
}

/** `IP:PORT` with brackets where they are needed. */
export function addressAndPort(addr: string, port: string | number): string {
  return addr.startsWith('[') ? `${addr}:${port}` : `${hostPort({ ip: addr, port: 0 }).slice(0, -1)}${port}`;
}

/**
 * Tags, in order of their names. One that a member lacks is nothing, not an error: a member without a tag must not be
 * able to stop the file of everybody else.
 */
function tagValues(tags: ReadonlyMap<string, string>): Readonly<Record<string, string | null>> {
  const sorted = [...tags].sort(([a], [b]) => (a === b ? 0 : a < b ? -1 : 1));
  const values: Record<string, string | null> = bare(Object.fromEntries(sorted));
  return new Proxy(values, {
    get: (target, key) => (typeof key === 'string' ? (target[key] ?? null) : undefined),
    getOwnPropertyDescriptor: (target, key) =>
      Reflect.getOwnPropertyDescriptor(target, key) ??
      (typeof key === 'string'
        ? { configurable: true, enumerable: false, writable: true, value: null }
        : undefined),
  });
}

function bare<T extends object>(values: T): T {
  return Object.assign(Object.create(null) as object, values) as T;
}
