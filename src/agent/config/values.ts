import { join } from 'node:path';
import { decodeBase64 } from '../../base/base64.ts';
import { bytesOfText } from '../../base/bytes.ts';
import { CodedError, messageOf } from '../../base/errors.ts';
import type { Address } from '../../base/machine.ts';
import type { TraceLevel } from '../../base/trace.ts';
import { PROFILES, type ProfileName } from '../../swim/config.ts';
import { readPort, resolveAddress, splitHostPort } from './address.ts';
import type { ConfigHost } from './host.ts';
import { interfaceAddress } from './interface.ts';
import type { MergedConfig } from './merge.ts';
import { readSecretFile } from './secrets.ts';
import type { LogFormat, MetricsTarget } from './settings.ts';
import type { ConfigKey, ConfigValues } from './table.ts';

/** Texts of a configuration as what they stand for; each refuses what it cannot read in Serf's words. */

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

const POSITIVE: readonly ConfigKey[] = [
  'user_event_size_limit',
  'query_size_limit',
  'query_response_size_limit',
  'reconnect_interval',
  'reconnect_timeout',
  'tombstone_timeout',
];

const NOT_NEGATIVE: readonly ConfigKey[] = ['handler_timeout', 'dead_node_reclaim_time'];

/**
 * Refuses a number that its key cannot have.
 *
 * @throws CodedError `ERR_CONFIG_RANGE`
 */
export function badNumber(key: ConfigKey, { values, origins }: MergedConfig): undefined {
  const value = values[key];
  const lowest = POSITIVE.includes(key) ? Number.MIN_VALUE : NOT_NEGATIVE.includes(key) ? 0 : -Infinity;
  if (typeof value !== 'number' || value >= lowest) return undefined;
  const at = origins.get(key)?.at(-1)?.at ?? '';
  throw new CodedError('ERR_CONFIG_RANGE', `Invalid '${key}' (${at}): must not be negative`);
}

export function tagsOf(values: ConfigValues, notes: string[]): ReadonlyMap<string, string> {
  if (values.role === '') return values.tags;
  notes.push("Deprecation warning: 'Role' has been replaced with 'Tags'");
  return new Map([...values.tags, ['role', values.role]]);
}

export function raiseIntervals(values: ConfigValues, notes: string[]): ConfigValues {
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

export async function bindAddress(values: ConfigValues, host: ConfigHost, notes: string[]): Promise<Address> {
  const bind = await explained('Invalid bind address', resolveAddress(values.bind, host.lookup));
  if (values.interface === '') return bind;
  const ip = interfaceAddress(values.interface, bind.ip, host);
  if (ip === bind.ip) return bind;
  notes.push(`Using interface '${values.interface}' address '${ip}'`);
  return { ip, port: bind.port };
}

export async function advertisedAddress(
  values: ConfigValues,
  host: ConfigHost,
): Promise<Address | undefined> {
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
export function encryptionKey(values: ConfigValues): Uint8Array | undefined {
  const text = secretOf('encrypt_key', values.encrypt_key, values.encrypt_key_file);
  if (text === '') return undefined;
  try {
    return decodeBase64(text);
  } catch (error) {
    throw new CodedError('ERR_ENCRYPT_KEY', `Invalid encryption key: ${messageOf(error)}`, { cause: error });
  }
}

/** The key RPC clients must present; empty for none. */
export function rpcKey(values: ConfigValues): string {
  return secretOf('rpc_auth', values.rpc_auth, values.rpc_auth_file);
}

function secretOf(key: 'encrypt_key' | 'rpc_auth', text: string, file: string): string {
  if (file === '') return text;
  if (text === '') return readSecretFile(`${key}_file`, file);
  throw new CodedError(
    'ERR_CONFIG_EXCLUSIVE',
    `'${key}' and '${key}_file' exclude each other: give one of them`,
  );
}

/** Whoever lets the agent keep state wants it to find its cluster again. */
export function snapshotPathOf(values: ConfigValues): string {
  if (values.snapshot_path !== '' || values.state_dir === '') return values.snapshot_path;
  return join(values.state_dir, SNAPSHOT_NAME);
}

export function parseProfile(text: string): ProfileName {
  const found = Object.keys(PROFILES).find((name) => name === text);
  if (found === undefined) throw new CodedError('ERR_PROFILE', `Unknown profile: ${text}`);
  return found as ProfileName;
}

export function parseLogFormat(text: string): LogFormat {
  const found = LOG_FORMATS.find((name) => name === text.toLowerCase());
  if (found !== undefined) return found;
  throw new CodedError(
    'ERR_LOG_FORMAT',
    `Invalid log format: ${text}. Valid log formats are: [${LOG_FORMATS.join(' ')}]`,
  );
}

export function parseLabel(text: string): string {
  const label = bytesOfText(text);
  if (label.length <= LONGEST_LABEL_BYTES) return text;
  throw new CodedError(
    'ERR_LABEL',
    `Invalid label: ${label.length} bytes, at most ${LONGEST_LABEL_BYTES} are allowed`,
  );
}

/** Names of RFC 5424, as Serf's syslog library and `logger -p` know them. */
const FACILITIES = [
  ...['KERN', 'USER', 'MAIL', 'DAEMON', 'AUTH', 'SYSLOG', 'LPR', 'NEWS', 'UUCP', 'CRON', 'AUTHPRIV', 'FTP'],
  ...['LOCAL0', 'LOCAL1', 'LOCAL2', 'LOCAL3', 'LOCAL4', 'LOCAL5', 'LOCAL6', 'LOCAL7'],
];

/** The facility to log to, in lower case; undefined where syslog is off. */
export function parseFacility({ enable_syslog, syslog_facility }: ConfigValues): string | undefined {
  if (!enable_syslog) return undefined;
  if (FACILITIES.includes(syslog_facility.toUpperCase())) return syslog_facility.toLowerCase();
  throw new CodedError(
    'ERR_SYSLOG',
    `Syslog setup failed: invalid syslog facility: ${syslog_facility}. Valid facilities are: [${FACILITIES.join(' ')}]`,
  );
}

/** Where metrics go: host and port; undefined for an empty text. */
export function parseMetricsAddress(sink: 'statsd' | 'statsite', text: string): MetricsTarget | undefined {
  if (text === '') return undefined;
  try {
    const [host, portText] = splitHostPort(text);
    const port = readPort(portText);
    if (host !== '' && port > 0) return { host, port };
    throw new CodedError('ERR_ADDRESS', `address ${text}: write it like 127.0.0.1:8125`);
  } catch (error) {
    throw new CodedError('ERR_METRICS', `Failed to start ${sink} sink. Got: ${messageOf(error)}`, {
      cause: error,
    });
  }
}
