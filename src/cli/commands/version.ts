import { defineCommand } from '../command.ts';
import { EXIT } from '../exit.ts';
import { AGENT_PROTOCOL, AGENT_PROTOCOL_MIN, VERSION } from '../version.ts';

/** `version`: works without an agent. */
export const versionCommand = defineCommand({
  name: 'version',
  usage: '',
  examples: [['', 'Print the version of this program']],
  about: ['Prints the version of this program and of the agent protocol it speaks.'],
  flags: {},
  order: 'go',
  run: async (_input, { out }) => {
    out.line(`reeve v${VERSION}`);
    out.line(`Agent Protocol: ${AGENT_PROTOCOL} (Understands back to: ${AGENT_PROTOCOL_MIN})`);
    return EXIT.ok;
  },
});
