import { ipBytes } from '../base/address.ts';
import { assert } from '../base/assert.ts';
import type { Address, Millis } from '../base/machine.ts';
import { PROTOCOL_MAX, SERF_DEFAULTS, type SerfConfig } from '../serf/config.ts';
import type { StartSettings } from '../serf/snapshot-start.ts';
import { PROFILES, type ProfileName, SWIM_DEFAULTS, type SwimConfig } from '../swim/config.ts';
import type { Keyring } from '../wire/keyring.ts';

/** How a simulated node is configured; what is absent is as the agent has it. */
export interface NodeSettings {
  /** Default lan. */
  readonly profile?: ProfileName;
  /** Serf protocol 2..5; default 5. */
  readonly protocolVersion?: number;
  /** 16, 24 or 32 bytes each, the first encrypts; none turns encryption off. Installed keys outlive a restart. */
  readonly keys?: readonly Uint8Array[];
  readonly tags?: Readonly<Record<string, string>>;
  /** Settings of the gossip layer that differ from the profile's. */
  readonly swim?: Partial<Omit<SwimConfig, 'name' | 'addr' | 'port' | 'bindPort' | 'keyring'>>;
  /** Settings of the Serf layer that differ from Serf's. */
  readonly serf?: Partial<Omit<SerfConfig, 'swim' | 'tags' | 'persistKeyring'>>;
  /** False: no snapshot is kept, and a restart knows nobody. Default true. */
  readonly snapshot?: boolean;
  readonly rejoinAfterLeave?: boolean;
  /** What this node's monotonic clock shows when the world begins. Default 0. */
  readonly clockOffsetMs?: Millis;
}

/** What differs from one start of a node to the next. */
export interface BootState {
  readonly tags: ReadonlyMap<string, string>;
  readonly keyring: Keyring | undefined;
  readonly earlier: StartSettings | undefined;
  readonly persistKeyring: SerfConfig['persistKeyring'];
}

/** The whole configuration of a node at an address, as the real host builds it. */
export function nodeConfig(
  name: string,
  address: Address,
  settings: NodeSettings,
  boot: BootState,
): SerfConfig {
  const addr = ipBytes(address.ip);
  assert(addr !== undefined, `${address.ip} is an IP address`);
  return {
    ...SERF_DEFAULTS,
    protocolVersion: settings.protocolVersion ?? PROTOCOL_MAX,
    ...settings.serf,
    ...boot.earlier,
    tags: boot.tags,
    persistKeyring: boot.persistKeyring,
    swim: {
      ...PROFILES[settings.profile ?? 'lan'],
      ...SWIM_DEFAULTS,
      ...settings.swim,
      name,
      addr,
      port: address.port,
      bindPort: address.port,
      keyring: boot.keyring,
    },
  };
}
