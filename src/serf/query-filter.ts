import { RE2JS } from 're2js';
import type { Counters } from '../base/counters.ts';
import { messageOf } from '../base/errors.ts';
import type { Trace } from '../base/trace.ts';
import { arrayOf, decode, encode, struct, text } from '../wire/msgpack.ts';

/** Filter kinds: the first byte of an encoded filter (serf.md 10.3). */
const FILTER_NODE = 0;
const FILTER_TAG = 1;

/** A longer expression never matches: time and memory are in proportion to it. By default no query can hold a longer one. */
export const PATTERN_LENGTH_LIMIT = 1024;
/** Counted repetitions (`{2,30}` counts 30) in one expression; each is a copy of what it repeats. */
export const PATTERN_REPEATS_LIMIT = 128;
/** Characters a warning shows of an expression that is too long. */
const SHOWN_PATTERN = 64;
/** Compiled expressions kept; the one unused for longest goes first. */
export const PATTERN_CACHE_LIMIT = 64;

interface TagFilter {
  readonly tag: string;
  readonly expr: string;
}

const nodeFilter = arrayOf(text, 'array');
const tagFilter = struct<TagFilter>({ tag: ['Tag', text], expr: ['Expr', text] });

/** Filters of a query of ours: the node filter first, then one per tag (serf.md 10.3). */
export function encodeFilters(nodes: readonly string[], tags: ReadonlyMap<string, string>): Uint8Array[] {
  const filters: Uint8Array[] = [];
  if (nodes.length > 0) filters.push(encode(nodeFilter, nodes, FILTER_NODE));
  for (const [tag, expr] of tags) filters.push(encode(tagFilter, { tag, expr }, FILTER_TAG));
  return filters;
}

/** Lists and maps whose length has 32 bits: Serf's decoder reserves room for all that they announce before it reads on. */
const LONG_LIST = 0xdd;
const LONG_MAP = 0xdf;
/** The kind, the head of the list and its length. */
const LONG_HEAD_BYTES = 6;

/** True for a filter that ends the process of Serf's agents: an empty one, and one that announces more names than it has bytes. */
export function isLethalFilter(filter: Uint8Array): boolean {
  if (filter.length === 0) return true;
  if (filter[0] !== FILTER_NODE || filter.length < LONG_HEAD_BYTES) return false;
  if (filter[1] !== LONG_LIST && filter[1] !== LONG_MAP) return false;
  const { buffer, byteOffset, length } = filter;
  return new DataView(buffer, byteOffset, length).getUint32(2) > length - LONG_HEAD_BYTES;
}

/** What is used of a compiled expression. The engine's own type stays inside: the published types name no other package. */
interface Pattern {
  matcher(text: string): { find(): boolean };
}

/** An expression of a tag filter, or why it matches nothing; `shown` is what a warning may show of it. */
export type CompiledPattern = { readonly regex: Pattern } | { readonly shown: string; readonly why: string };

/** Compiles the expression of a tag filter within our limits; never throws. */
export function compilePattern(expr: string): CompiledPattern {
  if (expr.length > PATTERN_LENGTH_LIMIT) {
    return {
      shown: `${expr.slice(0, SHOWN_PATTERN)}…`,
      why: `longer than ${PATTERN_LENGTH_LIMIT} characters`,
    };
  }
  if (countRepeats(expr) > PATTERN_REPEATS_LIMIT) {
    return { shown: expr, why: `more than ${PATTERN_REPEATS_LIMIT} counted repetitions` };
  }
  try {
    return { regex: RE2JS.compile(expr) };
  } catch (error) {
    return { shown: expr, why: messageOf(error) };
  }
}

/**
 * Decides whether queries are meant for us. Peers' expressions run in a linear-time engine of Go's own dialect;
 * whatever cannot be understood does not match.
 */
export class QueryFilter {
  readonly #self: string;
  readonly #counters: Counters;
  readonly #trace: Trace | undefined;
  readonly #compiled = new Map<string, Pattern | undefined>();

  constructor(self: string, counters: Counters, trace: Trace | undefined) {
    this.#self = self;
    this.#counters = counters;
    this.#trace = trace;
  }

  /** True when every filter lets us through. */
  matches(filters: readonly Uint8Array[], tags: ReadonlyMap<string, string>): boolean {
    return filters.every((filter) => this.#passes(filter, tags));
  }

  #passes(filter: Uint8Array, tags: ReadonlyMap<string, string>): boolean {
    switch (filter[0]) {
      case FILTER_NODE:
        return this.#passesNode(filter);
      case FILTER_TAG:
        return this.#passesTag(filter, tags);
      case undefined:
        return this.#reject('query has an empty filter', 'query has an empty filter');
      default:
        return this.#reject(
          'query has unrecognized filter type',
          `query has unrecognized filter type: ${filter[0]}`,
        );
    }
  }

  #passesNode(filter: Uint8Array): boolean {
    try {
      return decode(nodeFilter, filter, 1).includes(this.#self);
    } catch (error) {
      const message = 'failed to decode filterNodeType';
      return this.#reject(message, `${message}: ${messageOf(error)}`);
    }
  }

  #passesTag(filter: Uint8Array, tags: ReadonlyMap<string, string>): boolean {
    let wanted: TagFilter;
    try {
      wanted = decode(tagFilter, filter, 1);
    } catch (error) {
      const message = 'failed to decode filterTagType';
      return this.#reject(message, `${message}: ${messageOf(error)}`);
    }
    return (
      this.#compile(wanted.expr)
        ?.matcher(tags.get(wanted.tag) ?? '')
        .find() ?? false
    );
  }

  /** The compiled expression, or undefined for one that is not valid; both are remembered. */
  #compile(expr: string): Pattern | undefined {
    const known = this.#compiled.get(expr);
    const found = known !== undefined || this.#compiled.has(expr);
    const compiled = found ? known : this.#tryCompile(expr);
    this.#compiled.delete(expr);
    this.#compiled.set(expr, compiled);
    if (this.#compiled.size > PATTERN_CACHE_LIMIT) {
      const oldest = this.#compiled.keys().next();
      if (oldest.done !== true) this.#compiled.delete(oldest.value);
    }
    if (compiled === undefined && found) this.#counters.add('drop:query-filter');
    return compiled;
  }

  #tryCompile(expr: string): Pattern | undefined {
    const compiled = compilePattern(expr);
    if ('regex' in compiled) return compiled.regex;
    this.#rejectPattern(compiled.shown, compiled.why);
    return undefined;
  }

  #rejectPattern(expr: string, why: string): void {
    const message = 'failed to compile filter regex';
    this.#reject(message, `${message} (${expr}): ${why}`);
  }

  #reject(message: string, warning: string): false {
    this.#counters.add('drop:query-filter');
    this.#trace?.note({ level: 'WARN', source: 'serf', message, text: warning });
    return false;
  }
}

/** The sum of all upper bounds of counted repetitions, read without an expression of our own. */
function countRepeats(expr: string): number {
  let total = 0;
  for (let at = expr.indexOf('{'); at >= 0; at = expr.indexOf('{', at + 1)) {
    const end = expr.indexOf('}', at);
    if (end < 0) break;
    const bounds = expr
      .slice(at + 1, end)
      .split(',')
      .map(Number);
    const highest = Math.max(...bounds);
    if (Number.isFinite(highest)) total += highest;
  }
  return total;
}
