import { closeSync, openSync, readSync } from 'node:fs';
import { protocolOptions, readStartState } from '../../agent/cluster-start.ts';
import { systemHost } from '../../agent/config/host.ts';
import { parseWholeJson } from '../../agent/config/json.ts';
import { loadConfig } from '../../agent/config/load.ts';
import { messageOf } from '../../base/errors.ts';
import { type Environment, failure } from '../command.ts';

/** What a rehearsal takes from files: a scenario, and the operator's own configuration. */

/** A scenario is a few pages at most; more is some other file named by mistake. */
const LARGEST_FILE_BYTES = 1 << 20;

/** The JSON value in a file. Throws a failure that says where it is no JSON. */
export function readJsonFile(path: string): unknown {
  let text: string;
  try {
    text = readBounded(path);
  } catch (error) {
    const why = messageOf(error).startsWith('EISDIR')
      ? 'it is a directory; name a JSON file'
      : messageOf(error);
    throw failure(`Cannot read the scenario '${path}': ${why}`, error);
  }
  try {
    // This one knows line and column.
    parseWholeJson(text);
    return JSON.parse(text.replace(/^\ufeff/, ''));
  } catch (error) {
    throw failure(`${path} is no JSON: ${messageOf(error)}`, error);
  }
}

/** A file's text. It may be a pipe or a device that never ends, so that its size says nothing. */
function readBounded(path: string): string {
  const file = openSync(path, 'r');
  try {
    const bytes = Buffer.alloc(LARGEST_FILE_BYTES + 1);
    let length = 0;
    while (length < bytes.length) {
      const got = readSync(file, bytes, length, bytes.length - length, null);
      if (got === 0) return bytes.toString('utf8', 0, length);
      length += got;
    }
  } finally {
    closeSync(file);
  }
  throw failure(`it is larger than ${LARGEST_FILE_BYTES} bytes, which no scenario is`);
}

/** What the nodes of a rehearsal have of an agent's configuration: everything about the protocol, tags and keys. */
export async function ownSettings(sources: readonly string[], env: Environment) {
  try {
    const { settings } = await loadConfig({ sources, flags: new Map() }, env, systemHost);
    const { keys, tags } = readStartState(settings, () => undefined);
    const { swim, serf } = protocolOptions(settings);
    const label = new TextEncoder().encode(settings.label);
    return {
      profile: settings.profile,
      settings: { swim: { ...swim, label }, serf, keys, tags: Object.fromEntries(tags) },
    };
  } catch (error) {
    throw failure(messageOf(error), error);
  }
}
