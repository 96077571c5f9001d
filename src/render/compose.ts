import { asBuffer, bytesOfText, textOfBytes } from '../base/bytes.ts';
import { CodedError } from '../base/errors.ts';
import type { MemberInfo } from '../events/event.ts';
import type { LeftOut } from '../policy/view.ts';
import { foreignWords, joinBlock, refuseMarkersInside, splitAtBlock } from './block.ts';
import { fieldOf } from './grammar.ts';
import type { RendererSpec } from './spec.ts';
import type { Template } from './template.ts';
import { templateValues } from './values.ts';

/** From a view to the bytes of a file, without touching one. */
export interface ComposeInput {
  readonly spec: Pick<RendererSpec, 'target' | 'block' | 'unique' | 'vars' | 'policy'>;
  readonly template: Template;
  readonly self: MemberInfo;
  readonly members: readonly MemberInfo[];
  /** The file as it is; undefined when there is none. */
  readonly present: Uint8Array | undefined;
  /** Nothing may stand where something stood: somebody said so. */
  readonly emptyApproved?: boolean;
}

export interface Composed {
  readonly bytes: Buffer;
  /** Members left out because a line outside the block, or another member, already has their name. */
  readonly leftOut: readonly LeftOut[];
}

/**
 * The new content of the target.
 *
 * @throws CodedError `ERR_TEMPLATE`, `ERR_RENDER_BLOCK`, or `ERR_RENDER_EMPTY` when nothing would replace something
 */
export function compose(input: ComposeInput): Composed {
  const { spec, template, self, present } = input;
  const { block, vars } = spec;
  if (block === undefined) {
    const { members, leftOut } = unique(input.members, spec.unique, NO_WORDS);
    const text = template.render(templateValues({ self, members, vars }));
    refuseNothing(input, text, present === undefined ? '' : textOfBytes(present));
    return { bytes: asBuffer(bytesOfText(text)), leftOut };
  }
  const split = splitAtBlock(spec.target, latin1(present), block);
  const taken = block.unique === undefined ? NO_WORDS : foreignWords(split, block.comment);
  const { members, leftOut } = unique(input.members, block.unique ?? spec.unique, taken, block.domain);
  const text = template.render(templateValues({ self, members, vars }));
  const inside = latin1(bytesOfText(text));
  refuseMarkersInside(inside, block);
  refuseNothing(input, inside, split.inside ?? '');
  return { bytes: Buffer.from(joinBlock(split, inside, block), 'latin1'), leftOut };
}

const NO_WORDS: ReadonlySet<string> = new Set();

/**
 * Members whose `field` nobody else has: neither a line outside the block (`foreign`) nor, as names have no case, a member
 * that writes it otherwise. Of several spellings the one in small letters, without the domain, stays, or else the first.
 */
function unique(
  members: readonly MemberInfo[],
  field: string | undefined,
  foreign: ReadonlySet<string>,
  domain = '',
): { members: readonly MemberInfo[]; leftOut: LeftOut[] } {
  if (field === undefined) return { members, leftOut: [] };
  const suffix = domain === '' ? '' : `.${domain.toLowerCase()}`;
  const bare = (word: string): string =>
    word.endsWith(suffix) ? word.slice(0, word.length - suffix.length) : word;
  const taken = new Set([...foreign].map(bare));
  const spellings = new Map<string, string>();
  for (const member of members) {
    const value = fieldOf(member, field) ?? '';
    const word = bare(value.toLowerCase());
    if (value === word || !spellings.has(word)) spellings.set(word, value);
  }
  const leftOut: LeftOut[] = [];
  const listed = members.filter((member) => {
    const value = fieldOf(member, field) ?? '';
    const word = bare(value.toLowerCase());
    const other = spellings.get(word);
    if (taken.has(word)) {
      leftOut.push({
        name: member.name,
        why: `a line outside the block already has ${JSON.stringify(word)}`,
      });
    } else if (other !== value) {
      leftOut.push({
        name: member.name,
        why: `another member has the same ${field}: ${JSON.stringify(other)}`,
      });
    } else return true;
    return false;
  });
  return { members: listed, leftOut };
}

/**
 * True when the file, or the block in it, holds anything that an empty view would wipe out. A file whose block cannot
 * be found counts as one that does.
 */
export function holdsContent(
  spec: Pick<RendererSpec, 'target' | 'block'>,
  present: Uint8Array | undefined,
): boolean {
  const text = latin1(present);
  if (spec.block === undefined) return text.trim() !== '';
  try {
    return (splitAtBlock(spec.target, text, spec.block).inside ?? '').trim() !== '';
  } catch {
    return true;
  }
}

function refuseNothing({ spec, emptyApproved }: ComposeInput, next: string, before: string): void {
  if (next.trim() !== '' || before.trim() === '') return;
  if (emptyApproved === true || spec.policy.guards.allowEmpty) return;
  throw new CodedError(
    'ERR_RENDER_EMPTY',
    `${spec.target}: nothing would replace what stands there; set guards.allow_empty if that is meant`,
  );
}

/** Each byte as one character. */
function latin1(bytes: Uint8Array | undefined): string {
  return bytes === undefined ? '' : asBuffer(bytes).toString('latin1');
}
