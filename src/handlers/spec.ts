import { CodedError } from '../base/errors.ts';
import { type EventFilter, parseEventFilter } from '../events/filter.ts';

/** One configured handler. */
export interface HandlerSpec {
  /** As configured; names the handler across a reload. */
  readonly text: string;
  readonly kind: 'script' | 'module';
  /** An event runs the handler once per entry that matches, as in Serf. */
  readonly filters: readonly EventFilter[];
  /** A shell command, or the path of an ES module. */
  readonly command: string;
}

const MODULE_ENTRY = 'module';

/**
 * Reads `[FILTER=]SCRIPT`, split at the first `=` (agent.md 14.1). The filter entry `module` makes the rest the path
 * of an ES module (`module=./notify.js`, `member-join,module=./notify.js`): Serf knows no such entry, so no handler
 * that Serf accepts changes its meaning.
 *
 * Throws ERR_HANDLER_SPEC with Serf's text (agent.md 9.3) when an entry is no filter.
 */
export function parseHandlerSpec(text: string): HandlerSpec {
  const equals = text.indexOf('=');
  const entries = equals < 0 ? [] : text.slice(0, equals).split(',');
  const command = text.slice(equals + 1);
  const kind = entries.includes(MODULE_ENTRY) ? 'module' : 'script';
  const filterText = entries.filter((entry) => entry !== MODULE_ENTRY).join(',');
  const filters = parseEventFilter(filterText);
  if ('invalid' in filters) {
    throw new CodedError(
      'ERR_HANDLER_SPEC',
      `Invalid event script: Event '${filters.invalid}' invoking '${command}'`,
    );
  }
  return { text, kind, filters, command };
}
