import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { ipBytes } from '../base/address.ts';
import type { Address } from '../base/machine.ts';
import { codeOf } from '../runtime/net-errors.ts';

/** What can be known of other processes, for messages; everything here is best effort and Linux has most of it. */

/** Other users' processes are looked at too, but not without end. */
const MOST_PROCESSES = 4096;

/** True when a process has this id, whoever owns it. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}

/** The program of a process, with the script an interpreter runs; undefined where that cannot be seen. */
export function commandOf(pid: number): string | undefined {
  const name = readOrEmpty(`/proc/${pid}/comm`).trim();
  if (name === '') return undefined;
  const [program = '', ...words] = readOrEmpty(`/proc/${pid}/cmdline`).split('\0');
  const script = words.find((word) => /\.[cm]?[jt]s$/.test(word)) ?? installedScript(program, words);
  return script === undefined ? name : `${name} ${basename(script)}`;
}

/** A script installed as a command has no ending: it is what node was given first. */
function installedScript(program: string, words: readonly string[]): string | undefined {
  return basename(program) === 'node'
    ? words.find((word) => word !== '' && !word.startsWith('-'))
    : undefined;
}

/** When a process started, in ticks since the machine did; empty where that cannot be seen. */
export function startTimeOf(pid: number): string {
  const stat = readOrEmpty(`/proc/${pid}/stat`);
  // The program's name may hold blanks and parentheses; the fields after the last one are plain.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return stat === '' ? '' : (fields[19] ?? '');
}

/**
 * Who has a port of this machine: `process 4711 (serf)`, or undefined when that cannot be seen.
 *
 * @param protocols which tables are looked at
 */
export function ownerOfPort(address: Address, protocols: readonly ('tcp' | 'udp')[]): string | undefined {
  const tables = protocols.flatMap((protocol) => [protocol, `${protocol}6`]);
  const inodes = new Set(tables.flatMap((table) => inodesOf(readOrEmpty(`/proc/net/${table}`), address)));
  if (inodes.size === 0) return undefined;
  for (const pid of processIds()) {
    if (!holdsSocket(pid, inodes)) continue;
    const command = commandOf(pid);
    return command === undefined ? `process ${pid}` : `process ${pid} (${command})`;
  }
  return undefined;
}

/** Inodes of sockets bound to the address, or to all addresses, in a table of `/proc/net`. */
export function inodesOf(table: string, address: Address): readonly string[] {
  const wanted = kernelHex(address.ip);
  const port = address.port.toString(16).toUpperCase().padStart(4, '0');
  return table
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const fields = line.trim().split(/\s+/);
      const [host = '', hostPort = ''] = (fields[1] ?? '').split(':');
      const listens = fields[3] === '0A' || fields[3] === '07';
      const clashes = hostPort === port && (host === wanted || /^0+$/.test(host) || /^0*$/.test(wanted));
      const inode = fields[9];
      return listens && clashes && inode !== undefined ? [inode] : [];
    });
}

/** An address as the kernel prints it: each 32-bit word in the machine's own byte order. */
function kernelHex(ip: string): string {
  const bytes = ipBytes(ip) ?? new Uint8Array(4);
  let out = '';
  for (let word = 0; word < bytes.length; word += 4) {
    out += Buffer.from(bytes.subarray(word, word + 4))
      .reverse()
      .toString('hex')
      .toUpperCase();
  }
  return out;
}

function processIds(): readonly number[] {
  try {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name))
      .slice(0, MOST_PROCESSES)
      .map(Number);
  } catch {
    return [];
  }
}

function holdsSocket(pid: number, inodes: ReadonlySet<string>): boolean {
  try {
    return readdirSync(`/proc/${pid}/fd`).some((fd) => {
      const link = linkOrEmpty(`/proc/${pid}/fd/${fd}`);
      return link.startsWith('socket:[') && inodes.has(link.slice('socket:['.length, -1));
    });
  } catch {
    return false;
  }
}

function linkOrEmpty(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
