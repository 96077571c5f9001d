import { unreachable } from '../../base/assert.ts';
import { bytesOfText, textOfBytes } from '../../base/bytes.ts';
import type { QueryUntil } from '../../rpc/backend.ts';
import { PING_QUERY } from '../../rpc/protocol.ts';
import type { ClientQueryRecord } from '../../rpc/records.ts';
import { defineCommand, failure, RPC_FLAGS, readTags, usageError, withAgent } from '../command.ts';
import { EXIT } from '../exit.ts';
import { goJson } from '../format.ts';
import type { Output } from '../output.ts';
import { FORMAT_FLAG } from '../output-format.ts';
import { startQuery } from '../query-records.ts';

/** The wire has one byte for it. */
const RELAY_FACTOR_MAX = 255;

/** `query` (agent.md 15.4): text as answers come in, JSON once at the end. */
export const queryCommand = defineCommand({
  name: 'query',
  usage: '[options] name [payload]',
  examples: [
    ['uptime', 'Ask every node'],
    ['-tag role=web -timeout=5s load', 'Ask the web servers, for 5 seconds'],
    ['-node=db1 -node=db2 backup full', 'Ask two, with a payload'],
    ['--json uptime', 'Answers as JSON, at the end'],
  ],
  about: [
    'Asks the cluster a question: handlers for queries of that name answer on their standard output. Ends when every live member asked has answered, or when the timeout is over; members that gave no sign are named on standard error.',
  ],
  flags: {
    format: FORMAT_FLAG,
    node: { kind: 'list', value: 'name', doc: 'Only ask this node; may be repeated.' },
    tag: { kind: 'list', value: 'key=regexp', doc: 'Only ask nodes whose tag matches; may be repeated.' },
    timeout: {
      kind: 'duration',
      value: 'duration',
      doc: 'How long to wait, such as 5s. Default: what suits the size of the cluster.',
    },
    'no-ack': { kind: 'bool', doc: 'Nodes do not acknowledge the question.' },
    'relay-factor': {
      kind: 'int',
      value: 'n',
      doc: 'Send answers through N other nodes too, for networks that lose packets.',
    },
    ...RPC_FLAGS,
  },
  order: 'go',
  run: async ({ flags, args }, context) => {
    const filterTags = readTags(flags.tag);
    const [name, text] = args;
    if (name === undefined) throw usageError('A query name must be specified.');
    if (args.length > 2) {
      throw usageError('Too many command line arguments. Only a name and payload must be specified.');
    }
    const relayFactor = flags['relay-factor'];
    if (relayFactor < 0 || relayFactor > RELAY_FACTOR_MAX) {
      throw failure('Relay factor must be between 0 and 255');
    }
    // Nothing but an acknowledgement answers a ping.
    const until: QueryUntil = name === PING_QUERY ? 'acks' : 'responses';
    const report = reportFor(flags.format, name, flags['no-ack'], context.out);
    const request = {
      name,
      payload: text === undefined ? null : bytesOfText(text),
      filterNodes: flags.node,
      filterTags,
      requestAck: !flags['no-ack'],
      relayFactor,
      timeoutMs: flags.timeout,
      until,
    };
    return withAgent(context, flags, async (client) => {
      const interrupted = context.interrupted();
      const records = await startQuery(client, request, interrupted);
      report.started();
      for await (const record of records) report.record(record);
      if (interrupted.aborted) return EXIT.error;
      report.finished();
      return EXIT.ok;
    });
  },
});

interface Report {
  started(): void;
  record(record: ClientQueryRecord): void;
  finished(): void;
}

function reportFor(format: string, name: string, noAck: boolean, out: Output): Report {
  if (format === 'text') return textReport(name, noAck, out);
  if (format === 'json') return jsonReport(out);
  throw failure(`Invalid format: ${format}`);
}

const NEWLINE = 0x0a;

function textReport(name: string, noAck: boolean, out: Output): Report {
  let acks = 0;
  let responses = 0;
  return {
    started: () => out.line(`Query '${name}' dispatched`),
    record: (record) => {
      switch (record.type) {
        case 'ack':
          acks += 1;
          out.line(`Ack from '${record.from}'`);
          return;
        case 'response': {
          responses += 1;
          const { payload } = record;
          const end = payload.at(-1) === NEWLINE ? payload.length - 1 : payload.length;
          out.bytes(
            Buffer.concat([bytesOfText(`Response from '${record.from}': `), payload.subarray(0, end)]),
          );
          out.line('');
          return;
        }
        case 'silent':
          reportSilent(record.names, out);
          return;
        default:
          unreachable(record);
      }
    },
    finished: () => {
      if (!noAck) out.line(`Total Acks: ${acks}`);
      out.line(`Total Responses: ${responses}`);
    },
  };
}

function reportSilent(names: readonly string[], out: Output): void {
  if (names.length > 0) out.error(`No answer from: ${names.join(', ')}`);
}

function jsonReport(out: Output): Report {
  const acks: string[] = [];
  const responses = new Map<string, string>();
  return {
    started: () => undefined,
    record: (record) => {
      switch (record.type) {
        case 'ack':
          acks.push(record.from);
          return;
        case 'response':
          responses.set(record.from, textOfBytes(record.payload));
          return;
        case 'silent':
          reportSilent(record.names, out);
          return;
        default:
          unreachable(record);
      }
    },
    finished: () => out.line(goJson({ Acks: acks.length === 0 ? null : acks, Responses: responses })),
  };
}
