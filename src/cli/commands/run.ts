import { type FlagSpec, flagSpecs, runArguments } from '../../agent/config/flags.ts';
import { defineCommand } from '../command.ts';
import type { Flag, FlagTable } from '../flags.ts';

/** `run`, which Serf calls `agent`: the daemon itself. Its flags come from the configuration table. */
export const runCommand = defineCommand({
  name: 'run',
  usage: '[options]',
  examples: [
    ['', 'An agent with the defaults'],
    ['-join=10.0.0.1 -tag role=web', 'Join a cluster, as a web server'],
    ['-event-handler=./notify.sh', 'Run a script on every event'],
    ['-event-handler=user:deploy=./deploy.sh', 'Only on user events named deploy'],
    ['-config-file=/etc/reeve.json', 'Settings from a file; flags override them'],
  ],
  about: [
    'Runs an agent, one node of a cluster, until it is interrupted: the first interrupt leaves the cluster gracefully. Reloads handlers, tags and log level on SIGHUP.',
    'An event handler is a shell command, for all events or for those before its first =, such as member-join,member-leave=SCRIPT, user:NAME=SCRIPT or query:NAME=SCRIPT.',
  ],
  flags: runFlags(),
  order: 'go',
  run: async ({ given, args }, { out }) => {
    if (args.length > 0) out.error(`==> Warning: ignored, as they follow an argument: ${args.join(' ')}`);
    const { runAgent } = await import('../../agent/agent.ts');
    return runAgent(runArguments(given.map(({ name, value }) => `${name}=${value}`)));
  },
});

/** Every flag of `run`, from the configuration table. */
export function runFlags(): FlagTable {
  return Object.fromEntries(flagSpecs().map((spec) => [spec.name, flagOf(spec)])) as FlagTable;
}

function flagOf(spec: FlagSpec): Flag {
  const facts = {
    doc: spec.doc,
    hidden: !spec.available,
    ...(spec.hint === undefined ? {} : { value: spec.hint }),
  };
  switch (spec.type) {
    case 'bool':
    case 'int':
      return { kind: spec.type, ...facts };
    case 'map':
      return { kind: 'list', value: 'key=value', ...facts };
    case 'strings':
      return { kind: 'list', ...facts };
    case 'duration':
      // The configuration reads durations itself, with Serf's own text for a bad one.
      return { kind: 'text', value: 'duration', ...facts };
    case 'string':
    case 'blocks':
      return { kind: 'text', ...facts };
  }
}
