import { CodedError } from '../../base/errors.ts';

/**
 * Reads `key=value`: the first `=` splits, the key must not be empty, the value may be.
 *
 * @throws CodedError `ERR_TAG` with Serf's text
 */
export function parseTag(text: string): readonly [key: string, value: string] {
  const equals = text.indexOf('=');
  if (equals < 1) throw new CodedError('ERR_TAG', `Error: Invalid tag: '${text}'`);
  return [text.slice(0, equals), text.slice(equals + 1)];
}
