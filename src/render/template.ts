import { Liquid, type Template as LiquidTemplate } from 'liquidjs';
import { CodedError, messageOf } from '../base/errors.ts';
import { FILTERS } from './filters.ts';
import type { TemplateValues } from './values.ts';

/** Longest template, in characters; a page of configuration is a thousandth of it. */
export const LONGEST_TEMPLATE = 1 << 20;

/** Longest text a template may make, in characters. */
export const LONGEST_OUTPUT = 16 << 20;

/** Longest time one template may take: the agent's only thread renders it. */
const RENDER_LIMIT_MS = 2_000;

/** What one render may build on the way, in the library's own count (about bytes). */
const MEMORY_LIMIT = 16 << 20;

/**
 * Tags a template has. Those of the library that read other files (`include`, `render`, `layout`, `block`) or count
 * across renders are not there.
 */
const TAGS = [
  'assign',
  'break',
  'capture',
  'case',
  'comment',
  'continue',
  'cycle',
  'echo',
  'for',
  'if',
  'liquid',
  'raw',
  'unless',
  '#',
];

/** Filters of the library that are functions of more than their input: the clock, chance, expressions as text. */
const REFUSED_FILTERS = /^(?:date|sample|shuffle|.*_exp$|inspect$)/;

/** A template that was read and found good. */
export interface Template {
  /**
   * The text for these values.
   *
   * @throws CodedError `ERR_TEMPLATE` with line and column
   */
  render(values: TemplateValues): string;
}

/**
 * Reads a Liquid template. Templates hold no code: they reach the values they are given and nothing else, neither files
 * nor what objects inherit, and values are never read as templates. A line that holds only tags leaves no line behind.
 *
 * @param name how messages call it
 * @throws CodedError `ERR_TEMPLATE` with line and column
 */
export function compileTemplate(name: string, text: string): Template {
  if (text.length > LONGEST_TEMPLATE) {
    throw new CodedError('ERR_TEMPLATE', `${name}: longer than ${LONGEST_TEMPLATE} characters`);
  }
  refuseFilteredLoops(name, text);
  const engine = newEngine();
  const parsed = explained<LiquidTemplate[]>(name, () => engine.parse(withoutTagLines(text)));
  return {
    render: (values) => {
      const output: unknown = explained(name, () => engine.renderSync(parsed, values));
      const result = String(output);
      if (result.length <= LONGEST_OUTPUT) return result;
      throw new CodedError('ERR_TEMPLATE', `${name}: makes more than ${LONGEST_OUTPUT} characters`);
    },
  };
}

function newEngine(): Liquid {
  const engine = new Liquid({
    strictFilters: true,
    strictVariables: true,
    lenientIf: true,
    ownPropertyOnly: true,
    // Blank trimming takes no more than one line end.
    greedy: false,
    // With a table of templates, an empty one, no file is ever looked for.
    templates: {},
    parseLimit: LONGEST_TEMPLATE,
    renderLimit: RENDER_LIMIT_MS,
    memoryLimit: MEMORY_LIMIT,
  });
  for (const tag of Object.keys(engine.tags)) if (!TAGS.includes(tag)) delete engine.tags[tag];
  for (const filter of Object.keys(engine.filters)) {
    if (REFUSED_FILTERS.test(filter)) delete engine.filters[filter];
  }
  for (const [filter, work] of Object.entries(FILTERS)) engine.registerFilter(filter, work);
  return engine;
}

/** Liquid overlooks a filter behind `for … in …`, and a list that is silently not sorted or filtered misleads. */
function refuseFilteredLoops(name: string, text: string): void {
  const loop = /\{%-?\s*for\s[^%|]*\|/.exec(text);
  if (loop === null) return;
  const line = text.slice(0, loop.index).split('\n').length;
  throw new CodedError(
    'ERR_TEMPLATE',
    `${name}: a loop takes no filter, line:${line}; write {% assign list = … | … %} before it`,
  );
}

/** Makes a tag that has a line for itself take the whole line with it. */
function withoutTagLines(text: string): string {
  return text.replace(/^[ \t]*\{%(?!-)((?:(?!%\})[^\n])*?)-?%\}[ \t]*(?=\r?$)/gm, (line, inside: string) =>
    /^\s*(?:raw|endraw)\b/.test(inside) ? line : `{%-${inside}-%}`,
  );
}

function explained<T>(name: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    // The first line names what and where; the library adds an excerpt of the template below.
    const text = messageOf(error).split('\n')[0];
    throw new CodedError('ERR_TEMPLATE', `${name}: ${text}`, { cause: error });
  }
}
