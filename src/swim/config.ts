import type { Keyring } from '../wire/keyring.ts';

/** The three sets of timings memberlist ships (memberlist.md 5). */
export type ProfileName = 'lan' | 'wan' | 'local';

/** Timings and fan-outs of a profile. Durations are milliseconds. */
export interface SwimProfile {
  /** Dial, and each half of a stream exchange. */
  readonly tcpTimeoutMs: number;
  /** Relays asked when a direct ping is late. */
  readonly indirectChecks: number;
  readonly retransmitMult: number;
  readonly suspicionMult: number;
  readonly suspicionMaxTimeoutMult: number;
  /** 0 turns anti-entropy off. */
  readonly pushPullIntervalMs: number;
  /** 0 turns failure detection off. */
  readonly probeIntervalMs: number;
  readonly probeTimeoutMs: number;
  /** The health score stays below this (Lifeguard's saturation limit). */
  readonly awarenessMaxMultiplier: number;
  /** 0 turns gossip off. */
  readonly gossipIntervalMs: number;
  readonly gossipNodes: number;
  readonly gossipToTheDeadTimeMs: number;
}

export const PROFILES = {
  lan: {
    tcpTimeoutMs: 10_000,
    indirectChecks: 3,
    retransmitMult: 4,
    suspicionMult: 4,
    suspicionMaxTimeoutMult: 6,
    pushPullIntervalMs: 30_000,
    probeIntervalMs: 1_000,
    probeTimeoutMs: 500,
    awarenessMaxMultiplier: 8,
    gossipIntervalMs: 200,
    gossipNodes: 3,
    gossipToTheDeadTimeMs: 30_000,
  },
  wan: {
    tcpTimeoutMs: 30_000,
    indirectChecks: 3,
    retransmitMult: 4,
    suspicionMult: 6,
    suspicionMaxTimeoutMult: 6,
    pushPullIntervalMs: 60_000,
    probeIntervalMs: 5_000,
    probeTimeoutMs: 3_000,
    awarenessMaxMultiplier: 8,
    gossipIntervalMs: 500,
    gossipNodes: 4,
    gossipToTheDeadTimeMs: 60_000,
  },
  local: {
    tcpTimeoutMs: 1_000,
    indirectChecks: 1,
    retransmitMult: 2,
    suspicionMult: 3,
    suspicionMaxTimeoutMult: 6,
    pushPullIntervalMs: 15_000,
    probeIntervalMs: 1_000,
    probeTimeoutMs: 200,
    awarenessMaxMultiplier: 8,
    gossipIntervalMs: 100,
    gossipNodes: 3,
    gossipToTheDeadTimeMs: 15_000,
  },
} as const satisfies Readonly<Record<ProfileName, SwimProfile>>;

/**
 * Lifeguard's three extensions of SWIM (arXiv 1707.00788, IV); with all of them off the machine is plain SWIM. Every agent
 * runs all three and no configuration key leads here: experiments in a world take parts away to see what each is worth.
 */
export interface LifeguardParts {
  /**
   * Local Health Aware Probe: the health score stretches our probe interval, and relays answer with nacks. Off: the score
   * stays 0 and no nacks are asked for.
   */
  readonly localHealth: boolean;
  /**
   * Local Health Aware Suspicion: a suspicion begins with the longest timeout and independent confirmations, which are
   * gossiped on, shorten it. Off: the timeout is the shortest one from the start, and confirmations are ignored.
   */
  readonly dynamicSuspicion: boolean;
  /** Buddy System: who probes a suspected member tells it so. Off: it learns of the suspicion by gossip alone. */
  readonly buddySystem: boolean;
}

/** An address range, as `10.0.0.0/8` parsed: the first `bits` bits of `addr`. */
export interface Cidr {
  readonly addr: Uint8Array;
  readonly bits: number;
}

/** Everything the gossip layer is told once, at construction. */
export interface SwimConfig extends SwimProfile {
  readonly name: string;
  /** The address we announce: 4 or 16 raw bytes, the same form for ever (memberlist.md 9 #4). */
  readonly addr: Uint8Array;
  /** The port we announce. */
  readonly port: number;
  /** The port we listen on; stands in for port 0 from the wire. */
  readonly bindPort: number;
  /** memberlist protocol spoken, 1..5; 1 means encryption version 0. */
  readonly protocolVersion: number;
  /** Versions of the layer above: min, max, current. */
  readonly delegateVersion: readonly [min: number, max: number, current: number];
  readonly disableTcpPings: boolean;
  readonly enableCompression: boolean;
  /** Bytes a datagram with broadcasts is packed to. */
  readonly udpBufferSize: number;
  /** Absent: encryption cannot be turned on later. Empty: off until a key is installed. */
  readonly keyring: Keyring | undefined;
  readonly gossipVerifyIncoming: boolean;
  readonly gossipVerifyOutgoing: boolean;
  /** Cluster label, at most 255 bytes; empty for none. */
  readonly label: Uint8Array;
  readonly skipInboundLabelCheck: boolean;
  /** Empty allows every address. */
  readonly cidrsAllowed: readonly Cidr[];
  /** Age after which a dead name may move to a new address; 0 for never. */
  readonly deadNodeReclaimTimeMs: number;
  readonly lifeguard: LifeguardParts;
}

/**
 * Settings that do not depend on the profile, as memberlist and Serf set them. One differs: there a dead name never
 * moves (0), so that a machine that comes back with another address is refused until everybody has forgotten it.
 */
export const SWIM_DEFAULTS = {
  protocolVersion: 2,
  delegateVersion: [2, 5, 5],
  disableTcpPings: false,
  enableCompression: true,
  udpBufferSize: 1400,
  keyring: undefined,
  gossipVerifyIncoming: true,
  gossipVerifyOutgoing: true,
  label: new Uint8Array(0),
  skipInboundLabelCheck: false,
  cidrsAllowed: [],
  deadNodeReclaimTimeMs: 30_000,
  lifeguard: { localHealth: true, dynamicSuspicion: true, buddySystem: true },
} as const satisfies Partial<SwimConfig>;

/**
 * The same configuration as one plain object. A spread of others has a shape of its own in every node, and what is read
 * with every datagram should look the same everywhere.
 */
export function plainConfig(config: SwimConfig): SwimConfig {
  return {
    tcpTimeoutMs: config.tcpTimeoutMs,
    indirectChecks: config.indirectChecks,
    retransmitMult: config.retransmitMult,
    suspicionMult: config.suspicionMult,
    suspicionMaxTimeoutMult: config.suspicionMaxTimeoutMult,
    pushPullIntervalMs: config.pushPullIntervalMs,
    probeIntervalMs: config.probeIntervalMs,
    probeTimeoutMs: config.probeTimeoutMs,
    awarenessMaxMultiplier: config.awarenessMaxMultiplier,
    gossipIntervalMs: config.gossipIntervalMs,
    gossipNodes: config.gossipNodes,
    gossipToTheDeadTimeMs: config.gossipToTheDeadTimeMs,
    name: config.name,
    addr: config.addr,
    port: config.port,
    bindPort: config.bindPort,
    protocolVersion: config.protocolVersion,
    delegateVersion: config.delegateVersion,
    disableTcpPings: config.disableTcpPings,
    enableCompression: config.enableCompression,
    udpBufferSize: config.udpBufferSize,
    keyring: config.keyring,
    gossipVerifyIncoming: config.gossipVerifyIncoming,
    gossipVerifyOutgoing: config.gossipVerifyOutgoing,
    label: config.label,
    skipInboundLabelCheck: config.skipInboundLabelCheck,
    cidrsAllowed: config.cidrsAllowed,
    deadNodeReclaimTimeMs: config.deadNodeReclaimTimeMs,
    lifeguard: config.lifeguard,
  };
}
