import { hostPort, ipText } from '../../base/address.ts';
import { textOfBytes } from '../../base/bytes.ts';
import type { MemberInfo } from '../../events/event.ts';
import type { StreamedEvent } from '../../rpc/protocol.ts';
import { defineCommand, explained, RPC_FLAGS, withAgent } from '../command.ts';
import { EXIT } from '../exit.ts';
import type { Output } from '../output.ts';
import { untilAborted } from '../until-aborted.ts';

/** `monitor` (agent.md 15.7): log lines as they are, events as a block of fields. */
export const monitorCommand = defineCommand({
  name: 'monitor',
  usage: '[options]',
  examples: [
    ['', 'Watch the log and the events'],
    ['-log-level=debug', 'Whatever the agent itself logs'],
  ],
  about: [
    'Shows the recent log of the agent, then its log and the events of the cluster as they come, until interrupted.',
  ],
  flags: {
    'log-level': { kind: 'text', default: 'INFO', value: 'level', doc: 'TRACE, DEBUG, INFO, WARN or ERR.' },
    ...RPC_FLAGS,
  },
  order: 'go',
  run: ({ flags }, context) =>
    withAgent(context, flags, async (client) => {
      const { out } = context;
      const events = await explained('Error starting stream', client.stream('*'));
      const logs = await explained('Error starting monitor', client.monitor(flags['log-level']));
      const unwanted = AbortSignal.any([context.interrupted(), out.broken]);
      const remoteEnd = new AbortController();
      const over = AbortSignal.any([unwanted, remoteEnd.signal]);
      const show = async <T>(source: AsyncIterable<T>, print: (item: T) => void): Promise<void> => {
        try {
          for await (const item of untilAborted(source, over)) {
            print(item);
            await out.ready();
          }
        } catch {
          // However the agent hung up, it is the end of both.
        }
        remoteEnd.abort();
      };
      await Promise.all([
        show(logs, (line) => out.line(line)),
        show(events, (event) => printEvent(event, out)),
      ]);
      if (unwanted.aborted) return EXIT.ok;
      out.error(
        '\nRemote side ended the monitor! This usually means that the\nremote side has exited or crashed.',
      );
      return EXIT.error;
    }),
});

function printEvent(event: StreamedEvent, out: Output): void {
  out.line('Event Info:');
  for (const [key, value] of eventFields(event)) out.line(`\t${key}: ${value}`);
}

function eventFields(event: StreamedEvent): readonly (readonly [string, string])[] {
  const kind = ['Event', JSON.stringify(event.type)] as const;
  switch (event.type) {
    case 'user':
      return [kind, ...named(event), ['Coalesce', String(event.coalesce)]];
    case 'query':
      return [kind, ['ID', String(event.id)], ...named(event)];
    default:
      return [kind, ['Members', `[${event.members.map(memberText).join(', ')}]`]];
  }
}

function named(event: {
  readonly ltime: number;
  readonly name: string;
  readonly payload: Uint8Array | null;
}): readonly (readonly [string, string])[] {
  const payload = event.payload === null ? '<nil>' : JSON.stringify(textOfBytes(event.payload));
  return [
    ['LTime', String(event.ltime)],
    ['Name', JSON.stringify(event.name)],
    ['Payload', payload],
  ];
}

function memberText(member: MemberInfo): string {
  const addr = hostPort({ ip: ipText(member.addr) ?? '', port: member.port });
  return JSON.stringify({
    name: member.name,
    addr,
    status: member.status,
    tags: Object.fromEntries(member.tags),
  });
}
