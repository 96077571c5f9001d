import type { KeyReport, KeyRequest } from '../../rpc/backend.ts';
import {
  type CommandContext,
  defineCommand,
  explained,
  failure,
  RPC_FLAGS,
  usageError,
  withAgent,
} from '../command.ts';
import { EXIT } from '../exit.ts';
import { columns, goJson, type Json, sortedByBytes } from '../format.ts';
import { checkFormat, FORMAT_FLAG } from '../output-format.ts';

interface Words {
  readonly start: string;
  readonly done: string;
  readonly error: string;
}

const WORDS = {
  install: {
    start: 'Installing key on all members...',
    done: 'Successfully installed key!',
    error: 'Error installing key',
  },
  use: {
    start: 'Changing primary key on all members...',
    done: 'Successfully changed primary key!',
    error: 'Error changing primary key',
  },
  remove: {
    start: 'Removing key on all members...',
    done: 'Successfully removed key!',
    error: 'Error removing key',
  },
  list: {
    start: 'Asking all members for installed keys...',
    done: 'Keys gathered, listing cluster keys...',
    error: 'Failed to gather member keys',
  },
} as const satisfies Record<KeyRequest['action'], Words>;

/** `keys` (agent.md 15.6): changes the keyring of every member at once. */
export const keysCommand = defineCommand({
  name: 'keys',
  usage: '[options]',
  examples: [
    ['-list', 'Which keys exist, and on how many members'],
    ['-list --json', 'The same for programs'],
    ['-install="$(cat new.key)"', 'Step 1 of a rotation: all learn the key'],
    ['-use="$(cat new.key)"', 'Step 2: all encrypt with it'],
    ['-remove="$(cat old.key)"', 'Step 3: all forget the old one'],
  ],
  about: [
    'Manages the encryption keys of the whole cluster. Each change is sent to every member and may be repeated safely. Fails if any member does not answer or reports a failure.',
    'Our agents refuse to remove a key while a member they know, failed ones included, has not shown that it holds the key in use and encrypts with it.',
    'Several keys at once are meant for the time of a rotation only.',
  ],
  flags: {
    install: { kind: 'text', value: 'key', doc: 'Install a new key, for decryption only so far.' },
    use: { kind: 'text', value: 'key', doc: 'Encrypt with this key from now on; all members must have it.' },
    remove: { kind: 'text', value: 'key', doc: 'Remove a key that is not the one in use.' },
    force: {
      kind: 'bool',
      doc: 'With -remove: even if members that have not confirmed the key in use may be locked out.',
    },
    list: { kind: 'bool', doc: 'List the keys, each with the number of members that have it.' },
    format: { ...FORMAT_FLAG, doc: 'Format of what -list prints; --json is short for -format=json.' },
    ...RPC_FLAGS,
  },
  order: 'go',
  run: async ({ flags }, context) => {
    const requests = (['install', 'use', 'remove'] as const)
      .filter((action) => flags[action] !== '')
      .map((action): KeyRequest => ({ action, key: flags[action], ...(flags.force ? { force: true } : {}) }));
    if (flags.list) requests.push({ action: 'list', key: '' });
    const [request] = requests;
    if (request === undefined)
      throw usageError('One of -install, -use, -remove, or -list must be specified.');
    if (flags.force && flags.remove === '') throw usageError('-force goes with -remove only.');
    if (requests.length > 1) throw failure('Only one of -install, -use, -remove, or -list allowed');
    const json = checkFormat(flags.format) === 'json';
    if (json && request.action !== 'list') throw usageError('-format=json goes with -list only.');
    return withAgent(context, flags, async (client) => {
      const words = WORDS[request.action];
      if (!json) context.out.line(`==> ${words.start}`);
      const report = await explained(words.error, client.keys(request));
      if (json) context.out.line(goJson(reportJson(report)));
      if (json && report.error === undefined) return EXIT.ok;
      if (report.error !== undefined) throw reportFailure(report, words, report.error);
      succeed(request, report, words, context);
      return EXIT.ok;
    });
  },
});

function reportJson({ keys, messages, numNodes, numResp, numErr }: KeyReport): Json {
  return { keys, nodes: numNodes, responses: numResp, errors: numErr, messages };
}

function succeed(request: KeyRequest, report: KeyReport, words: Words, { out }: CommandContext): void {
  out.line(`==> ${words.done}`);
  for (const [node, message] of sortedByBytes(report.messages)) out.error(`warning: ${node}: ${message}`);
  if (request.action !== 'list') return;
  out.line('');
  out.line(columns(sortedByBytes(report.keys).map(([key, count]) => [key, `[${count}/${report.numNodes}]`])));
}

function reportFailure(report: KeyReport, words: Words, error: string): Error {
  const rows = sortedByBytes(report.messages).map(([node, message]) => ['failed:', node, message]);
  const table = rows.length === 0 ? '' : `${columns(rows)}\n`;
  return failure(`${table}\n${words.error}: ${error}`);
}
