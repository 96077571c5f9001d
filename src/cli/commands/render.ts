import { messageOf } from '../../base/errors.ts';
import { RPC_ERRORS } from '../../rpc/protocol.ts';
import type { PreviewRecord, RenderRunRecord } from '../../rpc/render-records.ts';
import { type CommandContext, defineCommand, failure, RPC_FLAGS, usageError, withAgent } from '../command.ts';
import type { AgentClient } from '../connect.ts';
import { EXIT } from '../exit.ts';
import { goJson, type Json } from '../format.ts';
import { checkFormat, FORMAT_FLAG } from '../output-format.ts';
import { previewText, renderersText, runText } from './render-text.ts';

/** A dry run found that the file would change. */
const WOULD_CHANGE = 2;

const FLAGS = {
  list: { kind: 'bool', doc: 'List the renderers of the agent and where they stand.' },
  'dry-run': {
    kind: 'bool',
    doc: 'Only compare: nothing is run or changed. Exit 0 same, 2 would change, 1 error.',
  },
  diff: { kind: 'bool', doc: 'With -dry-run: show what would change.' },
  members: {
    kind: 'text',
    value: 'file',
    doc: "With -dry-run: take the members from a file, as 'members -format=json' prints them, and ask no agent.",
  },
  'config-file': { kind: 'list', value: 'path', doc: 'With -members: configuration that has the renderer.' },
  'config-dir': {
    kind: 'list',
    value: 'path',
    doc: "With -members: directory of configuration files '*.json'.",
  },
  self: {
    kind: 'text',
    value: 'name',
    doc: 'With -members: the node it is rendered for. Default: node_name.',
  },
  format: FORMAT_FLAG,
  ...RPC_FLAGS,
} as const;

/** `render`: the agent's renderers from the command line. */
export const renderCommand = defineCommand({
  name: 'render',
  usage: '[options] [NAME]',
  examples: [
    ['-list', 'Which files are kept, and is all well'],
    ['hosts -dry-run -diff', 'What would change now'],
    ['hosts', 'Render now, with check, reload and verify'],
    ['hosts -dry-run -diff -members m.json -config-file c.json', 'Without an agent'],
  ],
  about: [
    'Renderers keep a file in step with the cluster: template, check, swap, reload, verify, and back again if that fails; see docs/renderers.md.',
    "Rendering runs programs and changes files, so it needs the agent's unix socket or an RPC key. A dry run does neither.",
  ],
  flags: FLAGS,
  order: 'anywhere',
  run: async ({ flags, args }, context) => {
    const format = checkFormat(flags.format);
    const [name, ...more] = args;
    if (more.length > 0) throw usageError('Too many arguments: give the name of one renderer.');
    const print = (value: unknown, text: () => string): void => {
      const shown = format === 'json' ? goJson(value as Json) : text();
      if (shown !== '') context.out.line(shown);
    };
    if (flags.list) {
      if (name !== undefined) throw usageError('-list takes no name.');
      return await withAgent(context, flags, async (client) => {
        const renderers = await asked(client.renderers());
        print({ renderers }, () => renderersText(renderers));
        return EXIT.ok;
      });
    }
    if (name === undefined) throw usageError('Give the name of a renderer, or -list.');
    if (!flags['dry-run'] && (flags.diff || flags.members !== '')) {
      throw usageError('-diff and -members go with -dry-run.');
    }
    if (flags['dry-run']) {
      const found = await previewed(name, flags, context);
      print(found, () => previewText(name, found, flags.diff));
      return found.same ? EXIT.ok : WOULD_CHANGE;
    }
    return await withAgent(context, flags, async (client) => {
      const result = await asked(client.runRenderer(name));
      print(result, () => runText(name, result));
      return succeeded(result) ? EXIT.ok : EXIT.error;
    });
  },
});

type Flags = Parameters<(typeof renderCommand)['run']>[0]['flags'];

async function previewed(name: string, flags: Flags, context: CommandContext): Promise<PreviewRecord> {
  if (flags.members === '') {
    return await withAgent(context, flags, (client: AgentClient) => asked(client.previewRenderer(name)));
  }
  const { previewOffline } = await import('./render-offline.ts');
  try {
    return await previewOffline({
      name,
      members: flags.members,
      sources: [...flags['config-file'], ...flags['config-dir']],
      self: flags.self,
      env: context.env,
    });
  } catch (error) {
    throw failure(`Error rendering '${name}': ${messageOf(error)}`, error);
  }
}

function succeeded({ attempt }: RenderRunRecord): boolean {
  return attempt !== undefined && attempt.outcome !== 'failed';
}

async function asked<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    const text = messageOf(error);
    if (text === RPC_ERRORS.unsupportedCommand) {
      throw failure(
        'This agent has no renderers: that needs a reeve agent, and this is Serf or an older one.',
        error,
      );
    }
    throw failure(`Error asking the agent: ${text}`, error);
  }
}
