import { asBuffer } from '../base/bytes.ts';
import type { MemberInfo } from '../events/event.ts';
import type { LeftOut } from '../policy/view.ts';
import { compose } from './compose.ts';
import { unifiedDiff } from './diff.ts';
import { readState } from './files.ts';
import { targetPaths } from './paths.ts';
import type { RendererSpec } from './spec.ts';
import type { Template } from './template.ts';

/** Every user of the host may read the file. */
const OTHERS_READ = 0o004;

/** What a render would do, found without running or changing anything. */
export interface Preview {
  readonly target: string;
  readonly same: boolean;
  readonly members: number;
  readonly leftOut: readonly LeftOut[];
  /** As `diff -u` prints it; empty when the file is right. */
  readonly diff: string;
  /** Everybody on the host may read the file, so that the diff is no secret. */
  readonly isPublic: boolean;
}

export interface PreviewInput {
  readonly spec: RendererSpec;
  readonly template: Template;
  readonly self: MemberInfo;
  readonly members: readonly MemberInfo[];
  /** Members left out before. */
  readonly leftOut: readonly LeftOut[];
}

/**
 * Composes and compares.
 *
 * @throws CodedError as `compose` does, and `ERR_RENDER_TARGET`
 */
export async function preview(input: PreviewInput): Promise<Preview> {
  const { spec, template, self, members } = input;
  const path = targetPaths(spec.target).file;
  const known = await readState(path);
  // Nothing is written, so nothing has to be refused for what it would wipe out.
  const { bytes, leftOut } = compose({
    spec,
    template,
    self,
    members,
    present: known?.bytes,
    emptyApproved: true,
  });
  return {
    target: path,
    same: known?.bytes.equals(bytes) === true,
    members: members.length,
    leftOut: [...input.leftOut, ...leftOut],
    diff: unifiedDiff(path, known && shown(known.bytes), shown(bytes)),
    isPublic: known === undefined || (known.stats.mode & OTHERS_READ) !== 0,
  };
}

function shown(bytes: Uint8Array): string {
  return asBuffer(bytes).toString('utf8');
}
