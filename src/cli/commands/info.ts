import type { StatGroups } from '../../rpc/protocol.ts';
import { defineCommand, explained, RPC_FLAGS, withAgent } from '../command.ts';
import { EXIT } from '../exit.ts';
import { goJson, sortedByBytes } from '../format.ts';
import { checkFormat, FORMAT_FLAG } from '../output-format.ts';

/** `info`: the agent's `stats`. */
export const infoCommand = defineCommand({
  name: 'info',
  usage: '[options]',
  examples: [
    ['', 'Counters, tags and handlers of the agent'],
    ['--json', 'The same as JSON'],
  ],
  about: ['Shows what the agent knows about itself, for debugging.'],
  flags: { format: FORMAT_FLAG, ...RPC_FLAGS },
  order: 'go',
  run: async ({ flags }, context) => {
    const format = checkFormat(flags.format);
    return withAgent(context, flags, async (client) => {
      const groups = await explained('Error querying agent', client.stats());
      context.out.line(format === 'json' ? goJson(groups) : statsText(groups));
      return EXIT.ok;
    });
  },
});

function statsText(groups: StatGroups): string {
  const lines = sortedByBytes(groups).flatMap(([group, values]) => [
    `${group}:`,
    ...sortedByBytes(values).map(([key, value]) => `\t${key} = ${value}`),
  ]);
  return lines.join('\n').trim();
}
