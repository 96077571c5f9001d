import type { MemberInfo } from '../../events/event.ts';
import { type CommandContext, defineCommand, explained, RPC_FLAGS, readTags, withAgent } from '../command.ts';
import { EXIT } from '../exit.ts';
import { goJson } from '../format.ts';
import { membersJson, membersSummary, membersTable, membersText } from '../members-table.ts';
import { checkFormat, FORMAT_FLAG } from '../output-format.ts';
import { palette } from '../style.ts';

/** `members` (agent.md 15.3): the output scripts parse most; a terminal gets a table instead. */
export const membersCommand = defineCommand({
  name: 'members',
  usage: '[options]',
  examples: [
    ['', 'Everyone: name, address, status, tags'],
    ['-status=failed', 'Who is missing'],
    ['-tag role=web -status=alive', 'The live web servers'],
    ['--watch', 'And how that changes, until ctrl-C'],
    ['--json', 'The same for programs'],
  ],
  about: [
    'Lists the members of the cluster, those that failed or left included. Filters are regular expressions that must match the whole value; write (a|b) for alternatives.',
    'A terminal shows a table, in colours unless NO_COLOR is set. A pipe or file gets plain columns, as from Serf: name, address, status, tags.',
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
    watch: {
      kind: 'bool',
      doc: 'Keep showing the list as it changes. Into a pipe: the whole list after each change, followed by an empty line, or one line of JSON each.',
    },
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
    if (flags.watch) {
      const { watchMembers } = await import('../members-watch.ts');
      return watchMembers({ flags, filter, format, detailed: flags.detailed }, context);
    }
    return withAgent(context, flags, async (client) => {
      const members = await explained('Error retrieving members', client.membersFiltered(filter), {
        'client closed':
          'the agent hung up, as Serf does on an invalid regular expression: check the filters',
      });
      if (format === 'json') out.line(goJson(membersJson(members)));
      else show(members, flags.detailed, context);
      return EXIT.ok;
    });
  },
});

function show(members: readonly MemberInfo[], detailed: boolean, { out, screen }: CommandContext): void {
  if (!screen.interactive) {
    out.line(membersText(members, detailed));
    return;
  }
  const paint = palette(screen.colours);
  const { columns } = screen.size();
  if (members.length > 0) {
    const options = { paint, width: columns, detailed, clip: false };
    for (const line of membersTable(members, options)) out.line(line);
    out.line('');
  }
  out.line(membersSummary(members, paint));
}
