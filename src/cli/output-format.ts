import { failure } from './command.ts';
import type { Flag } from './flags.ts';

/** `-format`, as `members`, `info` and `query` have it. */
export type OutputFormat = 'text' | 'json';

export const FORMAT_FLAG = {
  kind: 'text',
  default: 'text',
  value: 'text|json',
  doc: 'Format of the output; --json is short for -format=json.',
} as const satisfies Flag;

/** @throws CodedError with Serf's text for any other format */
export function checkFormat(format: string): OutputFormat {
  if (format === 'text' || format === 'json') return format;
  throw failure(`Encoding error: Invalid output format ${JSON.stringify(format)}`);
}
