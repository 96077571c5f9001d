import { isIP } from 'node:net';
import { ipBytes, isMappedV4 } from '../base/address.ts';
import { CodedError } from '../base/errors.ts';
import type { Address } from '../base/machine.ts';
import type { Metrics } from '../base/metrics.ts';
import type { Trace } from '../base/trace.ts';
import { PROTOCOL_MAX, SERF_DEFAULTS, type SerfConfig } from '../serf/config.ts';
import type { StartSettings } from '../serf/snapshot-start.ts';
import { PROFILES, type ProfileName, SWIM_DEFAULTS, type SwimConfig } from '../swim/config.ts';
import { Keyring } from '../wire/keyring.ts';
import { mappedBytes, privateAddress } from './interfaces.ts';
import type { Lookup } from './resolve.ts';
import type { SnapshotOptions } from './snapshot-file.ts';

/** The gossip port of every Serf cluster. */
export const DEFAULT_PORT = 7946;
/** memberlist.md 1.9. */
const MAX_LABEL_BYTES = 255;

/** How long events of a kind are held back to be merged; both above 0 or no merging (serf.md 15.3). */
export interface CoalesceOptions {
  readonly memberPeriodMs: number;
  readonly memberQuiescentMs: number;
  readonly userPeriodMs: number;
  readonly userQuiescentMs: number;
}

/** What a node is told at its start. */
export interface ClusterOptions {
  /** Unique in the cluster. */
  readonly nodeName: string;
  /** Where to listen: an IP of this host; default 0.0.0.0, port 7946. Port 0 lets the system choose. */
  readonly bind?: { readonly ip: string; readonly port?: number };
  /** Where others reach this node, if not at the bound address; port 0 or none is the bound port. */
  readonly advertise?: { readonly ip: string; readonly port?: number } | undefined;
  /** Timings for a data centre (the default), the internet, or one machine. */
  readonly profile?: ProfileName;
  readonly tags?: ReadonlyMap<string, string>;
  /** 16, 24 or 32 bytes each, the first encrypts; none turns encryption off. */
  readonly keys?: readonly Uint8Array[] | undefined;
  /** Nodes of another label are strangers; empty for none. */
  readonly label?: string;
  /** Limits and intervals of the Serf layer that differ from Serf's. */
  readonly serf?: Partial<Omit<SerfConfig, 'swim' | 'tags'>>;
  /** Settings of the gossip layer that differ from the profile's. */
  readonly swim?: Partial<Omit<SwimConfig, 'name' | 'addr' | 'port' | 'bindPort' | 'keyring' | 'label'>>;
  readonly coalesce?: CoalesceOptions | undefined;
  readonly trace?: Trace | undefined;
  /** Told of measurements as they happen, under Serf's names; must return at once. */
  readonly metrics?: Metrics | undefined;
  /** This node lost the vote about its name and has been shut down. */
  readonly onEvict?: (reason: string) => void;
  /** Lets a later run of this node rejoin its cluster; absent, nothing is kept. */
  readonly snapshot?: SnapshotOptions | undefined;
  /** Finds the addresses of host names in join addresses, anew for every join; absent, the system does. */
  readonly lookup?: Lookup | undefined;
  /**
   * An invariant broke while `input` was handled, and the node has been shut down. Absent, the error is thrown where
   * nobody catches it, since a node that died in silence is worse.
   */
  readonly onFatal?: (error: unknown, input: string) => void;
  /** Shuts the node down, without a leave. */
  readonly signal?: AbortSignal | undefined;
}

/** The address to bind. Throws ERR_BIND_ADDRESS unless it is an IP. */
export function bindAddressOf(options: ClusterOptions): Address {
  const { ip, port = DEFAULT_PORT } = options.bind ?? { ip: '0.0.0.0' };
  if (isIP(ip) === 0) {
    throw new CodedError(
      'ERR_BIND_ADDRESS',
      `Invalid bind address: "${ip}" is no IP address; write 10.0.0.1 or ::1`,
    );
  }
  return { ip, port };
}

/**
 * The whole configuration of a node bound to `boundPort`, with what an earlier run left. Throws a CodedError for settings
 * that cannot work.
 */
export function serfConfigOf(
  options: ClusterOptions,
  boundPort: number,
  earlier?: StartSettings,
): SerfConfig {
  const { nodeName, profile = 'lan', keys, coalesce, tags = SERF_DEFAULTS.tags } = options;
  const swim: SwimConfig = {
    ...PROFILES[profile],
    ...SWIM_DEFAULTS,
    ...options.swim,
    name: nodeName,
    ...announced(options, boundPort),
    bindPort: boundPort,
    label: labelBytes(options.label ?? ''),
    keyring: keys === undefined || keys.length === 0 ? undefined : new Keyring(keys, keys[0]),
  };
  return {
    ...SERF_DEFAULTS,
    protocolVersion: PROTOCOL_MAX,
    ...(coalesce === undefined ? {} : coalesceSettings(coalesce)),
    ...options.serf,
    ...earlier,
    tags: new Map(tags),
    swim,
  };
}

/**
 * The address others are told (memberlist.md 6.1). IPv4 is four bytes, except that one memberlist picks itself is the
 * mapped form; peers compare bytes, so a node that takes over from a Serf agent must announce the same ones.
 */
function announced(options: ClusterOptions, boundPort: number): Pick<SwimConfig, 'addr' | 'port'> {
  const bound = bindAddressOf(options).ip;
  const { advertise } = options;
  if (advertise !== undefined) {
    const addr = bytesOfIp(advertise.ip);
    return { addr, port: advertise.port === undefined || advertise.port === 0 ? boundPort : advertise.port };
  }
  if (bound !== '0.0.0.0' && bound !== '::') return { addr: bytesOfIp(bound), port: boundPort };
  return { addr: mappedBytes(bytesOfIp(privateAddress(bound))), port: boundPort };
}

/** Raw bytes of an IP; a mapped IPv4 address becomes four. */
function bytesOfIp(ip: string): Uint8Array {
  const bytes = ipBytes(ip);
  if (bytes === undefined) {
    throw new CodedError('ERR_ADVERTISE_ADDRESS', `Invalid advertise address: "${ip}" is no IP address`);
  }
  return isMappedV4(bytes) ? bytes.slice(-4) : bytes;
}

function labelBytes(label: string): Uint8Array {
  const bytes = Buffer.from(label, 'utf8');
  if (bytes.length <= MAX_LABEL_BYTES) return bytes;
  throw new CodedError(
    'ERR_LABEL_SIZE',
    `the cluster label has ${bytes.length} bytes; at most ${MAX_LABEL_BYTES} fit`,
  );
}

function coalesceSettings(coalesce: CoalesceOptions): Partial<SerfConfig> {
  return {
    coalescePeriodMs: coalesce.memberPeriodMs,
    quiescentPeriodMs: coalesce.memberQuiescentMs,
    userCoalescePeriodMs: coalesce.userPeriodMs,
    userQuiescentPeriodMs: coalesce.userQuiescentMs,
  };
}
