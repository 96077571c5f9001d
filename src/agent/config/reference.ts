import { formatDuration } from '../../base/duration.ts';
import type { BlockField, BlockFields, BlocksFacts } from './block-spec.ts';
import type { KeySpec, MergeRule } from './spec.ts';
import { CONFIG_KEYS, type ConfigKey, specOf } from './table.ts';

/** The configuration reference page, made from the table so that it cannot be wrong. */

const MERGE_WORDS: Readonly<Record<MergeRule, string>> = {
  'non-empty': 'a later value wins unless it is empty',
  'non-zero': 'a later value wins unless it is 0',
  positive: 'a later value above 0 wins',
  true: 'once true, always true',
  append: 'lists are joined',
  merge: 'joined, a later value of the same name wins',
  last: 'the last value given wins',
};

const TYPE_WORDS: Readonly<Record<KeySpec['type'], string>> = {
  string: 'text',
  bool: 'boolean',
  int: 'integer',
  duration: 'duration',
  strings: 'list of texts',
  map: 'object of texts',
  blocks: 'object of named objects',
};

const INTRODUCTION = `# Configuration

<!-- Made from the configuration table by scripts/gen-config-doc.ts; edit the table, not this page. -->

An agent reads its configuration from four sources, each over the one before it:

1. built-in defaults;
2. files and directories, in the order of \`-config-file\` and \`-config-dir\` on the command line. A directory stands
   for its files that end in \`.json\`, in order of their names, so keyring, tags file and schema are called otherwise;
3. the environment, for the keys that name a variable;
4. command-line flags.

\`agent config check FILE\` finds every mistake before an agent meets it; \`agent config show -origin FILE\` prints the
effective values and where each came from. Both take every flag of \`agent run\`. Editors complete and check files with
[configuration.schema.json](configuration.schema.json) (\`agent config schema\` prints it): name it in the file with the
key \`$schema\`, which the agent ignores.

A file holds one JSON object. Keys match in any case, an unknown key is an error, and types are strict. Durations are
texts such as \`300ms\`, \`1m30s\` or \`1.5h\`. A configuration of Serf works as it is.

\`\`\`json
{
  "node_name": "web-1",
  "bind": "10.0.0.5",
  "tags": { "role": "web" },
  "start_join": ["10.0.0.1"],
  "event_handlers": ["member-join,member-leave,member-failed=/etc/reeve/update-hosts"],
  "encrypt_key_file": "/etc/reeve/key"
}
\`\`\`

SIGHUP reads all sources again. If anything is wrong nothing changes; otherwise keys marked *reload* are applied at
once, and the log names changed keys that need a restart. Tags set at run time stay as they are unless the
configuration changed them.
`;

/** The whole page, as Markdown. */
export function configReference(): string {
  const supported = CONFIG_KEYS.filter((key) => specOf(key).available !== false);
  const later = CONFIG_KEYS.filter((key) => specOf(key).available === false);
  return [
    INTRODUCTION,
    '## Keys',
    '',
    ...supported.flatMap(section),
    ...(later.length === 0 ? [] : notYet(later)),
  ].join('\n');
}

function notYet(keys: readonly ConfigKey[]): readonly string[] {
  return [
    '## Not supported yet',
    '',
    'Using one of these is an error, so that nothing is silently without effect.',
    '',
    ...keys.map((key) => `- \`${key}\`${flagText(specOf(key))}: ${specOf(key).doc}`),
    '',
  ];
}

function section(key: ConfigKey): readonly string[] {
  const spec = specOf(key);
  const facts = [
    `- Type: ${TYPE_WORDS[spec.type]}. Default: ${defaultText(spec)}.`,
    ...(spec.choices === undefined
      ? []
      : [`- One of ${spec.choices.map((word) => `\`${word}\``).join(', ')}.`]),
    ...(spec.flag === undefined
      ? []
      : [`- Flag: \`-${spec.flag}\`${spec.inverted ? ' (the opposite)' : ''}.`]),
    ...(spec.env === undefined ? [] : [`- Environment: \`${spec.env}\`.`]),
    `- Several sources: ${MERGE_WORDS[spec.merge]}.`,
    ...(spec.reloadable ? ['- *Reload*: applied by SIGHUP.'] : []),
    ...(spec.masked ? ['- Secret: never shown and never logged.'] : []),
    ...(spec.own ? ['- Serf has no such key.'] : []),
  ];
  const fields = spec.blocks === undefined ? [] : fieldTable(spec.blocks);
  return [`### \`${key}\``, '', spec.doc, '', ...facts, '', ...fields];
}

const FIELD_WORDS: Readonly<Record<BlockField['type'], string>> = {
  string: 'text',
  bool: 'boolean',
  int: 'integer',
  number: 'number',
  duration: 'duration',
  amount: 'count or percentage',
  strings: 'list of texts',
  map: 'object of texts',
  block: 'object',
};

/** What each named object may state; fields of an object inside it follow with a dot. */
function fieldTable({ noun, fields }: BlocksFacts): readonly string[] {
  const head = [
    `Each ${noun} states:`,
    '',
    '| field | type | default | meaning |',
    '| --- | --- | --- | --- |',
  ];
  return [...head, ...fieldRows(fields, ''), ''];
}

function fieldRows(fields: BlockFields, prefix: string): readonly string[] {
  return Object.entries(fields).flatMap(([name, field]) => {
    const inner = field.type === 'block' ? fieldRows(field.fields, `${prefix}${name}.`) : [];
    const type =
      field.type === 'string' && field.choices !== undefined
        ? field.choices.join(', ')
        : FIELD_WORDS[field.type];
    return [`| \`${prefix}${name}\` | ${type} | ${field.defaultText ?? ''} | ${field.doc} |`, ...inner];
  });
}

function flagText(spec: KeySpec): string {
  return spec.flag === undefined ? '' : ` (\`-${spec.flag}\`)`;
}

function defaultText(spec: KeySpec): string {
  if (spec.defaultText !== undefined) return spec.defaultText;
  switch (spec.type) {
    case 'duration':
      return `\`${formatDuration(spec.default)}\``;
    case 'strings':
    case 'map':
    case 'blocks':
      return 'none';
    case 'string':
      return spec.default === '' ? 'none' : `\`${spec.default}\``;
    default:
      return `\`${spec.default}\``;
  }
}
