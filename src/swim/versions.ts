import type { SwimConfig } from './config.ts';
import type { MemberView } from './members.ts';
import type { PushPullNode } from './messages.ts';

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

interface Range {
  low: number;
  high: number;
}

/**
 * Checks that everybody, remote and local, of every state, speaks a version everybody alive understands
 * (memberlist.md 3.7). Returns why not, in memberlist's words.
 */
export function incompatibility(remote: readonly PushPullNode[], members: MemberView): string | undefined {
  const protocol: Range = { low: 0, high: 255 };
  const delegate: Range = { low: 0, high: 255 };
  const narrow = (vsn: Uint8Array): void => {
    protocol.low = Math.max(protocol.low, vsn[0] ?? 0);
    protocol.high = Math.min(protocol.high, vsn[1] ?? 0);
    delegate.low = Math.max(delegate.low, vsn[3] ?? 0);
    delegate.high = Math.min(delegate.high, vsn[4] ?? 0);
  };
  for (const node of remote) if (node.state === 0 && node.vsn.length >= VERSION_BYTES - 1) narrow(node.vsn);
  for (const member of members.values()) if (member.status === 'alive') narrow(member.facts.vsn);
  const check = (name: string, vsn: Uint8Array): string | undefined => {
    const whole = vsn.length >= VERSION_BYTES;
    const current = whole ? (vsn[2] as number) : 0;
    const currentDelegate = whole ? (vsn[5] as number) : 0;
    if (current < protocol.low || current > protocol.high) {
      return `Node '${name}' protocol version (${current}) is incompatible: [${protocol.low}, ${protocol.high}]`;
    }
    if (currentDelegate < delegate.low || currentDelegate > delegate.high) {
      return (
        `Node '${name}' delegate protocol version (${currentDelegate}) is incompatible: ` +
        `[${delegate.low}, ${delegate.high}]`
      );
    }
    return undefined;
  };
  for (const node of remote) {
    const problem = check(node.name, node.vsn);
    if (problem !== undefined) return problem;
  }
  for (const member of members.values()) {
    const problem = check(member.facts.name, member.facts.vsn);
    if (problem !== undefined) return problem;
  }
  return undefined;
}
