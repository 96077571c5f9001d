import { join } from 'node:path';
import { decodeBase64 } from '../../base/base64.ts';
import { bytesOfText } from '../../base/bytes.ts';
import { CodedError, messageOf } from '../../base/errors.ts';
import type { Address } from '../../base/machine.ts';
import type { TraceLevel } from '../../base/trace.ts';
import { parseHandlerSpec } from '../../handlers/spec.ts';
import { PROFILES, type ProfileName } from '../../swim/config.ts';
import { parseCidr, resolveAddress } from './address.ts';
import { supervisedSpecs } from './handler-specs.ts';
import type { ConfigHost } from './host.ts';
import { checkInterface, checkMdns, interfaceAddress } from './interface.ts';
import type { MergedConfig } from './merge.ts';
import { readSecretFile } from './secret-file.ts';
import type { AgentSettings, CheckedConfig, LogFormat } from './settings.ts';
import { CONFIG_KEYS, type ConfigKey, type ConfigValues, SECRET_NAMES, specOf } from './table.ts';

/** Log levels, least severe first. */
export const LOG_LEVELS = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERR'] as const satisfies readonly TraceLevel[];

const LOG_FORMATS = ['text', 'json'] as const satisfies readonly LogFormat[];

/** Serf's floor for `retry_interval` and `broadcast_timeout`. */
const SHORTEST_INTERVAL_MS = 1_000;

/** The snapshot in a state directory. */
const SNAPSHOT_NAME = 'serf.snapshot';

/** A label is announced with one length byte. */
const LONGEST_LABEL_BYTES = 255;

/**
 * Checks a merged configuration in Serf's order (agent.md 9.3) and turns its texts into values.
 *
 * @throws CodedError with Serf's text for the first mistake
 */
export async function checkConfig(merged: MergedConfig, host: ConfigHost): Promise<CheckedConfig> {
  const notes: string[] = [];
  refuseUnavailable(merged);
  refuseBadNumbers(merged);
  const nodeName = merged.values.node_name === '' ? host.hostName() : merged.values.node_name;
  const handlers = merged.values.event_handlers.map(parseHandlerSpec);
  checkInterface(merged.values.interface, host);
  checkMdns(merged.values, host);
  const tags = tagsOf(merged.values, notes);
  const config = { ...merged, values: raiseIntervals(merged.values, notes) };
  const { values } = config;
  const snapshotPath = snapshotPathOf(values);
  if (values.rejoin_after_leave && snapshotPath === '') {
    notes.push("Warning: 'RejoinAfterLeave' enabled without snapshot file");
  }
  const logLevel = parseLogLevel(values.log_level);
  const logFormat = parseLogFormat(values.log_format);
  const bind = await bindAddress(values, host, notes);
  const advertise = await advertisedAddress(values, host);
  const encryptKey = encryptionKey(values, notes);
  const profile = parseProfile(values.profile);
  const settings: AgentSettings = {
    config,
    nodeName,
    bind,
    advertise,
    tags,
    encryptKey,
    label: parseLabel(values.label),
    cidrsAllowed: values.cidrs_allowed.map(parseCidr),
    profile,
    logLevel,
    logFormat,
    handlers,
    supervised: supervisedSpecs(values.handlers, {
      host,
      timeoutMs: values.handler_timeout,
      secretNames: SECRET_NAMES,
    }),
    snapshotPath,
    rpcAuth: rpcKey(values, notes),
  };
  return { settings, notes };
}

/**
 * A log level in any case.
 *
 * @throws CodedError `ERR_LOG_LEVEL` with Serf's text
 */
export function parseLogLevel(text: string): TraceLevel {
  const upper = text.toUpperCase();
  const level = LOG_LEVELS.find((known) => known === upper);
  if (level !== undefined) return level;
  throw new CodedError(
    'ERR_LOG_LEVEL',
    `Invalid log level: ${upper}. Valid log levels are: [${LOG_LEVELS.join(' ')}]`,
  );
}

/** A key this version cannot honour is refused: a setting that is silently without effect misleads. */
function refuseUnavailable(merged: MergedConfig): void {
  for (const key of CONFIG_KEYS) {
    if (specOf(key).available !== false) continue;
    const origin = merged.origins.get(key)?.find((known) => known.source !== 'default');
    if (origin === undefined) continue;
    throw new CodedError(
      'ERR_CONFIG_UNAVAILABLE',
      `'${key}' (${origin.at}) is not supported yet by this version`,
    );
  }
}

const POSITIVE: readonly ConfigKey[] = [
  'user_event_size_limit',
  'query_size_limit',
  'query_response_size_limit',
  'reconnect_interval',
  'reconnect_timeout',
  'tombstone_timeout',
];

const NOT_NEGATIVE: readonly ConfigKey[] = ['handler_timeout', 'dead_node_reclaim_time'];

function refuseBadNumbers(merged: MergedConfig): void {
  for (const key of [...POSITIVE, ...NOT_NEGATIVE]) {
    const value = merged.values[key];
    if (typeof value !== 'number' || value > 0 || (NOT_NEGATIVE.includes(key) && value === 0)) continue;
    const at = merged.origins.get(key)?.at(-1)?.at ?? '';
    throw new CodedError('ERR_CONFIG_RANGE', `Invalid '${key}' (${at}): must not be negative`);
  }
}

function tagsOf(values: ConfigValues, notes: string[]): ReadonlyMap<string, string> {
  if (values.role === '') return values.tags;
  notes.push("Deprecation warning: 'Role' has been replaced with 'Tags'");
  return new Map([...values.tags, ['role', values.role]]);
}

function raiseIntervals(values: ConfigValues, notes: string[]): ConfigValues {
  const raise = (name: string, value: number): number => {
    if (value >= SHORTEST_INTERVAL_MS) return value;
    notes.push(`Warning: '${name}' is too low. Setting to 1s`);
    return SHORTEST_INTERVAL_MS;
  };
  return {
    ...values,
    retry_interval: raise('RetryInterval', values.retry_interval),
    broadcast_timeout: raise('BroadcastTimeout', values.broadcast_timeout),
  };
}

async function bindAddress(values: ConfigValues, host: ConfigHost, notes: string[]): Promise<Address> {
  const bind = await explained('Invalid bind address', resolveAddress(values.bind, host.lookup));
  if (values.interface === '') return bind;
  const ip = interfaceAddress(values.interface, bind.ip, host);
  if (ip === bind.ip) return bind;
  notes.push(`Using interface '${values.interface}' address '${ip}'`);
  return { ip, port: bind.port };
}

async function advertisedAddress(values: ConfigValues, host: ConfigHost): Promise<Address | undefined> {
  if (values.advertise === '') return undefined;
  if (values.advertise.startsWith(':')) {
    throw new CodedError(
      'ERR_ADDRESS',
      `Invalid advertise address: address ${values.advertise}: missing host, which others need to reach this node`,
    );
  }
  return await explained('Invalid advertise address', resolveAddress(values.advertise, host.lookup));
}

async function explained<T>(prefix: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    throw new CodedError('ERR_ADDRESS', `${prefix}: ${messageOf(error)}`, { cause: error });
  }
}

/** The length of the key is judged where it is used. */
function encryptionKey(values: ConfigValues, notes: string[]): Uint8Array | undefined {
  const text = secretOf('encrypt_key', values.encrypt_key, values.encrypt_key_file, notes);
  if (text === '') return undefined;
  try {
    return decodeBase64(text);
  } catch (error) {
    throw new CodedError('ERR_ENCRYPT_KEY', `Invalid encryption key: ${messageOf(error)}`, { cause: error });
  }
}

function rpcKey(values: ConfigValues, notes: string[]): string {
  return secretOf('rpc_auth', values.rpc_auth, values.rpc_auth_file, notes);
}

function secretOf(key: 'encrypt_key' | 'rpc_auth', text: string, file: string, notes: string[]): string {
  if (file === '') return text;
  if (text !== '') {
    throw new CodedError(
      'ERR_CONFIG_EXCLUSIVE',
      `'${key}' and '${key}_file' exclude each other: give one of them`,
    );
  }
  const secret = readSecretFile(`${key}_file`, file);
  if (secret.exposed) notes.push(`Warning: '${file}' holds a secret and other users can read it`);
  return secret.text;
}

/** Whoever lets the agent keep state wants it to find its cluster again. */
function snapshotPathOf(values: ConfigValues): string {
  if (values.snapshot_path !== '' || values.state_dir === '') return values.snapshot_path;
  return join(values.state_dir, SNAPSHOT_NAME);
}

function parseProfile(text: string): ProfileName {
  const found = Object.keys(PROFILES).find((name) => name === text);
  if (found === undefined) throw new CodedError('ERR_PROFILE', `Unknown profile: ${text}`);
  return found as ProfileName;
}

function parseLogFormat(text: string): LogFormat {
  const found = LOG_FORMATS.find((name) => name === text.toLowerCase());
  if (found !== undefined) return found;
  throw new CodedError(
    'ERR_LOG_FORMAT',
    `Invalid log format: ${text}. Valid log formats are: [${LOG_FORMATS.join(' ')}]`,
  );
}

function parseLabel(text: string): string {
  const label = bytesOfText(text);
  if (label.length <= LONGEST_LABEL_BYTES) return text;
  throw new CodedError(
    'ERR_LABEL',
    `Invalid label: ${label.length} bytes, at most ${LONGEST_LABEL_BYTES} are allowed`,
  );
}
