import type { Command, Example } from './command.ts';
import type { Flag } from './flags.ts';
import { characters } from './format.ts';

/** Help texts: examples first, then what it is, then every option; made for 80 columns. */

const WIDTH = 80;
const MARGIN = '  ';
const USAGE_INDENT = '         ';
/** Names longer than this stand on a line of their own. */
const NAME_COLUMN = 26;
const EXAMPLE_COLUMN = 40;

/** One command's help. */
export function commandHelp(program: string, command: Command): string {
  const parts = [wrap(`Usage: ${program} ${command.name} ${command.usage}`.trimEnd(), '', USAGE_INDENT)];
  if (command.examples.length > 0) {
    parts.push(`Examples:\n\n${examples(`${program} ${command.name}`, command.examples)}`);
  }
  parts.push(...command.about.map((paragraph) => wrap(paragraph, MARGIN)));
  const flags = Object.entries(command.flags).filter(([, flag]) => flag.hidden !== true);
  if (flags.length > 0) {
    const lines = flags.map(([name, flag]) => entry(flagHead(name, flag), flag.doc, NAME_COLUMN));
    parts.push(`Options:\n\n${lines.join('\n')}`);
  }
  return parts.join('\n\n');
}

/** What the program can do. `commands` are names with one line each. */
export function programHelp(
  program: string,
  lines: readonly Example[],
  commands: readonly (readonly [name: string, synopsis: string])[],
): string {
  return [
    `Usage: ${program} [--version] [--help] <command> [<args>]`,
    `Examples:\n\n${examples(program, lines)}`,
    `Available commands are:\n${commandList(commands)}`,
    `Run '${program} <command> --help' for a command's examples and options.`,
  ].join('\n\n');
}

/** The commands of two words that begin with `group`. */
export function groupHelp(
  program: string,
  group: string,
  commands: readonly (readonly [name: string, synopsis: string])[],
): string {
  return [
    `Usage: ${program} ${group} <command> [<args>]`,
    `Available commands are:\n${commandList(commands)}`,
    `Run '${program} ${group} <command> --help' for a command's examples and options.`,
  ].join('\n\n');
}

function commandList(commands: readonly (readonly [name: string, synopsis: string])[]): string {
  const width = Math.max(...commands.map(([name]) => name.length));
  return commands.map(([name, synopsis]) => `    ${name.padEnd(width)}    ${synopsis}`).join('\n');
}

function examples(start: string, lines: readonly Example[]): string {
  return lines
    .map(([line, meaning]) => entry(line === '' ? start : `${start} ${line}`, meaning, EXAMPLE_COLUMN))
    .join('\n');
}

/** A value that holds `=` itself stands apart, or nobody could tell which one splits. */
function flagHead(name: string, flag: Flag): string {
  if (flag.kind === 'bool') return `-${name}`;
  const value = flag.value ?? (flag.kind === 'duration' ? 'duration' : 'value');
  return `-${name}${value.includes('=') ? ' ' : '='}${value}`;
}

/** `head` and its explanation beside it, or below it when it is long. */
function entry(head: string, text: string, column: number): string {
  const body = wrap(text, ' '.repeat(column));
  const room = column - MARGIN.length - 2;
  if (characters(head) > room) return `${MARGIN}${head}\n${body}`;
  return MARGIN + head.padEnd(column - MARGIN.length) + body.slice(column);
}

function wrap(text: string, indent: string, later = indent): string {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    const margin = lines.length === 0 ? indent : later;
    if (line !== '' && margin.length + characters(line) + 1 + characters(word) > WIDTH) {
      lines.push(margin + line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  lines.push((lines.length === 0 ? indent : later) + line);
  return lines.join('\n');
}
