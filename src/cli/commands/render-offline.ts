import { systemHost } from '../../agent/config/host.ts';
import { loadConfig } from '../../agent/config/load.ts';
import { CodedError } from '../../base/errors.ts';
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

/** @throws CodedError with what is wrong with a file */
export async function previewOffline(request: OfflineRequest): Promise<PreviewRecord> {
  const [{ prepareRenderer }, { preview }, { nobody, readMembers }, { select }] = await Promise.all([
    import('../../render/runner.ts'),
    import('../../render/preview.ts'),
    import('../../render/listed-members.ts'),
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
