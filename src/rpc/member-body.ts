import { NO_BYTES } from '../base/bytes.ts';
import { WireError } from '../base/errors.ts';
import type { MemberInfo, MemberStatus } from '../events/event.ts';
import { wireText, wireTextMap } from './codec.ts';
import type { Fields } from './fields.ts';
import { bytesField, fieldsOf, integerField, listField, textField, textMapField } from './fields.ts';
import type { WireStruct } from './protocol.ts';

/** Members as they travel (agent.md 3.1), both directions. */

const STATUSES: readonly MemberStatus[] = ['none', 'alive', 'leaving', 'left', 'failed'];

/** The `Members` entry of a member; the address keeps its raw bytes. */
export function memberBody(member: MemberInfo): WireStruct {
  return {
    Addr: member.addr,
    DelegateCur: member.delegateCur,
    DelegateMax: member.delegateMax,
    DelegateMin: member.delegateMin,
    Name: wireText(member.name),
    Port: member.port,
    ProtocolCur: member.protocolCur,
    ProtocolMax: member.protocolMax,
    ProtocolMin: member.protocolMin,
    Status: member.status,
    Tags: wireTextMap(member.tags),
  };
}

/** The members of a body's `Members` field. */
export function membersField(fields: Fields): readonly MemberInfo[] {
  return listField(fields, 'Members').map((item) => memberOf(fieldsOf(item, 'Members')));
}

function memberOf(fields: Fields): MemberInfo {
  const text = textField(fields, 'Status');
  const status = STATUSES.find((known) => known === text);
  if (status === undefined)
    throw new WireError('ERR_RPC_FIELD', `Status '${text}' is none a member can have`);
  return {
    name: textField(fields, 'Name'),
    addr: bytesField(fields, 'Addr') ?? NO_BYTES,
    port: integerField(fields, 'Port', 0, 0xffff),
    tags: textMapField(fields, 'Tags'),
    status,
    protocolMin: versionField(fields, 'ProtocolMin'),
    protocolMax: versionField(fields, 'ProtocolMax'),
    protocolCur: versionField(fields, 'ProtocolCur'),
    delegateMin: versionField(fields, 'DelegateMin'),
    delegateMax: versionField(fields, 'DelegateMax'),
    delegateCur: versionField(fields, 'DelegateCur'),
  };
}

function versionField(fields: Fields, name: string): number {
  return integerField(fields, name, 0, 0xff);
}
