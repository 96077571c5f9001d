import type { Flag, FlagTable } from '../flags.ts';

/** What the values of flags and the arguments of commands are. */

/** What is looked up when it is asked for. */
export type SourceName = 'interfaces' | 'installed' | 'members' | 'recipes' | 'renderers';

export type Value =
  | { readonly type: 'choices'; readonly words: readonly string[] }
  | { readonly type: 'source'; readonly source: SourceName }
  | { readonly type: 'files' | 'directories' };

export const SHELLS = ['bash', 'zsh', 'fish'] as const;

const LEVELS = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERR'];
const FILES: Value = { type: 'files' };
const DIRECTORIES: Value = { type: 'directories' };

/** Values that the table of flags does not tell, by command and flag. */
const OF_FLAGS: Readonly<Record<string, Value>> = {
  'members status': { type: 'choices', words: ['alive', 'leaving', 'left', 'failed'] },
  'monitor log-level': { type: 'choices', words: [...LEVELS, 'none'] },
  'query node': { type: 'source', source: 'members' },
  'render self': { type: 'source', source: 'members' },
};

/** Values by the flag's name, in every command that has it. */
const BY_NAME: Readonly<Record<string, Value>> = {
  iface: { type: 'source', source: 'interfaces' },
  'log-level': { type: 'choices', words: LEVELS },
  'mdns-iface': { type: 'source', source: 'interfaces' },
  report: FILES,
};

/** Placeholders in help that stand for a file, or for a command that may be one. */
const FILE_WORDS = ['file', 'path', '[filter=]script'];

/** What the value of a flag may be; undefined for anything. */
export function valueOfFlag(command: string, name: string, table: FlagTable): Value | undefined {
  const flag = Object.hasOwn(table, name) ? table[name] : undefined;
  if (flag === undefined) return undefined;
  const known = OF_FLAGS[`${command} ${name}`] ?? BY_NAME[name];
  return known ?? valueByPlaceholder(name, flag);
}

function valueByPlaceholder(name: string, flag: Flag): Value | undefined {
  if (flag.kind === 'bool') return { type: 'choices', words: ['true', 'false'] };
  const { value = '' } = flag;
  if (/^[\w-]+(?:\|[\w-]+)+$/.test(value)) return { type: 'choices', words: value.split('|') };
  if (!FILE_WORDS.includes(value)) return undefined;
  return name.endsWith('-dir') ? DIRECTORIES : FILES;
}

/** Arguments of commands by their place; with `more` the last one may be repeated. */
const ARGUMENTS: Readonly<Record<string, { readonly values: readonly Value[]; readonly more?: boolean }>> = {
  completion: { values: [{ type: 'choices', words: SHELLS }] },
  'config check': { values: [FILES], more: true },
  'config show': { values: [FILES], more: true },
  'force-leave': { values: [{ type: 'source', source: 'members' }] },
  handlers: { values: [{ type: 'choices', words: ['list', 'log', 'rerun', 'test', 'approve'] }] },
  'recipe add': { values: [{ type: 'source', source: 'recipes' }] },
  'recipe remove': { values: [{ type: 'source', source: 'installed' }] },
  'recipe show': { values: [{ type: 'source', source: 'recipes' }] },
  'recipe test': { values: [{ type: 'source', source: 'recipes' }], more: true },
  render: { values: [{ type: 'source', source: 'renderers' }] },
  rtt: {
    values: [
      { type: 'source', source: 'members' },
      { type: 'source', source: 'members' },
    ],
  },
};

/** What the argument after `count` others may be; undefined for anything, or for none. */
export function valueOfArgument(command: string, count: number): Value | undefined {
  const known = Object.hasOwn(ARGUMENTS, command) ? ARGUMENTS[command] : undefined;
  if (known === undefined) return undefined;
  return known.values[count] ?? (known.more === true ? known.values.at(-1) : undefined);
}
