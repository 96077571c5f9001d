// What a membership handler is told: one event in SERF_EVENT and on standard input, or the whole list from the agent.

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** An agent that does not answer must not hold up the event it was asked about. */
const ASK_TIMEOUT_MS = 10_000;
const ASK_MAX_BYTES = 64 << 20;

/**
 * `tags` holds every reading of a tag: more than one only where a value with a comma in it looks like a second tag.
 * @typedef {{ name: string, address: string, role: string, tags: ReadonlyMap<string, readonly string[]>, status: string }} Member
 */

const STATUS_AFTER = {
  'member-join': 'alive',
  'member-update': 'alive',
  'member-failed': 'failed',
  'member-leave': 'left',
  'member-reap': 'gone',
};

/** True for the five membership events; other events change no list. */
export function isMemberEvent(event) {
  return Object.hasOwn(STATUS_AFTER, event ?? '');
}

/**
 * The whole member list from `$REEVE_AGENT members -format=json`, or undefined when no agent is named or it does not
 * answer. It heals whatever events were missed.
 * @returns {Promise<readonly Member[] | undefined>}
 */
export async function askAgent(command) {
  const [program, ...args] = (command ?? '').split(/\s+/).filter((word) => word !== '');
  if (program === undefined) return undefined;
  try {
    const { stdout } = await promisify(execFile)(program, [...args, 'members', '-format=json'], {
      timeout: ASK_TIMEOUT_MS,
      maxBuffer: ASK_MAX_BYTES,
    });
    const members = JSON.parse(stdout).members ?? [];
    return members.map(({ name, addr, tags, status }) => ({
      name,
      address: withoutPort(addr),
      role: tags.role ?? '',
      tags: new Map(Object.entries(tags).map(([tag, value]) => [tag, [value]])),
      status,
    }));
  } catch (error) {
    report(`the agent did not answer (${error.message.split('\n')[0]}), going by the event alone`);
    return undefined;
  }
}

/**
 * The members of one event: a line each, NAME, ADDRESS, ROLE and TAGS between tabs.
 * @returns {readonly Member[]}
 */
export function membersOfEvent(event, input) {
  const lines = input.split('\n').filter((line) => line !== '');
  return lines.map((line) => {
    const [name = '', address = '', role = '', tags = ''] = line.split('\t');
    return { name, address, role, tags: parseTags(tags), status: STATUS_AFTER[event] };
  });
}

/** Tags are joined by commas, and a comma in a value is not escaped. */
function parseTags(column) {
  const tags = new Map();
  for (const entry of column.split(',')) {
    const equals = entry.indexOf('=');
    const name = entry.slice(0, Math.max(0, equals));
    if (equals >= 0) tags.set(name, [...(tags.get(name) ?? []), entry.slice(equals + 1)]);
  }
  return tags;
}

function withoutPort(address) {
  return address.slice(0, address.lastIndexOf(':')).replace(/^\[|\]$/g, '');
}

/** Everything on standard input. */
export async function readInput() {
  const chunks = [];
  for await (const chunk of process.stdin) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

/** Standard error goes to the agent's log. */
export function report(text) {
  process.stderr.write(`${text}\n`);
}

/** Text of a peer made safe to print. */
export function quoted(text) {
  return JSON.stringify(text.slice(0, 100));
}

/** Orders by code unit, the same on every host whatever its locale. */
export function byText(a, b) {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
