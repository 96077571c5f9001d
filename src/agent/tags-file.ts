import { existsSync, readFileSync } from 'node:fs';
import { CodedError, messageOf } from '../base/errors.ts';
import { writeFileAtomically } from './atomic-file.ts';
import { fileErrorText } from './config/file.ts';
import { type JsonNode, parseWholeJson } from './config/json.ts';

/**
 * The tags kept in a tags file; undefined when there is no such file yet (agent.md 9.4).
 *
 * @throws CodedError `ERR_TAGS_FILE` with Serf's text
 */
export function readTagsFile(path: string): ReadonlyMap<string, string> | undefined {
  if (!existsSync(path)) return undefined;
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new CodedError('ERR_TAGS_FILE', `Failed to read tags file: ${fileErrorText(path, error)}`, {
      cause: error,
    });
  }
  try {
    return tagsOf(parseWholeJson(text));
  } catch (error) {
    throw new CodedError('ERR_TAGS_FILE', `Failed to decode tags file: ${messageOf(error)}`, {
      cause: error,
    });
  }
}

/**
 * Writes the tags as Serf does: JSON, indented by two, sorted, no newline at the end.
 *
 * @throws CodedError `ERR_TAGS_FILE` with Serf's text
 */
export function writeTagsFile(path: string, tags: ReadonlyMap<string, string>): void {
  const sorted = [...tags].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  try {
    writeFileAtomically(path, JSON.stringify(Object.fromEntries(sorted), null, 2));
  } catch (error) {
    throw new CodedError('ERR_TAGS_FILE', `Failed to write tags file: ${fileErrorText(path, error)}`, {
      cause: error,
    });
  }
}

function tagsOf(root: JsonNode): ReadonlyMap<string, string> {
  if (root.kind === 'null') return new Map();
  if (root.kind !== 'object') throw new Error('not an object of texts');
  return new Map(
    root.entries.map(({ key, value }) => {
      if (value.kind === 'null') return [key, ''];
      if (value.kind !== 'string') throw new Error(`tag '${key}' is not a text`);
      return [key, value.value];
    }),
  );
}
