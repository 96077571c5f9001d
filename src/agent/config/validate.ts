import { CodedError } from '../../base/errors.ts';
import type { Address } from '../../base/machine.ts';
import { parseHandlerSpec } from '../../handlers/spec.ts';
import { parseCidr } from './address.ts';
import type { Fault, Refusal } from './fault.ts';
import { supervisedSpecs } from './handler-specs.ts';
import type { ConfigHost } from './host.ts';
import { checkInterface, checkMdns } from './interface.ts';
import type { MergedConfig } from './merge.ts';
import { rendererSpecs } from './renderer-specs.ts';
import { sharedSecretNotes } from './secrets.ts';
import type { AgentSettings, CheckedConfig } from './settings.ts';
import { CONFIG_KEYS, type ConfigKey, SECRET_NAMES, specOf } from './table.ts';
import {
  advertisedAddress,
  badNumber,
  bindAddress,
  encryptionKey,
  parseFacility,
  parseLabel,
  parseLogFormat,
  parseLogLevel,
  parseMetricsAddress,
  parseProfile,
  raiseIntervals,
  rpcKey,
  snapshotPathOf,
  tagsOf,
} from './values.ts';

/** A configuration that was looked at as a whole. */
export type Inspected = CheckedConfig | (Refusal & { readonly notes: readonly string[] });

const UNBOUND: Address = { ip: '0.0.0.0', port: 0 };

/**
 * Checks a merged configuration in Serf's order (agent.md 9.3) and turns its texts into values.
 *
 * @throws CodedError with Serf's text for the first mistake
 */
export async function checkConfig(merged: MergedConfig, host: ConfigHost): Promise<CheckedConfig> {
  const inspected = await inspectConfig(merged, host);
  if ('error' in inspected) throw inspected.error;
  return inspected;
}

/** The same without throwing: every mistake is found, each with the source that states it. */
export async function inspectConfig(merged: MergedConfig, host: ConfigHost): Promise<Inspected> {
  const notes: string[] = [];
  const checks = new Checks(merged);
  refuseUnavailable(merged, checks);
  for (const key of CONFIG_KEYS) checks.run([key], undefined, () => badNumber(key, merged));
  const handlers = checks.run(['event_handlers'], [], () =>
    merged.values.event_handlers.map(parseHandlerSpec),
  );
  checks.run(['interface'], undefined, () => checkInterface(merged.values.interface, host));
  checks.run(['mdns.interface', 'mdns.disable_ipv4', 'mdns.disable_ipv6'], undefined, () =>
    checkMdns(merged.values, host),
  );
  const tags = tagsOf(merged.values, notes);
  const values = raiseIntervals(merged.values, notes);
  const snapshotPath = snapshotPathOf(values);
  if (values.rejoin_after_leave && snapshotPath === '') {
    notes.push("Warning: 'RejoinAfterLeave' enabled without snapshot file");
  }
  const settings: AgentSettings = {
    config: { ...merged, values },
    nodeName: values.node_name === '' ? host.hostName() : values.node_name,
    handlers,
    supervised: checks.run(['handlers'], [], () =>
      supervisedSpecs(values.handlers, {
        host,
        timeoutMs: values.handler_timeout,
        secretNames: SECRET_NAMES,
      }),
    ),
    renderers: checks.run(['renderers'], [], () => rendererSpecs(values.renderers)),
    tags,
    snapshotPath,
    logLevel: checks.run(['log_level'], 'INFO', () => parseLogLevel(values.log_level)),
    logFormat: checks.run(['log_format'], 'text', () => parseLogFormat(values.log_format)),
    bind: await checks.wait(['bind', 'interface'], UNBOUND, bindAddress(values, host, notes)),
    advertise: await checks.wait(['advertise'], undefined, advertisedAddress(values, host)),
    encryptKey: checks.run(['encrypt_key', 'encrypt_key_file'], undefined, () => encryptionKey(values)),
    profile: checks.run(['profile'], 'lan', () => parseProfile(values.profile)),
    label: checks.run(['label'], '', () => parseLabel(values.label)),
    cidrsAllowed: checks.run(['cidrs_allowed'], [], () => values.cidrs_allowed.map(parseCidr)),
    rpcAuth: checks.run(['rpc_auth', 'rpc_auth_file'], '', () => rpcKey(values)),
    syslogFacility: checks.run(['syslog_facility'], undefined, () => parseFacility(values)),
    statsd: checks.run(['statsd_addr'], undefined, () => parseMetricsAddress('statsd', values.statsd_addr)),
    statsite: checks.run(['statsite_addr'], undefined, () =>
      parseMetricsAddress('statsite', values.statsite_addr),
    ),
  };
  notes.push(...sharedSecretNotes(merged));
  return checks.refusal(notes) ?? { settings, notes };
}

/** A key this version cannot honour is refused: a setting that is silently without effect misleads. */
function refuseUnavailable(merged: MergedConfig, checks: Checks): void {
  for (const key of CONFIG_KEYS) {
    if (specOf(key).available !== false) continue;
    const origin = merged.origins.get(key)?.find((known) => known.source !== 'default');
    if (origin === undefined) continue;
    const text = `'${key}' (${origin.at}) is not supported yet by this version`;
    checks.run([key], undefined, () => {
      throw new CodedError('ERR_CONFIG_UNAVAILABLE', text);
    });
  }
}

/** Runs checks one after another and keeps what each refuses. */
class Checks {
  readonly #merged: MergedConfig;
  readonly #faults: Fault[] = [];
  #first: CodedError | undefined;

  constructor(merged: MergedConfig) {
    this.#merged = merged;
  }

  /** What `work` returns, or `otherwise` when it refuses; `keys` are what it looks at. */
  run<T>(keys: readonly ConfigKey[], otherwise: T, work: () => T): T {
    try {
      return work();
    } catch (error) {
      this.#refused(keys, error);
      return otherwise;
    }
  }

  async wait<T>(keys: readonly ConfigKey[], otherwise: T, work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      this.#refused(keys, error);
      return otherwise;
    }
  }

  refusal(notes: readonly string[]): Inspected | undefined {
    return this.#first && { error: this.#first, faults: this.#faults, notes };
  }

  #refused(keys: readonly ConfigKey[], error: unknown): void {
    if (!(error instanceof CodedError)) throw error;
    this.#first ??= error;
    const origins = keys.flatMap((key) => this.#merged.origins.get(key) ?? []);
    const origin = origins.find(({ source }) => source !== 'default');
    const place = origin?.place;
    const source = origin === undefined || place !== undefined ? undefined : origin.at;
    this.#faults.push({ code: error.code, text: error.message, place, source });
  }
}
