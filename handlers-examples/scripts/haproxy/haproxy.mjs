#!/usr/bin/env node
// Keeps the servers of a haproxy configuration in step with the cluster. See README.md.

import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { fileURLToPath } from 'node:url';
import { readBytes, realFile, replaceFile, stage, stagePath, withLock } from '../shared/files.mjs';
import {
  askAgent,
  byText,
  isMemberEvent,
  membersOfEvent,
  quoted,
  readInput,
  report,
} from '../shared/members.mjs';

const PLACE = /^([ \t]*)@SERVERS@[ \t]*(.*)$/m;
const BEGIN = '# BEGIN reeve servers';
const END = '# END reeve servers';
const SERVER_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$/;
const PORT = /^[1-9][0-9]{0,4}$/;
const COMMAND_TIMEOUT_MS = 60_000;

const settings = {
  config: process.env.HAPROXY_CFG ?? '/etc/haproxy/haproxy.cfg',
  template: process.env.HAPROXY_TEMPLATE ?? fileURLToPath(new URL('haproxy.cfg.template', import.meta.url)),
  tag: process.env.HAPROXY_TAG ?? 'role',
  value: process.env.HAPROXY_VALUE ?? 'web',
  portTag: process.env.HAPROXY_PORT_TAG ?? 'port',
  port: process.env.HAPROXY_PORT ?? '80',
  program: process.env.HAPROXY_PROGRAM ?? 'haproxy',
  reload: process.env.HAPROXY_RELOAD ?? 'systemctl reload haproxy',
};

/** The servers that the present configuration lists, as name → address and port. */
function presentServers(text) {
  const servers = new Map();
  let inside = false;
  for (const line of text.split('\n').map((one) => one.trim())) {
    if (line === BEGIN || line === END) inside = line === BEGIN;
    const [word, name, target] = line.split(/\s+/);
    if (inside && word === 'server' && target !== undefined) servers.set(name, target);
  }
  return servers;
}

/** Where a member serves; undefined when it is no server of ours. What breaks the grammar is left out, never mended. */
function targetOf({ name, address, role, tags, status }) {
  const values = settings.tag === 'role' ? [role] : (tags.get(settings.tag) ?? []);
  if (status !== 'alive' || !values.includes(settings.value)) return undefined;
  const ports = tags.get(settings.portTag) ?? [settings.port];
  const [port] = ports;
  if (values.length > 1 || ports.length > 1)
    report(`left out ${quoted(name)}: its tags can be read in two ways`);
  else if (!SERVER_NAME.test(name)) report(`left out ${quoted(name)}: no name for a server`);
  else if (isIP(address) === 0) report(`left out ${quoted(name)}: ${quoted(address)} is no address`);
  else if (!PORT.test(port) || Number(port) > 65535)
    report(`left out ${quoted(name)}: ${quoted(port)} is no port`);
  else return isIP(address) === 6 ? `[${address}]:${port}` : `${address}:${port}`;
  return undefined;
}

/** The template with the server lines in their place. */
function render(template, servers) {
  if (!PLACE.test(template)) throw new Error(`${settings.template} has no line with @SERVERS@`);
  return template.replace(PLACE, (_line, indent, options) => {
    const lines = [...servers]
      .sort((a, b) => byText(a[0], b[0]))
      .map(([name, target]) => `server ${name} ${target} ${options}`.trimEnd());
    return [BEGIN, ...lines, END].map((line) => indent + line).join('\n');
  });
}

/** Lets haproxy itself judge the staged file; throws with what it says. */
function check(staged) {
  run(settings.program, ['-c', '-f', staged], 'haproxy refuses the new configuration, the old one stays');
}

/** A reload that fails puts the old configuration back, so that the next event tries again. */
function reload(path, old) {
  try {
    run('/bin/sh', ['-c', settings.reload], `'${settings.reload}' failed, the old configuration is back`);
  } catch (error) {
    if (old === undefined) rmSync(path, { force: true });
    else replaceFile(path, old);
    throw error;
  }
}

function run(program, args, failure) {
  try {
    execFileSync(program, args, { stdio: ['ignore', 'pipe', 'pipe'], timeout: COMMAND_TIMEOUT_MS });
  } catch (error) {
    throw new Error(`${failure}: ${String(error.stderr ?? '').trim() || error.message}`);
  }
}

async function update(path, event, input) {
  const everybody = await askAgent(process.env.REEVE_AGENT);
  const old = readBytes(path);
  const servers = everybody === undefined ? presentServers(old ?? '') : new Map();
  for (const member of everybody ?? membersOfEvent(event, input)) {
    const target = targetOf(member);
    if (target === undefined) servers.delete(member.name);
    else servers.set(member.name, target);
  }
  const next = render(readFileSync(settings.template, 'latin1'), servers);
  // Stands from before the swap until the reload is done, so that a run killed in between is made up for.
  const pending = `${path}.reeve-reload`;
  if (next === old && readBytes(pending) === undefined) return;
  if (next !== old) {
    try {
      check(stage(path, next));
      writeFileSync(pending, '');
      replaceFile(path, next);
    } finally {
      rmSync(stagePath(path), { force: true });
    }
  }
  reload(path, old);
  rmSync(pending, { force: true });
}

async function main() {
  const event = process.env.SERF_EVENT;
  const input = await readInput();
  if (!isMemberEvent(event)) return;
  const path = realFile(settings.config);
  await withLock(path, () => update(path, event, input));
}

await main().catch((error) => {
  report(`haproxy: ${error.message}`);
  process.exitCode = 1;
});
