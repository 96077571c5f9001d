import type { Command } from './command.ts';
import { COMMANDS } from './commands/index.ts';
import type { Flag } from './flags.ts';

/** The reference of every command, in docs/cli.md, made from what the commands say of themselves. */

/** Where the reference stands in its page. */
const START = '<!-- Made from the source by scripts/gen-cli-doc.ts; edit the commands, not these lines. -->';
const END = '<!-- End of what is made from the source. -->';

/** `page` with the reference in its place made anew. */
export async function withReference(page: string): Promise<string> {
  const [before, rest] = [page.indexOf(START), page.indexOf(END)];
  if (before < 0 || rest < before) throw new Error(`the page lacks the lines "${START}" and "${END}"`);
  return `${page.slice(0, before)}${START}\n\n${await reference()}\n${page.slice(rest)}`;
}

async function reference(): Promise<string> {
  const names = Object.keys(COMMANDS) as (keyof typeof COMMANDS)[];
  const rows = names.map(
    (name) => `| [\`${name}\`](#agent-${name.replaceAll(' ', '-')}) | ${COMMANDS[name].synopsis} |`,
  );
  const sections: string[] = [];
  const run = await COMMANDS.run.load();
  for (const name of names) sections.push(section(COMMANDS[name].synopsis, await COMMANDS[name].load(), run));
  return ['| Command | |\n| --- | --- |', ...rows, '', ...sections].join('\n');
}

function section(synopsis: string, command: Command, run: Command): string {
  const start = `agent ${command.name}`;
  const examples = command.examples.map(([line, meaning]) => [
    line === '' ? start : `${start} ${line}`,
    meaning,
  ]);
  const width = Math.max(0, ...examples.map(([line = '']) => line.length));
  return [
    `### agent ${command.name}\n`,
    `${synopsis}. Usage: \`${`${start} ${command.usage}`.trimEnd()}\`\n`,
    '```sh',
    ...examples.map(([line = '', meaning = '']) => `${line.padEnd(width)}  # ${meaning}`),
    '```\n',
    ...command.about.map((paragraph) => `${escaped(paragraph)}\n`),
    ...options(command, run),
  ].join('\n');
}

/** The table of options; those of `run` only once, for other commands take all of them. */
function options(command: Command, run: Command): string[] {
  const shown = Object.entries(command.flags).filter(([, flag]) => flag.hidden !== true);
  const inherits =
    command !== run && Object.keys(run.flags).every((name) => Object.hasOwn(command.flags, name));
  const flags = inherits ? shown.filter(([name]) => !Object.hasOwn(run.flags, name)) : shown;
  if (flags.length === 0) return [];
  const rows = flags.map(([name, flag]) => `| \`-${name}${flagWord(flag)}\` | ${escaped(flag.doc)} |`);
  const all = inherits ? ['All of [run](#agent-run), and:\n'] : [];
  return [...all, '| Option | |\n| --- | --- |', ...rows, ''];
}

function flagWord(flag: Flag): string {
  if (flag.kind === 'bool') return '';
  const value = flag.value ?? (flag.kind === 'duration' ? 'duration' : 'value');
  return ` ${value.replaceAll('|', '\\|')}`;
}

/** Markdown shows these as they are; within a table a bar would end the cell. */
function escaped(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll('*', '\\*').replaceAll('<', '\\<').replaceAll('_', '\\_');
}
