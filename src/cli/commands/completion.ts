import { networkInterfaces } from 'node:os';
import { type CommandContext, defineCommand, RPC_FLAGS, usageError } from '../command.ts';
import type { Completion, Sources } from '../completion/complete.ts';
import type { Candidate } from '../completion/model.ts';
import type { Shell } from '../completion/scripts.ts';
import { SHELLS } from '../completion/values.ts';
import { type Place, rejoined, unquoted } from '../completion/words.ts';
import type { AgentClient } from '../connect.ts';
import { packageFile } from '../entry.ts';
import { EXIT } from '../exit.ts';
import { flagValues } from '../flags.ts';
import { printable } from '../style.ts';
import { DEFAULT_CONFIG_DIR } from './recipe-flags.ts';

/** `completion`: what a shell needs to complete command lines of this program. */
export const completionCommand = defineCommand({
  name: 'completion',
  usage: 'bash|zsh|fish [-- word...]',
  examples: [
    ['bash > /etc/bash_completion.d/agent', 'For every user of bash'],
    ['zsh > /usr/local/share/zsh/site-functions/_agent', 'For every user of zsh'],
    ['fish > /etc/fish/completions/agent.fish', 'For every user of fish'],
    ['bash -- keys -', 'What could be typed there'],
  ],
  about: [
    'Prints a script that teaches a shell to complete commands, options, their values, files and recipes; and names of members and renderers where an agent answers within half a second, for rtt, force-leave, query -node and render.',
    'bash needs nothing but itself; bash-completion reads /etc/bash_completion.d.',
    'With -- and the words of a command line it prints the candidates for the last one, one a line, for zsh and fish with an explanation behind a tab; ":files" or ":directories" leaves it to the shell. The scripts call that. Names that a shell could take for more than a name are left out.',
  ],
  flags: {},
  order: 'go',
  run: async ({ args }, context) => {
    const [shell, marker, ...words] = args;
    const known = SHELLS.find((each) => each === shell);
    if (known === undefined) {
      throw usageError(shell === undefined ? 'Name a shell: bash, zsh or fish.' : `Unknown shell: ${shell}`);
    }
    if (marker === undefined) {
      const { completionScript } = await import('../completion/scripts.ts');
      const names = [...new Set(['agent', 'reeve', context.program])];
      context.out.raw(completionScript(known, names));
      return EXIT.ok;
    }
    if (marker !== '--') throw usageError(`Unexpected argument: ${marker}`);
    const { complete } = await import('../completion/complete.ts');
    const typed = known === 'bash' ? rejoined(words).map(unquoted) : words;
    for (const line of linesOf(await complete(typed, sourcesOf(context)), known)) context.out.line(line);
    return EXIT.ok;
  },
});

function linesOf(completion: Completion, shell: Shell): string[] {
  if (completion.type !== 'words') return [`:${completion.type}`];
  return completion.candidates.map(({ word, doc }) => {
    if (shell === 'bash' || doc === '') return word;
    // A menu has one line for each: the first sentence is what fits.
    const [sentence = ''] = printable(doc).split('. ');
    return `${word}\t${sentence.replace(/\.$/, '')}`;
  });
}

/** How long a shell may hang on an agent. */
const ANSWER_MS = 500;
/** Peers choose their names: nothing that a shell could take for more than a name gets onto a command line. */
const SAFE = /^[A-Za-z0-9_.@+][A-Za-z0-9_.@+-]*$/;

function sourcesOf(context: CommandContext): Sources {
  return {
    interfaces: async () => Object.keys(networkInterfaces()).map((word) => ({ word, doc: '' })),
    installed: async ({ given }) => {
      const { installedIn } = await import('../../recipes/record.ts');
      const directory = given.find(({ name }) => name === 'config-dir')?.value ?? DEFAULT_CONFIG_DIR;
      return installedIn(directory).map(({ name, target }) => ({ word: name, doc: target }));
    },
    members: (place) =>
      asked(place, context, async (client) =>
        (await client.members()).map(({ name, status }) => ({ word: name, doc: status })),
      ),
    recipes: async () => {
      const [{ findRecipe, recipeNames }, { fileURLToPath }] = await Promise.all([
        import('../../recipes/library.ts'),
        import('node:url'),
      ]);
      const folder = fileURLToPath(packageFile('handlers-examples/'));
      return recipeNames(folder).map((word) => ({ word, doc: findRecipe(folder, word).summary }));
    },
    renderers: (place) =>
      asked(place, context, async (client) =>
        (await client.renderers()).map(({ name }) => ({ word: name, doc: '' })),
      ),
  };
}

/** What an agent says in time; nothing where there is none. */
async function asked(
  { given }: Place,
  context: CommandContext,
  ask: (client: AgentClient) => Promise<readonly Candidate[]>,
): Promise<readonly Candidate[]> {
  const rpc = given.filter(({ name }) => Object.hasOwn(RPC_FLAGS, name));
  const answer = context.connect(flagValues(RPC_FLAGS, rpc)).then(ask);
  const late = new Promise<readonly Candidate[]>((resolve) => {
    setTimeout(() => resolve([]), ANSWER_MS).unref();
  });
  const all = await Promise.race([answer, late]).catch(() => []);
  return all.filter(({ word }) => SAFE.test(word));
}
