import { ipText } from '../base/address.ts';
import { asBuffer, bytesOfText, NO_BYTES } from '../base/bytes.ts';
import type { ClusterEvent, MemberInfo } from '../events/event.ts';

const NEWLINE = 0x0a;

/** The bytes a handler reads from its standard input before the end of file (agent.md 14.4). */
export function handlerInput(event: ClusterEvent): Uint8Array {
  switch (event.type) {
    case 'user':
    case 'query':
      return payloadInput(event.payload ?? NO_BYTES);
    default:
      return bytesOfText(event.members.map(memberLine).join(''));
  }
}

/** `NAME \t ADDRESS \t ROLE \t TAGS \n`, without the blanks. */
function memberLine(member: MemberInfo): string {
  const tags = [...member.tags].map(([name, value]) => `${name}=${value}`).join(',');
  const role = member.tags.get('role') ?? '';
  return `${escaped(member.name)}\t${addressText(member.addr)}\t${escaped(role)}\t${escaped(tags)}\n`;
}

/** Backslashes stay as they are, as in Serf: the escape is for reading by line and column, not for reversing. */
function escaped(text: string): string {
  return text.replaceAll('\t', '\\t').replaceAll('\n', '\\n');
}

/** Go's text for an IP, which for bytes of a wrong length is not an address at all. */
function addressText(bytes: Uint8Array): string {
  const text = ipText(bytes);
  if (text !== undefined) return text;
  return bytes.length === 0 ? '<nil>' : `?${asBuffer(bytes).toString('hex')}`;
}

function payloadInput(payload: Uint8Array): Uint8Array {
  if (payload.length === 0 || payload[payload.length - 1] === NEWLINE) return payload;
  const line = new Uint8Array(payload.length + 1);
  line.set(payload);
  line[payload.length] = NEWLINE;
  return line;
}
