import type { SwimConfig } from './config.ts';
import type { MemberView } from './members.ts';
import type { RemoteMember } from './state-codec.ts';

/** Protocol version bytes: protocol min, max, current, then the same of the delegate (memberlist.md 3.7). */

/** Bytes of a complete version field; a shorter one counts as absent. */
export const VERSION_BYTES = 6;

/** Oldest and newest memberlist protocol this code understands. */
const PROTOCOL_MIN = 1;
const PROTOCOL_MAX = 5;

/** Features a peer has from this protocol maximum on. */
export const FEATURE = { tcpPing: 3, nack: 4, crc: 5 } as const;

/** Our own six bytes. */
export function ownVersions(config: SwimConfig): Uint8Array {
  return Uint8Array.of(PROTOCOL_MIN, PROTOCOL_MAX, config.protocolVersion, ...config.delegateVersion);
}

/** The highest protocol a member understands; 0 when it never said. */
export function protocolMax(vsn: Uint8Array): number {
  return vsn.length >= VERSION_BYTES ? (vsn[1] as number) : 0;
}

/** True for versions no node can have: a zero bound, or a minimum above the maximum (3.2 row 2). */
export function isNonsenseVersion(vsn: Uint8Array): boolean {
  if (vsn.length < 3) return false;
  const [min = 0, max = 0] = vsn;
  return min === 0 || max === 0 || min > max;
}

/** What all alive members understand, and what members of every state speak. */
interface Range {
  low: number;
  high: number;
  lowest: number;
  highest: number;
}

/**
 * Checks that everybody, remote and local, of every state, speaks a version everybody alive understands
 * (memberlist.md 3.7). Returns why not, in memberlist's words.
 */
export function incompatibility(remote: readonly RemoteMember[], members: MemberView): string | undefined {
  const protocol: Range = { low: 0, high: 255, lowest: 255, highest: 0 };
  const delegate: Range = { low: 0, high: 255, lowest: 255, highest: 0 };
  let last: Uint8Array | undefined;
  let lastNarrows = false;
  const meet = (vsn: Uint8Array, narrows: boolean): void => {
    // Meeting the same again changes nothing, and most members share the very array.
    if (vsn === last && narrows === lastNarrows) return;
    last = vsn;
    lastNarrows = narrows;
    if (narrows) {
      protocol.low = Math.max(protocol.low, vsn[0] ?? 0);
      protocol.high = Math.min(protocol.high, vsn[1] ?? 0);
      delegate.low = Math.max(delegate.low, vsn[3] ?? 0);
      delegate.high = Math.min(delegate.high, vsn[4] ?? 0);
    }
    see(protocol, spoken(vsn, 2));
    see(delegate, spoken(vsn, 5));
  };
  for (const { facts, state } of remote)
    meet(facts.vsn, state === 0 && facts.vsn.length >= VERSION_BYTES - 1);
  members.each((facts, _incarnation, status) => meet(facts.vsn, status === 'alive'));
  if (isMet(protocol) && isMet(delegate)) return undefined;
  for (const { facts } of [...remote, ...members.values()]) {
    const [current, currentDelegate] = [spoken(facts.vsn, 2), spoken(facts.vsn, 5)];
    if (current < protocol.low || current > protocol.high) {
      return `Node '${facts.name}' protocol version (${current}) is incompatible: [${protocol.low}, ${protocol.high}]`;
    }
    if (currentDelegate < delegate.low || currentDelegate > delegate.high) {
      return (
        `Node '${facts.name}' delegate protocol version (${currentDelegate}) is incompatible: ` +
        `[${delegate.low}, ${delegate.high}]`
      );
    }
  }
  return undefined;
}

/** A version in use: the byte at `index`, or 0 where a member never said. */
function spoken(vsn: Uint8Array, index: number): number {
  return vsn.length >= VERSION_BYTES ? (vsn[index] as number) : 0;
}

function see(range: Range, version: number): void {
  range.lowest = Math.min(range.lowest, version);
  range.highest = Math.max(range.highest, version);
}

function isMet({ low, high, lowest, highest }: Range): boolean {
  return lowest >= low && highest <= high;
}
