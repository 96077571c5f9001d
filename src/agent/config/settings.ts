import type { Address } from '../../base/machine.ts';
import type { TraceLevel } from '../../base/trace.ts';
import type { HandlerSpec } from '../../handlers/spec.ts';
import type { SupervisedSpec } from '../../handlers/supervised.ts';
import type { RendererSpec } from '../../render/spec.ts';
import type { Cidr, ProfileName } from '../../swim/config.ts';
import type { MergedConfig } from './merge.ts';

/** A configuration that has been checked: texts turned into what the agent works with. */
export interface AgentSettings {
  /** What it was made from, with too small intervals already raised. */
  readonly config: MergedConfig;
  readonly nodeName: string;
  readonly bind: Address;
  /** Undefined: the bound address is announced. */
  readonly advertise: Address | undefined;
  /** Configured tags, `role` included. */
  readonly tags: ReadonlyMap<string, string>;
  /** The configured encryption key; keys of a keyring file are not here. */
  readonly encryptKey: Uint8Array | undefined;
  readonly label: string;
  readonly cidrsAllowed: readonly Cidr[];
  readonly profile: ProfileName;
  readonly logLevel: TraceLevel;
  readonly logFormat: LogFormat;
  readonly handlers: readonly HandlerSpec[];
  /** Those with a name and supervision of their own. */
  readonly supervised: readonly SupervisedSpec[];
  /** Files kept in step with the cluster. */
  readonly renderers: readonly RendererSpec[];
  /** Where the snapshot is kept; empty for nowhere. */
  readonly snapshotPath: string;
  /** The RPC key; empty for none. */
  readonly rpcAuth: string;
  /** The facility in lower case, such as `local0`; undefined for no syslog. */
  readonly syslogFacility: string | undefined;
  /** Where metrics go by UDP and by TCP; undefined for nowhere. */
  readonly statsd: MetricsTarget | undefined;
  readonly statsite: MetricsTarget | undefined;
}

/** A host, perhaps by name, and a port. */
export interface MetricsTarget {
  readonly host: string;
  readonly port: number;
}

export type LogFormat = 'text' | 'json';

/** Settings, and what people should be told about them before the agent starts. */
export interface CheckedConfig {
  readonly settings: AgentSettings;
  /** Whole lines, without the `==> ` in front. */
  readonly notes: readonly string[];
}
