import { approve, handlerLog, listHandlers, rerunHandler, testHandler } from '../../rpc/handler-client.ts';
import {
  type CommandContext,
  defineCommand,
  explained,
  RPC_FLAGS,
  usageError,
  withAgent,
} from '../command.ts';
import type { AgentClient } from '../connect.ts';
import { writtenEvent } from '../event-text.ts';
import { EXIT } from '../exit.ts';
import { goJson, type Json } from '../format.ts';
import { handlersText, outputLines, runsText, type TextOptions, testText } from '../handlers-text.ts';
import { checkFormat, FORMAT_FLAG, type OutputFormat } from '../output-format.ts';
import { palette } from '../style.ts';

const DEFAULT_RUNS = 10;

const FLAGS = {
  event: {
    kind: 'text',
    value: 'event',
    doc: 'For test: user:NAME=PAYLOAD, query:NAME=PAYLOAD, member-join=NODE,NODE, run:ID for a recorded one, or the event as JSON.',
  },
  run: { kind: 'bool', doc: 'For test: really run it. Nobody gets an answer.' },
  id: { kind: 'int', value: 'run', doc: 'For rerun: the number of the recorded run, else the last one.' },
  limit: { kind: 'int', value: 'n', default: DEFAULT_RUNS, doc: 'For log: runs shown, 0 for all.' },
  format: FORMAT_FLAG,
  ...RPC_FLAGS,
} as const;

/** What an action works with. */
interface Work {
  readonly client: AgentClient;
  readonly context: CommandContext;
  readonly name: string;
  readonly format: OutputFormat;
  readonly flags: {
    readonly event: string;
    readonly run: boolean;
    readonly id: number;
    readonly limit: number;
  };
}

const ACTIONS: Readonly<Record<string, (work: Work) => Promise<number>>> = {
  list: async ({ client, context, format }) => {
    const handlers = await asked('Error listing handlers', listHandlers(client));
    show(context, format, { handlers }, (options) => handlersText(handlers, options));
    return EXIT.ok;
  },
  log: async ({ client, context, format, name, flags }) => {
    const runs = await asked('Error reading the record', handlerLog(client, name, flags.limit));
    show(context, format, { runs }, (options) => runsText(runs, options));
    return EXIT.ok;
  },
  rerun: async ({ client, context, format, name, flags }) => {
    const outcome = await asked('Error running the handler again', rerunHandler(client, name, flags.id));
    show(context, format, outcome, ({ paint }) => {
      const head = outcome.ok ? paint.green('ok') : paint.red('failed');
      const lines = [
        ...outputLines('stdout', outcome.stdout, paint),
        ...outputLines('stderr', outcome.stderr, paint),
      ];
      return [`${head}: ${outcome.exit}`, ...lines].join('\n');
    });
    return outcome.ok ? EXIT.ok : EXIT.error;
  },
  test: async ({ client, context, format, name, flags }) => {
    const written = flags.event === '' ? {} : writtenEvent(flags.event);
    const request = { name, execute: flags.run, ...written };
    const result = await asked('Error testing the handler', testHandler(client, request));
    show(context, format, result, ({ paint }) => testText(result, paint));
    return result.executed?.ok === false ? EXIT.error : EXIT.ok;
  },
  approve: async ({ client, context, name }) => {
    await asked('Error approving', approve(client, name));
    context.out.line(`Approved: '${name}' goes ahead once with what was held back`);
    return EXIT.ok;
  },
};

/** `handlers`: what the agent runs on events, how that went, and the levers an operator needs. */
export const handlersCommand = defineCommand({
  name: 'handlers',
  usage: '[options] [list | log NAME | rerun NAME | test NAME | approve NAME]',
  examples: [
    ['', 'Every handler: state, counts, last run'],
    ['log hosts', 'The last runs of a handler or renderer, with their output'],
    ['test hosts -event user:deploy=v42', 'What it would do'],
    ['test hosts -event run:17 -run', 'Try it on a recorded event'],
    ['rerun hosts', 'Run it again on its last event'],
    ['approve hosts', 'Let what a guard holds back go ahead'],
  ],
  about: [
    'Shows the handlers of the agent and the record of their runs, and runs them by hand. log and approve take a renderer as well. A handler of event_handlers is named by its configured text.',
    "Commands that run handlers need the agent's unix socket or its RPC key. The agent has to be one of ours: Serf keeps no record.",
  ],
  flags: FLAGS,
  order: 'anywhere',
  run: async ({ flags, args }, context) => {
    const [action = 'list', name, ...more] = args;
    const act = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
    if (act === undefined) {
      throw usageError(`'${action}' is none of ${Object.keys(ACTIONS).join(', ')}`);
    }
    if (action !== 'list' && name === undefined) throw usageError(`'${action}' needs the name of a handler`);
    if (more.length > 0 || (action === 'list' && name !== undefined)) {
      throw usageError(`too many arguments: ${args.join(' ')}`);
    }
    const format = checkFormat(flags.format);
    return withAgent(context, flags, (client) => act({ client, context, name: name ?? '', format, flags }));
  },
});

function show(
  { out, screen }: CommandContext,
  format: OutputFormat,
  json: object,
  text: (options: TextOptions) => string,
): void {
  if (format === 'json') {
    out.line(goJson(json as Json));
    return;
  }
  const width = screen.interactive ? screen.size().columns : Number.POSITIVE_INFINITY;
  out.line(text({ paint: palette(screen.colours), width, now: Date.now() }));
}

/** Serf's agents know none of this. */
async function asked<T>(prefix: string, work: Promise<T>): Promise<T> {
  const told = work.catch((error: unknown) => {
    const unsupported = error instanceof Error && error.message === 'Unsupported command';
    throw unsupported
      ? new Error('this needs a reeve agent; the agent that answered is an older one, or Serf')
      : error;
  });
  return explained(prefix, told);
}
