import { hostPort, ipText } from '../base/address.ts';
import { textOfBytes } from '../base/bytes.ts';
import type { MemberInfo } from '../events/event.ts';
import type { StreamedEvent } from '../rpc/protocol.ts';
import type { Json } from './format.ts';
import { memberJson } from './members-table.ts';
import { payloadJson } from './payload-json.ts';

/** Events as `monitor` shows them. */

/** One event as an object of one line; `type` is the name of the event, or `gap` for events that were lost. */
export function eventJson(event: StreamedEvent): Json {
  switch (event.type) {
    case 'gap':
      return { type: 'gap', source: 'events', dropped: event.dropped };
    case 'user':
      return { type: 'user', ...namedJson(event), coalesce: event.coalesce };
    case 'query':
      return { type: 'query', id: event.id, ...namedJson(event) };
    default:
      return { type: event.type, members: event.members.map(memberJson) };
  }
}

interface Named {
  readonly ltime: number;
  readonly name: string;
  readonly payload: Uint8Array | null;
}

function namedJson({ ltime, name, payload }: Named): { readonly [key: string]: Json } {
  return { ltime, name, ...payloadJson(payload) };
}

/** One event as a block of lines, as Serf lays it out; values are JSON rather than Go. */
export function eventText(event: StreamedEvent): string {
  return ['Event Info:', ...fields(event).map(([key, value]) => `\t${key}: ${value}`)].join('\n');
}

function fields(event: StreamedEvent): readonly (readonly [string, string])[] {
  const kind = ['Event', JSON.stringify(event.type)] as const;
  switch (event.type) {
    case 'gap':
      return [kind, ['Dropped', String(event.dropped)]];
    case 'user':
      return [kind, ...named(event), ['Coalesce', String(event.coalesce)]];
    case 'query':
      return [kind, ['ID', String(event.id)], ...named(event)];
    default:
      return [kind, ['Members', `[${event.members.map(memberText).join(', ')}]`]];
  }
}

function named({ ltime, name, payload }: Named): readonly (readonly [string, string])[] {
  return [
    ['LTime', String(ltime)],
    ['Name', JSON.stringify(name)],
    ['Payload', payload === null ? '<nil>' : JSON.stringify(textOfBytes(payload))],
  ];
}

function memberText(member: MemberInfo): string {
  const addr = hostPort({ ip: ipText(member.addr) ?? '', port: member.port });
  return JSON.stringify({
    name: member.name,
    addr,
    status: member.status,
    tags: Object.fromEntries(member.tags),
  });
}
