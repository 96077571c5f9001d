import { messageOf } from '../../base/errors.ts';
import type { Block, BlockFields } from './block-spec.ts';
import { MEMBER_FIELDS } from './keys-handlers.ts';
import { GUARD_FIELDS, WAIT_FIELDS } from './policy-fields.ts';
import { rendererSpec } from './renderer-specs.ts';
import type { KeySpec } from './spec.ts';

/** The fields of one entry of `renderers`; docs/renderers.md explains them with examples. */

const NO_RENDERERS: ReadonlyMap<string, Block> = new Map();

const FIELDS = {
  template: { type: 'string', doc: 'Absolute path of the template.' },
  target: { type: 'string', doc: 'Absolute path of the file that is kept. Links are followed.' },
  mode: {
    type: 'string',
    defaultText: '`0644`',
    doc: 'Mode of a file that is new; one that is there keeps mode, owner and attributes.',
  },
  block: {
    type: 'block',
    doc: 'Keep only the lines between two markers and leave all others alone; the whole file unless stated.',
    fields: {
      comment: { type: 'string', defaultText: '`#`', doc: 'What a comment begins with in this file.' },
      begin: {
        type: 'string',
        defaultText: '`# BEGIN reeve NAME`',
        doc: 'The line above the block; the default begins with `comment`.',
      },
      end: { type: 'string', defaultText: '`# END reeve NAME`', doc: 'The line below the block.' },
      unique: {
        type: 'string',
        choices: ['name', 'addr'],
        defaultText: 'none',
        doc: 'Leaves a member out when a line outside the block already holds this field of it as a word, in whatever case, or another member spells it in small letters.',
      },
      domain: {
        type: 'string',
        defaultText: 'none',
        doc: 'For `unique`: names count with and without this domain, so that `db1` and `db1.DOMAIN` are one. For templates that write both.',
      },
    },
  },
  unique: {
    type: 'string',
    choices: ['name', 'addr'],
    defaultText: 'none',
    doc: 'Leaves a member out when another one spells this field of it otherwise, in small letters if one of them does.',
  },
  members: {
    type: 'block',
    doc: 'Which members the template sees.',
    fields: {
      ...MEMBER_FIELDS,
      statuses: {
        type: 'strings',
        defaultText: '`alive`',
        doc: 'Which members by status: alive, leaving, left, failed.',
      },
    },
  },
  fields: {
    type: 'map',
    doc: 'For each field of a member (`name`, `addr`, `port`, `status`, `tags.NAME`; `?` behind it when it may be missing) a grammar or a `/regular expression/` that its whole value must match; a member with another value is left out and reported.',
  },
  vars: { type: 'map', doc: 'Texts for the template, as `vars.NAME`.' },
  check: {
    type: 'strings',
    defaultText: 'none',
    doc: 'Program and arguments that must accept the new file (`{staged}`) before it is put in place.',
  },
  reload: {
    type: 'strings',
    defaultText: 'none',
    doc: 'Program and arguments to run after the file changed.',
  },
  verify: {
    type: 'strings',
    defaultText: 'none',
    doc: 'Program and arguments that must succeed after the reload; otherwise the old file comes back.',
  },
  timeout: { type: 'duration', min: 1, defaultText: '30s', doc: 'Longest run of each of these commands.' },
  guards: { type: 'block', fields: GUARD_FIELDS, doc: 'What makes a view too doubtful to be acted on.' },
  wait: { type: 'block', fields: WAIT_FIELDS, doc: 'How changes that come together are gathered.' },
  splay: {
    type: 'duration',
    defaultText: '0s',
    doc: 'Each node waits a fixed part of this before it acts on a change, so that a fleet does not reload at once.',
  },
  resync: {
    type: 'duration',
    defaultText: '10m',
    doc: 'How often the file is looked at without a change; 0 for never.',
  },
} as const satisfies BlockFields;

function checkRenderer(block: Block): string | undefined {
  try {
    rendererSpec('', block);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/** The key of renderers. */
export const RENDERER_KEYS = {
  renderers: {
    type: 'blocks',
    default: NO_RENDERERS,
    merge: 'merge',
    reloadable: true,
    own: true,
    doc: 'Files kept in step with the cluster, by name; see [renderers.md](renderers.md).',
    blocks: { noun: 'renderer', fields: FIELDS, check: checkRenderer },
  },
} as const satisfies Readonly<Record<string, KeySpec>>;
