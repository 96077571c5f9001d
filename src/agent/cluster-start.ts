import { CodedError, messageOf } from '../base/errors.ts';
import { Cluster } from '../runtime/cluster.ts';
import type { ClusterOptions } from '../runtime/cluster-options.ts';
import { codeOf } from '../runtime/net-errors.ts';
import type { SnapshotOptions } from '../runtime/snapshot-file.ts';
import type { AgentSettings } from './config/settings.ts';
import { readKeyringFile, writeKeyringFile } from './keyring-file.ts';
import { ownerOfPort } from './processes.ts';
import { readTagsFile } from './tags-file.ts';

/** From checked settings to a running node, with Serf's words for whatever fails (agent.md 9.3). */

/** How long events are merged, as every Serf agent does (serf.md 15.3). */
const COALESCE = {
  memberPeriodMs: 3_000,
  memberQuiescentMs: 1_000,
  userPeriodMs: 3_000,
  userQuiescentMs: 1_000,
} as const;

/** What the files beside the configuration add to it. */
export interface StartState {
  readonly tags: ReadonlyMap<string, string>;
  /** The first encrypts; none turns encryption off. */
  readonly keys: readonly Uint8Array[];
}

/**
 * Reads the tags and keyring files; `tell` gets Serf's log lines about them.
 *
 * @throws CodedError with Serf's text
 */
export function readStartState(settings: AgentSettings, tell: (text: string) => void): StartState {
  const { values } = settings.config;
  try {
    refuseConflicts(settings);
    const tags = values.tags_file === '' ? undefined : readTagsFile(values.tags_file);
    const keys = values.keyring_file === '' ? undefined : readKeyringFile(values.keyring_file);
    if (tags !== undefined) tell(`Restored ${tags.size} tag(s) from ${values.tags_file}`);
    if (keys !== undefined) tell(`Restored keyring with ${keys.length} keys from ${values.keyring_file}`);
    return {
      tags: tags ?? settings.tags,
      keys: keys ?? (settings.encryptKey === undefined ? [] : [settings.encryptKey]),
    };
  } catch (error) {
    throw new CodedError('ERR_SETUP', `Failed to setup the Serf agent: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/**
 * Settings that exclude each other.
 *
 * @throws CodedError `ERR_CONFIG_EXCLUSIVE` with Serf's text
 */
export function refuseConflicts({ config, tags, encryptKey }: AgentSettings): void {
  if (config.values.tags_file !== '' && tags.size > 0) {
    throw new CodedError('ERR_CONFIG_EXCLUSIVE', 'Tags config not allowed while using tag files');
  }
  if (config.values.keyring_file !== '' && encryptKey !== undefined) {
    throw new CodedError('ERR_CONFIG_EXCLUSIVE', 'Encryption key not allowed while using a keyring');
  }
}

/** What the node tells the agent. */
export type ClusterHooks = Required<Pick<ClusterOptions, 'trace' | 'onEvict' | 'onFatal'>> &
  Pick<ClusterOptions, 'metrics'>;

/**
 * Starts the node.
 *
 * @throws CodedError with Serf's text, naming the process that has the port where that can be seen
 */
export async function startCluster(
  settings: AgentSettings,
  state: StartState,
  hooks: ClusterHooks,
): Promise<Cluster> {
  try {
    return await Cluster.start({ ...clusterOptions(settings, state), ...hooks });
  } catch (error) {
    throw new CodedError(
      'ERR_START',
      `Failed to start the Serf agent: Error creating Serf: ${why(settings, error)}`,
      {
        cause: error,
      },
    );
  }
}

function clusterOptions(settings: AgentSettings, state: StartState): ClusterOptions {
  const { values } = settings.config;
  const protocol = protocolOptions(settings);
  return {
    nodeName: settings.nodeName,
    bind: settings.bind,
    advertise: settings.advertise,
    profile: settings.profile,
    tags: state.tags,
    keys: state.keys,
    label: settings.label,
    coalesce: COALESCE,
    ...(settings.snapshotPath === '' ? {} : { snapshot: snapshotOf(settings) }),
    swim: { ...protocol.swim, cidrsAllowed: settings.cidrsAllowed },
    serf: {
      ...protocol.serf,
      ...(values.keyring_file === '' ? {} : { persistKeyring: keyringWriter(values.keyring_file) }),
    },
  };
}

/** What a configuration says about the protocol itself, whatever hosts the node. */
export function protocolOptions({ config: { values } }: AgentSettings) {
  return {
    swim: {
      enableCompression: values.enable_compression,
      gossipVerifyIncoming: values.gossip_verify_incoming,
      gossipVerifyOutgoing: values.gossip_verify_outgoing,
      deadNodeReclaimTimeMs: values.dead_node_reclaim_time,
    },
    serf: {
      protocolVersion: values.protocol,
      broadcastTimeoutMs: values.broadcast_timeout,
      reconnectIntervalMs: values.reconnect_interval,
      reconnectTimeoutMs: values.reconnect_timeout,
      tombstoneTimeoutMs: values.tombstone_timeout,
      queryResponseSizeLimit: values.query_response_size_limit,
      querySizeLimit: values.query_size_limit,
      userEventSizeLimit: values.user_event_size_limit,
      enableNameConflictResolution: !values.disable_name_resolution,
      disableCoordinates: values.disable_coordinates,
      validateNodeNames: values.validate_node_names,
    },
  } as const satisfies Pick<ClusterOptions, 'swim' | 'serf'>;
}

function snapshotOf({ config, snapshotPath: path }: AgentSettings): SnapshotOptions {
  return { path, rejoinAfterLeave: config.values.rejoin_after_leave };
}

/** Keeps the keyring file up to date; a text says why it could not. */
function keyringWriter(path: string): (keys: readonly Uint8Array[]) => string | undefined {
  return (keys) => {
    try {
      writeKeyringFile(path, keys);
      return undefined;
    } catch (error) {
      return messageOf(error);
    }
  };
}

/** Serf names the layer that failed. */
function why(settings: AgentSettings, error: unknown): string {
  const text = messageOf(error);
  if (!(error instanceof CodedError)) return text;
  if (error.code === 'ERR_KEY_SIZE') return `Failed to create memberlist: ${text}`;
  if (error.code !== 'ERR_BIND') return text;
  const hint = bindHint(settings, codeOf(error.cause));
  return `Failed to create memberlist: Could not set up network transport: failed to obtain an address: ${text}${hint}`;
}

/** Who is in the way, or what else can be done about an address that cannot be bound. */
function bindHint({ bind }: AgentSettings, code: string): string {
  if (code === 'EADDRNOTAVAIL') {
    return `; no network interface of this host has ${bind.ip}: give one of its addresses to -bind`;
  }
  const owner = code === 'EADDRINUSE' ? ownerOfPort(bind, ['tcp', 'udp']) : undefined;
  return owner === undefined ? '' : ` (by ${owner})`;
}
