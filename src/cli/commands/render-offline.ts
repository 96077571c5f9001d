import { readFileSync } from 'node:fs';
import { systemHost } from '../../agent/config/host.ts';
import { loadConfig } from '../../agent/config/load.ts';
import { ipBytes } from '../../base/address.ts';
import { CodedError, messageOf } from '../../base/errors.ts';
import type { MemberInfo, MemberStatus } from '../../events/event.ts';
import type { PreviewRecord } from '../../rpc/render-records.ts';
import type { Environment } from '../command.ts';

/** A dry run without an agent: configuration and members come from files. */

export interface OfflineRequest {
  readonly name: string;
  /** Path of the members, as `members -format=json` prints them. */
  readonly members: string;
  /** Configuration files and directories. */
  readonly sources: readonly string[];
  /** The node it is rendered for; empty for the configured one. */
  readonly self: string;
  readonly env: Environment;
}

/** A member list is a few hundred bytes for each member. */
const LARGEST_MEMBERS_BYTES = 64 << 20;

const STATUSES = ['none', 'alive', 'leaving', 'left', 'failed'] as const satisfies readonly MemberStatus[];

/** @throws CodedError with what is wrong with a file */
export async function previewOffline(request: OfflineRequest): Promise<PreviewRecord> {
  const [{ prepareRenderer }, { preview }, { select }] = await Promise.all([
    import('../../render/runner.ts'),
    import('../../render/preview.ts'),
    import('../../policy/view.ts'),
  ]);
  const { settings } = await loadConfig(
    { sources: request.sources, flags: new Map() },
    request.env,
    systemHost,
  );
  const spec = settings.renderers.find(({ name }) => name === request.name);
  if (spec === undefined) {
    const known = settings.renderers.map(({ name }) => name).join(', ');
    const hint = known === '' ? 'it has none; give it with -config-file' : `it has ${known}`;
    throw new CodedError('ERR_RENDERER_UNKNOWN', `the configuration has no renderer of this name: ${hint}`);
  }
  const prepared = await prepareRenderer(spec);
  const all = readMembers(request.members);
  const selfName = request.self === '' ? settings.nodeName : request.self;
  const self = all.find(({ name }) => name === selfName) ?? nobody(selfName);
  const { members, leftOut } = select(all, spec.policy.filter, selfName);
  return { ...(await preview({ ...prepared, self, members, leftOut })), holds: [] };
}

/**
 * The members of a file: an object with `members`, or the list itself.
 *
 * @throws CodedError `ERR_MEMBERS_FILE` naming the member and the field
 */
export function readMembers(path: string): readonly MemberInfo[] {
  const wrong = (why: string, cause?: unknown): CodedError =>
    new CodedError('ERR_MEMBERS_FILE', `${path}: ${why}`, { cause });
  let value: unknown;
  try {
    const bytes = readFileSync(path);
    if (bytes.length > LARGEST_MEMBERS_BYTES) throw new Error(`larger than ${LARGEST_MEMBERS_BYTES} bytes`);
    value = JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    throw wrong(messageOf(error), error);
  }
  const list: unknown = Array.isArray(value) ? value : fieldsOf(value)['members'];
  // Serf writes null for a list without entries.
  if (list === null) return [];
  if (!Array.isArray(list)) throw wrong("it holds no list 'members'; write it with 'members -format=json'");
  return list.map((entry: unknown, index) => memberOf(entry, (why) => wrong(`members[${index}]: ${why}`)));
}

function memberOf(entry: unknown, wrong: (why: string) => CodedError): MemberInfo {
  const fields = fieldsOf(entry);
  const { name, addr, status = 'alive', tags = {}, port } = fields;
  if (typeof name !== 'string') throw wrong("'name' must be a text");
  if (typeof addr !== 'string') throw wrong("'addr' must be a text, such as 10.0.0.7:7946");
  const [, v6, v4, suffix] = /^(?:\[([^\]]*)\]|([^:]*))(?::(\d+))?$/.exec(addr) ?? [];
  const host = v6 ?? v4 ?? addr;
  const bytes = host === '' ? new Uint8Array(0) : ipBytes(host);
  if (bytes === undefined) throw wrong(`'addr' is ${JSON.stringify(addr)}, which is no address`);
  const known = STATUSES.find((one) => one === status);
  if (known === undefined) throw wrong(`'status' must be one of ${STATUSES.join(', ')}`);
  const texts = Object.entries(fieldsOf(tags));
  if (texts.some(([, text]) => typeof text !== 'string')) throw wrong("'tags' must be an object of texts");
  return {
    ...nobody(name),
    addr: bytes,
    port: typeof port === 'number' ? port : Number(suffix ?? 0),
    tags: new Map(texts as [string, string][]),
    status: known,
  };
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

function nobody(name: string): MemberInfo {
  return {
    name,
    addr: new Uint8Array(0),
    port: 0,
    tags: new Map(),
    status: 'none',
    protocolMin: 0,
    protocolMax: 0,
    protocolCur: 0,
    delegateMin: 0,
    delegateMax: 0,
    delegateCur: 0,
  };
}
