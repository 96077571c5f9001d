import type { Command } from '../command.ts';

/** Every command: the line `--help` shows for it, and where its code is, loaded only when it is the one. */
export interface CommandEntry {
  readonly synopsis: string;
  readonly load: () => Promise<Command>;
}

/** In the order `--help` lists them. A name may be two words, such as `keys rotate`; its first word then names a group. */
export const COMMANDS = {
  completion: {
    synopsis: 'Make a shell complete commands, options and names',
    load: async () => (await import('./completion.ts')).completionCommand,
  },
  'config check': {
    synopsis: 'Find every mistake in a configuration',
    load: async () => (await import('./config-check.ts')).configCheckCommand,
  },
  'config schema': {
    synopsis: 'Print the JSON Schema of configuration files',
    load: async () => (await import('./config-schema.ts')).configSchemaCommand,
  },
  'config show': {
    synopsis: 'Show the effective configuration and where it came from',
    load: async () => (await import('./config-show.ts')).configShowCommand,
  },
  event: {
    synopsis: 'Send a custom event through the cluster',
    load: async () => (await import('./event.ts')).eventCommand,
  },
  'force-leave': {
    synopsis: 'Force a failed member into the "left" state',
    load: async () => (await import('./force-leave.ts')).forceLeaveCommand,
  },
  handlers: {
    synopsis: 'Show the handlers of the agent, try them and repeat runs',
    load: async () => (await import('./handlers.ts')).handlersCommand,
  },
  info: {
    synopsis: 'Show what the agent knows about itself',
    load: async () => (await import('./info.ts')).infoCommand,
  },
  join: {
    synopsis: 'Tell the agent to join a cluster',
    load: async () => (await import('./join.ts')).joinCommand,
  },
  keygen: {
    synopsis: 'Generate a new encryption key',
    load: async () => (await import('./keygen.ts')).keygenCommand,
  },
  keys: {
    synopsis: 'List and rotate the encryption keys of the cluster',
    load: async () => (await import('./keys.ts')).keysCommand,
  },
  leave: {
    synopsis: 'Leave the cluster gracefully and stop the agent',
    load: async () => (await import('./leave.ts')).leaveCommand,
  },
  members: {
    synopsis: 'List the members of the cluster',
    load: async () => (await import('./members.ts')).membersCommand,
  },
  monitor: {
    synopsis: 'Stream the log and the events of an agent',
    load: async () => (await import('./monitor.ts')).monitorCommand,
  },
  query: {
    synopsis: 'Ask the cluster a question and gather the answers',
    load: async () => (await import('./query.ts')).queryCommand,
  },
  reachability: {
    synopsis: 'Test that every live member can be reached',
    load: async () => (await import('./reachability.ts')).reachabilityCommand,
  },
  'recipe add': {
    synopsis: 'Make a hosts file, a load balancer, ... follow the cluster',
    load: async () => (await import('./recipe-add.ts')).recipeAddCommand,
  },
  'recipe list': {
    synopsis: 'List the recipes, and which are installed',
    load: async () => (await import('./recipe-list.ts')).recipeListCommand,
  },
  'recipe remove': {
    synopsis: 'Undo recipe add',
    load: async () => (await import('./recipe-remove.ts')).recipeRemoveCommand,
  },
  'recipe show': {
    synopsis: 'Explain a recipe: what it promises, what can be set',
    load: async () => (await import('./recipe-show.ts')).recipeShowCommand,
  },
  'recipe test': {
    synopsis: 'Test recipes and installed copies',
    load: async () => (await import('./recipe-test.ts')).recipeTestCommand,
  },
  render: {
    synopsis: 'Show and try the files kept in step with the cluster',
    load: async () => (await import('./render.ts')).renderCommand,
  },
  rtt: {
    synopsis: 'Estimate the round trip time between two nodes',
    load: async () => (await import('./rtt.ts')).rttCommand,
  },
  run: {
    synopsis: 'Run an agent',
    load: async () => (await import('./run.ts')).runCommand,
  },
  sim: {
    synopsis: 'Rehearse faults on a simulated cluster',
    load: async () => (await import('./sim.ts')).simCommand,
  },
  tags: {
    synopsis: 'Change the tags of a running agent',
    load: async () => (await import('./tags.ts')).tagsCommand,
  },
  version: {
    synopsis: 'Print the version',
    load: async () => (await import('./version.ts')).versionCommand,
  },
} as const satisfies Record<string, CommandEntry>;

/** Other names of commands. Serf calls `run` `agent`. */
export const ALIASES: Readonly<Record<string, keyof typeof COMMANDS>> = { agent: 'run' };

/** What the first words of a command line name. */
export type Found =
  | { readonly type: 'command'; readonly name: string; readonly entry: CommandEntry; readonly words: number }
  /** The first word begins commands of two words, and what follows completes none of them. */
  | { readonly type: 'group'; readonly name: string; readonly commands: readonly string[] };

/** The command or group that `words` begin with, or undefined. */
export function findCommand(
  words: readonly string[],
  table: Readonly<Record<string, CommandEntry>> = COMMANDS,
): Found | undefined {
  const [first = '', second = ''] = words;
  for (const name of [`${first} ${second}`, Object.hasOwn(ALIASES, first) ? `${ALIASES[first]}` : first]) {
    const entry = Object.hasOwn(table, name) ? table[name] : undefined;
    if (entry !== undefined) return { type: 'command', name, entry, words: name.includes(' ') ? 2 : 1 };
  }
  const commands = Object.keys(table).filter((name) => name.startsWith(`${first} `));
  return commands.length === 0 ? undefined : { type: 'group', name: first, commands };
}

/** What a mistyped first word may have meant. */
export function commandWords(): readonly string[] {
  return [...new Set([...Object.keys(COMMANDS).map((name) => name.split(' ')[0] as string), 'help'])];
}
