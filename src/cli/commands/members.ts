import { hostPort, ipText } from '../../base/address.ts';
import type { MemberInfo } from '../../events/event.ts';
import { defineCommand, explained, RPC_FLAGS, readTags, withAgent } from '../command.ts';
import { EXIT } from '../exit.ts';
import { columns, goJson, type Json, sortedByBytes } from '../format.ts';
import { checkFormat, FORMAT_FLAG } from '../output-format.ts';

/** `members` (agent.md 15.3): the output scripts parse most. */
export const membersCommand = defineCommand({
  name: 'members',
  usage: '[options]',
  examples: [
    ['', 'Everyone: name, address, status, tags'],
    ['-status=failed', 'Who is missing'],
    ['-tag role=web -status=alive', 'The live web servers'],
    ['--json', 'The same for programs'],
  ],
  about: [
    'Lists the members of the cluster, those that failed or left included. Filters are regular expressions that must match the whole value; write (a|b) for alternatives.',
  ],
  flags: {
    detailed: { kind: 'bool', doc: 'Also show protocol versions (text only).' },
    format: FORMAT_FLAG,
    name: { kind: 'text', value: 'regexp', doc: 'Only members whose name matches.' },
    role: { kind: 'text', value: 'regexp', doc: 'Deprecated: use -tag role=regexp.' },
    status: {
      kind: 'text',
      value: 'regexp',
      doc: 'Only members whose status (alive, leaving, left, failed) matches.',
    },
    tag: { kind: 'list', value: 'key=regexp', doc: 'Only members whose tag matches; may be repeated.' },
    ...RPC_FLAGS,
  },
  order: 'go',
  run: async ({ flags }, context) => {
    const { out } = context;
    const format = checkFormat(flags.format);
    const tagWords = [...flags.tag];
    if (flags.role !== '') {
      out.line("Deprecation warning: 'Role' has been replaced with 'Tags'");
      tagWords.push(`role=${flags.role}`);
    }
    const filter = { tags: readTags(tagWords), status: flags.status, name: flags.name };
    return withAgent(context, flags, async (client) => {
      const members = await explained('Error retrieving members', client.membersFiltered(filter));
      out.line(format === 'json' ? membersJson(members) : membersText(members, flags.detailed));
      return EXIT.ok;
    });
  },
});

function membersText(members: readonly MemberInfo[], detailed: boolean): string {
  return columns(members.map((member) => memberRow(member, detailed))).trim();
}

function memberRow(member: MemberInfo, detailed: boolean): string[] {
  const tags = sortedByBytes(member.tags).map(([key, value]) => `${key}=${value}`);
  const row = [member.name, addressText(member), member.status, tags.join(',')];
  if (!detailed) return row;
  const { delegateCur, delegateMin, delegateMax } = member;
  return [
    ...row,
    `Protocol Version: ${delegateCur}`,
    `Available Protocol Range: [${delegateMin}, ${delegateMax}]`,
  ];
}

function membersJson(members: readonly MemberInfo[]): string {
  return goJson({ members: members.length === 0 ? null : members.map(memberJson) });
}

function memberJson(member: MemberInfo): Json {
  return {
    name: member.name,
    addr: addressText(member),
    port: member.port,
    tags: member.tags,
    status: member.status,
    protocol: { max: member.delegateMax, min: member.delegateMin, version: member.delegateCur },
  };
}

/** `IP:PORT`; a member without a valid address shows an empty host, as Go prints it. */
function addressText(member: MemberInfo): string {
  return hostPort({ ip: ipText(member.addr) ?? '', port: member.port });
}
