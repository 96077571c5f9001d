import { defineCommand } from '../command.ts';
import { EXIT } from '../exit.ts';
import { goJson } from '../format.ts';
import { checkFormat, FORMAT_FLAG } from '../output-format.ts';
import { AGENT_PROTOCOL, AGENT_PROTOCOL_MIN, VERSION } from '../version.ts';

/** `version`: works without an agent. */
export const versionCommand = defineCommand({
  name: 'version',
  usage: '',
  examples: [
    ['', 'Print the version of this program'],
    ['--json', 'The same for programs'],
  ],
  about: ['Prints the version of this program and of the agent protocol it speaks.'],
  flags: { format: FORMAT_FLAG },
  order: 'go',
  run: async ({ flags }, { out }) => {
    if (checkFormat(flags.format) === 'json') {
      const protocol = { max: AGENT_PROTOCOL, min: AGENT_PROTOCOL_MIN };
      out.line(goJson({ name: 'reeve', version: VERSION, protocol, node: process.versions.node }));
      return EXIT.ok;
    }
    out.line(`reeve v${VERSION}`);
    out.line(`Agent Protocol: ${AGENT_PROTOCOL} (Understands back to: ${AGENT_PROTOCOL_MIN})`);
    return EXIT.ok;
  },
});
