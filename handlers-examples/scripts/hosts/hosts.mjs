#!/usr/bin/env node
// Keeps a block of a hosts file in step with the cluster. See README.md.

import { isIP } from 'node:net';
import { readBytes, realFile, replaceFile, withLock } from '../shared/files.mjs';
import {
  askAgent,
  byText,
  isMemberEvent,
  membersOfEvent,
  quoted,
  readInput,
  report,
} from '../shared/members.mjs';

const BEGIN = '# BEGIN reeve members';
const END = '# END reeve members';
const MAX_NAME_LENGTH = 253;
const LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i;
/** Names that programs take for this very host or a special group, whatever the hosts file says. */
const RESERVED =
  /^(localhost[46]?|loopback|broadcasthost|ip6-.*)(\.localdomain[46]?)?$|\.localhost$|^localdomain[46]?$/i;
/** A failed member may come back and is still the right answer to its name; one that left is not. */
const LISTED = ['alive', 'leaving', 'failed'];

/** Splits a hosts file at our block. `members` is the block as name → address. */
function parse(text) {
  const lines = text.split('\n');
  const begins = lines.flatMap((line, at) => (line.trimEnd() === BEGIN ? [at] : []));
  const ends = lines.flatMap((line, at) => (line.trimEnd() === END ? [at] : []));
  if (begins.length === 0 && ends.length === 0) {
    const before = text === '' || text.endsWith('\n') ? text : `${text}\n`;
    return { before, after: '', members: new Map() };
  }
  if (begins.length !== 1 || ends.length !== 1 || begins[0] > ends[0]) {
    throw new Error(
      `'${BEGIN}' and '${END}' must each stand there once, in this order: mend the file by hand`,
    );
  }
  const [begin] = begins;
  const [end] = ends;
  const block = lines.slice(begin + 1, end).map((line) => line.trimEnd().split('\t'));
  return {
    before: lines
      .slice(0, begin)
      .map((line) => `${line}\n`)
      .join(''),
    after: lines.slice(end + 1).join('\n'),
    members: new Map(block.filter((words) => words.length === 2).map(([address, name]) => [name, address])),
  };
}

/** Every name that lines outside our block define, in lower case. */
function foreignNames(text) {
  const names = new Set();
  for (const line of text.split('\n')) {
    for (const name of line.replace(/#.*/, '').trim().split(/\s+/).slice(1)) names.add(name.toLowerCase());
  }
  return names;
}

/** Why a member must not be listed; undefined if it may. */
function objection(name, address, taken) {
  if (isIP(address) === 0 || address.includes('%')) return `${quoted(address)} is no address`;
  if (address === '0.0.0.0' || address === '::') return `${address} is nobody's address`;
  const labels = name.split('.');
  const valid = name.length <= MAX_NAME_LENGTH && labels.every((label) => LABEL.test(label));
  if (!valid || /^\d+$/.test(labels.at(-1))) return 'it is no host name';
  if (RESERVED.test(name)) return 'the name is reserved';
  return taken.has(name.toLowerCase()) ? 'another line has this name already' : undefined;
}

/** The members that should be listed: all of the agent's, or the present ones changed by the event. */
function listAfter(present, everybody, changed) {
  const members = everybody === undefined ? new Map(present) : new Map();
  for (const { name, address, status } of everybody ?? changed) {
    if (!LISTED.includes(status)) members.delete(name);
    else members.set(name, address);
  }
  return members;
}

/** The new text of the file. */
function render(text, everybody, changed) {
  const { before, after, members: present } = parse(text);
  const taken = foreignNames(before + after);
  const lines = [];
  for (const [name, address] of [...listAfter(present, everybody, changed)].sort((a, b) =>
    byText(a[0], b[0]),
  )) {
    const why = objection(name, address, taken);
    if (why === undefined) {
      lines.push(`${address}\t${name}\n`);
      taken.add(name.toLowerCase());
    } else report(`left out ${quoted(name)}: ${why}`);
  }
  return `${before}${BEGIN}\n${lines.join('')}${END}\n${after}`;
}

async function main() {
  const event = process.env.SERF_EVENT;
  const input = await readInput();
  if (!isMemberEvent(event)) return;
  const path = realFile(process.env.HOSTS_FILE ?? '/etc/hosts');
  await withLock(path, async () => {
    // Asked under the lock, so that an older list never overwrites a newer one.
    const everybody = await askAgent(process.env.REEVE_AGENT);
    const text = readBytes(path);
    const next = render(text ?? '', everybody, membersOfEvent(event, input));
    if (next !== text) replaceFile(path, next);
  });
}

await main().catch((error) => {
  report(`hosts: ${error.message}`);
  process.exitCode = 1;
});
