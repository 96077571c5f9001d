import { bytesOfText } from '../../base/bytes.ts';
import type { QueryRequest, QueryUntil } from '../../rpc/backend.ts';
import { PING_QUERY } from '../../rpc/protocol.ts';
import {
  type CommandContext,
  defineCommand,
  explained,
  failure,
  RPC_FLAGS,
  readTags,
  usageError,
  withAgent,
} from '../command.ts';
import type { AgentClient } from '../connect.ts';
import { EXIT } from '../exit.ts';
import type { Output } from '../output.ts';
import { type QueryOutcome, QueryTally, whoIsAsked } from '../query-outcome.ts';
import { startQuery } from '../query-records.ts';
import { groupReport, jsonReport, linesReport, type QueryReport, textReport } from '../query-report.ts';

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
    ['--group version', 'Equal answers once, with who gave them'],
    ['--strict deploy v42 && echo ok', 'Only if all answered, and well'],
    ['--json uptime', 'Answers as JSON, at the end'],
  ],
  about: [
    'Asks the cluster a question: handlers for queries of that name answer on their standard output. Ends when every live member asked has answered, or when the timeout is over; who did not answer is named on standard error.',
    'With --strict the exit code tells: 0 when all who were asked answered, 3 when an answer reports failure, 4 when somebody is missing. A name given with -node counts as asked whether it is a live member or not.',
    'An answer reports failure when its first line starts with ERROR, FAIL, FAILED, FAILURE or CRITICAL and a colon, " - " or nothing more, or when it is a JSON object with "ok": false or an "error".',
  ],
  flags: {
    format: {
      kind: 'text',
      default: 'text',
      value: 'text|json|jsonl',
      doc: 'Format of the output: json is one object at the end (short: --json), jsonl one line for each ack and answer as it comes.',
    },
    group: { kind: 'bool', doc: 'Show equal answers once, at the end, with how many gave them and who.' },
    strict: {
      kind: 'bool',
      doc: 'Exit with 3 when an answer reports failure, with 4 when somebody is missing.',
    },
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
    const payload = text === undefined ? null : bytesOfText(text);
    // Nothing but an acknowledgement answers a ping.
    const acksSuffice = name === PING_QUERY && payload === null;
    const until: QueryUntil = acksSuffice ? 'acks' : 'responses';
    const tally = new QueryTally();
    const report = reportFor(flags, name, tally, context);
    const request = {
      name,
      payload,
      filterNodes: flags.node,
      filterTags,
      requestAck: !flags['no-ack'],
      relayFactor,
      timeoutMs: flags.timeout,
      until,
    };
    return withAgent(context, flags, async (client) => {
      const asked = await askedBy(client, request);
      const interrupted = context.interrupted();
      const records = await startQuery(client, request, interrupted);
      report.started();
      for await (const record of records) {
        tally.add(record);
        report.record(record);
      }
      if (interrupted.aborted) return EXIT.error;
      const outcome = tally.outcome(asked, acksSuffice);
      report.finished(outcome);
      tellMissing(outcome, context.out);
      return flags.strict ? strictExit(outcome, context.out) : EXIT.ok;
    });
  },
});

interface ReportFlags {
  readonly format: string;
  readonly group: boolean;
  readonly 'no-ack': boolean;
}

function reportFor(
  flags: ReportFlags,
  name: string,
  tally: QueryTally,
  context: CommandContext,
): QueryReport {
  switch (flags.format) {
    case 'text':
      return flags.group ? groupReport(name, context) : textReport(name, flags['no-ack'], tally, context);
    case 'json':
      return jsonReport(flags.group, context);
    case 'jsonl':
      if (flags.group) throw failure('-group needs all answers: give -format=json, not jsonl');
      return linesReport(context);
    default:
      throw failure(`Invalid format: ${flags.format}`);
  }
}

/** Whom the query asks, by the list of members just before it. */
async function askedBy(client: AgentClient, request: QueryRequest): Promise<ReadonlySet<string>> {
  const members = await explained('Error sending query', client.members());
  return whoIsAsked(members, request);
}

/** Names beyond these are only counted. */
const NAMES_SHOWN = 20;

/** Who did not answer, on stderr: data on stdout stays as scripts know it. */
function tellMissing({ missing, acks }: QueryOutcome, out: Output): void {
  if (missing.length === 0) return;
  const names = missing
    .slice(0, NAMES_SHOWN)
    .map((name) => (acks.includes(name) ? `${name} (only acknowledged)` : name));
  const more = missing.length > NAMES_SHOWN ? ` and ${missing.length - NAMES_SHOWN} more` : '';
  out.error(`No answer from: ${names.join(', ')}${more}`);
}

/** A failure that was reported is certain, a missing answer is not: the former goes first. */
function strictExit({ failed, missing, nobodyAsked }: QueryOutcome, out: Output): number {
  if (failed.length > 0) {
    out.error(`Failure reported by: ${failed.join(', ')}`);
    return EXIT.failureReported;
  }
  if (nobodyAsked) out.error('Nobody was asked: no live member passes the filters.');
  return missing.length > 0 || nobodyAsked ? EXIT.answerMissing : EXIT.ok;
}
