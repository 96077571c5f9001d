import { ipText } from '../base/address.ts';
import { assert } from '../base/assert.ts';
import type { SwimConfig } from './config.ts';
import type { MemberFacts } from './delegate.ts';
import { sharedFacts } from './facts-pool.ts';
import { ownVersions, VERSION_BYTES } from './versions.ts';

/** What a message says about a member, whatever carried it. */

export interface AliveClaim {
  readonly facts: MemberFacts;
  readonly incarnation: number;
  /** Our own announcement at start or after a metadata change: believed even about ourselves. */
  readonly bootstrap: boolean;
}

/** A suspect or dead claim; `from` is the accuser. */
export interface Accusation {
  readonly name: string;
  readonly incarnation: number;
  readonly from: string;
}

/** The fields an alive message and a push/pull node share. */
export interface FactFields {
  readonly addr: Uint8Array;
  readonly port: number;
  readonly meta: Uint8Array;
  readonly vsn: Uint8Array;
}

/**
 * Facts from the fields of a message. An address that is no IP is left empty and refused later. Port 0, and any port
 * where we speak protocol 1, means our own (memberlist.md 2.2, 3.2 row 0b).
 */
export function factsOf(
  message: FactFields,
  name: string,
  config: Pick<SwimConfig, 'bindPort' | 'protocolVersion'>,
): MemberFacts {
  const { addr, meta } = message;
  const port = message.port === 0 || config.protocolVersion < 2 ? config.bindPort : message.port;
  const vsn = message.vsn.length > VERSION_BYTES ? message.vsn.slice(0, VERSION_BYTES) : message.vsn;
  const known = sharedFacts.known(name, { addr, port, meta, vsn });
  if (known !== undefined) return known;
  return sharedFacts.share({ name, addr, port, meta, vsn, address: { ip: ipText(addr) ?? '', port } });
}

/** What we say of ourselves, with this metadata. */
export function ownFacts(config: SwimConfig, meta: Uint8Array): MemberFacts {
  const { name, addr, port } = config;
  const ip = ipText(addr);
  assert(ip !== undefined, 'our own address is an IP');
  return sharedFacts.share({ name, addr, port, meta, vsn: ownVersions(config), address: { ip, port } });
}
