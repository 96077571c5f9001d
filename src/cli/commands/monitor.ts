import type { StreamedEvent } from '../../rpc/protocol.ts';
import {
  type CommandContext,
  defineCommand,
  explained,
  RPC_FLAGS,
  usageError,
  withAgent,
} from '../command.ts';
import { EXIT } from '../exit.ts';
import { compactJson } from '../format.ts';
import { eventJson, eventText } from '../monitor-records.ts';
import { checkFormat, type OutputFormat } from '../output-format.ts';
import { untilAborted } from '../until-aborted.ts';

/** What stands for no log and no events. */
const NONE = 'none';

/** `monitor` (agent.md 15.7): log lines as they are, events as a block of fields; or one line of JSON for each. */
export const monitorCommand = defineCommand({
  name: 'monitor',
  usage: '[options]',
  examples: [
    ['', 'Watch the log and the events'],
    ['-log-level=debug', 'Whatever the agent itself logs'],
    ['-log-level=none --json', 'Events only, one line of JSON each'],
    ['-events=member-failed,user:deploy', 'Those events, and the log'],
  ],
  about: [
    'Shows the recent log of the agent, then its log and the events of the cluster as they come, until interrupted. A reader that is too slow loses lines and events; how many is said where they are missing.',
  ],
  flags: {
    'log-level': {
      kind: 'text',
      default: 'INFO',
      value: 'level',
      doc: 'TRACE, DEBUG, INFO, WARN or ERR; none leaves the log out.',
    },
    events: {
      kind: 'text',
      default: '*',
      value: 'filter',
      doc: 'Which events, written as for event handlers, such as member-join,user:deploy; none leaves them out.',
    },
    format: {
      kind: 'text',
      default: 'text',
      value: 'text|json',
      doc: 'Format of the output: json is one line for each event and log line; --json is short for it.',
    },
    ...RPC_FLAGS,
  },
  order: 'go',
  run: ({ flags }, context) => {
    const format = checkFormat(flags.format);
    const [level, filter] = [flags['log-level'], flags.events];
    if (isNone(level) && isNone(filter)) throw usageError('Nothing to show: neither log nor events.');
    return withAgent(context, flags, async (client) => {
      const events = isNone(filter)
        ? undefined
        : await explained('Error starting stream', client.stream(filter));
      const logs = isNone(level)
        ? undefined
        : await explained('Error starting monitor', client.monitor(level));
      return follow({ events, logs }, format, context);
    });
  },
});

function isNone(text: string): boolean {
  return text.toLowerCase() === NONE;
}

interface Source<T> extends AsyncIterable<T> {
  readonly dropped: number;
}

interface Sources {
  readonly events: Source<StreamedEvent> | undefined;
  readonly logs: Source<string> | undefined;
}

/** Shows both until interrupted, or until the agent hangs up, which is an error. */
async function follow(
  { events, logs }: Sources,
  format: OutputFormat,
  context: CommandContext,
): Promise<number> {
  const { out } = context;
  const unwanted = AbortSignal.any([context.interrupted(), out.broken]);
  const remoteEnd = new AbortController();
  const over = AbortSignal.any([unwanted, remoteEnd.signal]);
  const show = async <T>(source: Source<T> | undefined, what: string, print: (item: T) => void) => {
    if (source === undefined) return;
    let told = 0;
    try {
      for await (const item of untilAborted(source, over)) {
        print(item);
        // Lost in this process: whoever reads stdout is slower than the agent sends.
        if (source.dropped > told) out.line(lossText(what, source.dropped - told, format));
        told = source.dropped;
        await out.ready();
      }
    } catch {
      // However the agent hung up, it is the end of both.
    }
    remoteEnd.abort();
  };
  const json = format === 'json';
  await Promise.all([
    show(logs, 'log', (line) => out.line(json ? compactJson({ type: 'log', line }) : line)),
    show(events, 'events', (event) => out.line(json ? compactJson(eventJson(event)) : eventText(event))),
  ]);
  if (unwanted.aborted) return EXIT.ok;
  out.error(
    'Remote side ended the monitor! This usually means that the remote side has exited or crashed: look at its log.',
  );
  return EXIT.error;
}

function lossText(what: string, dropped: number, format: OutputFormat): string {
  if (format === 'json') return compactJson({ type: 'gap', source: what, dropped });
  return `[WARN] ${dropped} records (${what}) are missing here: this output is read too slowly`;
}
