import { isAbsolute } from 'node:path';
import { RE2JS } from 're2js';
import { CodedError, messageOf } from '../../base/errors.ts';
import type { MemberStatus } from '../../events/event.ts';
import { DEFAULT_RESYNC_MS, DEFAULT_RETRY } from '../../policy/config.ts';
import type { ViewFilter } from '../../policy/view.ts';
import { type FieldRule, fieldRules, misfit } from '../../render/grammar.ts';
import { commandFault, type ManagedBlock, type RendererSpec, type Step } from '../../render/spec.ts';
import { type Block, blockMap, blockNumber, blockText, blockTexts, innerBlock } from './block-spec.ts';
import { guardsOf, waitOf } from './policy-fields.ts';

/** From the blocks of `renderers` to what keeps their files: texts compiled, defaults filled in. */

const DEFAULT_TIMEOUT_MS = 30_000;

const STATUSES = ['alive', 'leaving', 'left', 'failed'] as const satisfies readonly MemberStatus[];

/** Compiling takes time and memory in proportion; no sensible expression is near this. */
const LONGEST_EXPRESSION = 1_024;

/** @throws CodedError `ERR_RENDERER` naming the renderer */
export function rendererSpecs(blocks: ReadonlyMap<string, Block>): readonly RendererSpec[] {
  const specs = [...blocks].map(([name, block]) => {
    try {
      return rendererSpec(name, block);
    } catch (error) {
      throw new CodedError('ERR_RENDERER', `Invalid renderer '${name}': ${messageOf(error)}`, {
        cause: error,
      });
    }
  });
  refuseSharedTargets(specs);
  return specs;
}

/** @throws CodedError `ERR_RENDERER` or `ERR_CONFIG_RANGE`, without the renderer's name */
export function rendererSpec(name: string, block: Block): RendererSpec {
  const fields = fieldRules(blockMap(block, 'fields') ?? new Map());
  return {
    name,
    template: absolute(block, 'template'),
    target: absolute(block, 'target'),
    mode: modeOf(blockText(block, 'mode') ?? '0644'),
    block: block.has('block') ? managedBlock(name, innerBlock(block, 'block')) : undefined,
    unique: blockText(block, 'unique'),
    fields,
    vars: blockMap(block, 'vars') ?? new Map(),
    commands: {
      check: commandOf(block, 'check'),
      reload: commandOf(block, 'reload'),
      verify: commandOf(block, 'verify'),
    },
    timeoutMs: blockNumber(block, 'timeout') ?? DEFAULT_TIMEOUT_MS,
    policy: {
      filter: viewFilter(innerBlock(block, 'members'), fields),
      guards: guardsOf(block),
      wait: waitOf(block),
      splayMs: blockNumber(block, 'splay') ?? 0,
      resyncMs: blockNumber(block, 'resync') ?? DEFAULT_RESYNC_MS,
      retry: DEFAULT_RETRY,
    },
    fingerprint: JSON.stringify(block, mapsAsLists),
  };
}

function absolute(block: Block, field: 'template' | 'target'): string {
  const path = blockText(block, field) ?? '';
  if (path === '') throw wrong(`it has no '${field}'`);
  if (!isAbsolute(path)) throw wrong(`'${field}' is '${path}': write an absolute path`);
  return path;
}

function modeOf(text: string): number {
  if (/^0?[0-7]{3,4}$/.test(text)) return Number.parseInt(text, 8);
  throw wrong(`'mode' is '${text}': write it in octal, such as 0644`);
}

function managedBlock(name: string, block: Block): ManagedBlock {
  const comment = blockText(block, 'comment') ?? '#';
  const lead = comment === '' ? '' : `${comment} `;
  const begin = (blockText(block, 'begin') ?? `${lead}BEGIN reeve ${name}`).trimEnd();
  const end = (blockText(block, 'end') ?? `${lead}END reeve ${name}`).trimEnd();
  for (const line of [begin, end]) {
    if (line === '' || /[\r\n\0]/.test(line)) throw wrong("'block.begin' and 'block.end' are one line each");
  }
  if (begin === end) throw wrong("'block.begin' and 'block.end' must differ");
  const domain = blockText(block, 'domain');
  return { begin, end, comment, unique: blockText(block, 'unique'), domain };
}

function commandOf(block: Block, step: Step): readonly string[] | undefined {
  const argv = blockTexts(block, step);
  const fault = argv === undefined ? undefined : commandFault(step, argv);
  if (fault === undefined) return argv;
  throw wrong(`'${step}' ${fault}`);
}

function viewFilter(members: Block, rules: readonly FieldRule[]): ViewFilter {
  const name = blockText(members, 'name');
  const tags = [...(blockMap(members, 'tags') ?? [])];
  const self = blockText(members, 'self');
  const expression = name === undefined ? undefined : compiled('members.name', name);
  return {
    statuses: new Set((blockTexts(members, 'statuses') ?? ['alive']).map(statusOf)),
    name: expression,
    tags: new Map(tags.map(([tag, text]) => [tag, compiled(`members.tags.${tag}`, text)] as const)),
    self: self === 'only' ? 'only' : self === 'exclude' ? 'except' : 'any',
    refuse: (member) => misfit(rules, member),
  };
}

function statusOf(text: string): MemberStatus {
  const status = STATUSES.find((known) => known === text);
  if (status !== undefined) return status;
  throw wrong(`'members.statuses' holds '${text}', which is none of ${STATUSES.join(', ')}`);
}

function compiled(field: string, text: string): (value: string) => boolean {
  if (text.length > LONGEST_EXPRESSION)
    throw wrong(`'${field}' is longer than ${LONGEST_EXPRESSION} characters`);
  try {
    const expression = RE2JS.compile(text);
    return (value) => expression.matches(value);
  } catch (error) {
    throw wrong(`'${field}' is no regular expression: ${messageOf(error)}`);
  }
}

/** Two renderers of one file would undo each other; blocks of their own may share it. */
function refuseSharedTargets(specs: readonly RendererSpec[]): void {
  for (const [index, spec] of specs.entries()) {
    const other = specs.slice(0, index).find(({ target }) => target === spec.target);
    if (other === undefined) continue;
    const apart =
      other.block !== undefined && spec.block !== undefined && other.block.begin !== spec.block.begin;
    if (apart && other.block?.end !== spec.block?.end) continue;
    throw wrong(
      `Renderers '${other.name}' and '${spec.name}' both keep ${spec.target}: give each a 'block' with markers of its own`,
    );
  }
}

/** Maps have no JSON of their own. */
function mapsAsLists(_key: string, value: unknown): unknown {
  return value instanceof Map ? [...value] : value;
}

function wrong(text: string): CodedError {
  return new CodedError('ERR_RENDERER', text);
}
