import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';

/** A directory of its own for each test, and short ways to files in it. */
export function scratch() {
  let directory = '';
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'reeve-recipes-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));
  const path = (...parts: readonly string[]): string => join(directory, ...parts);
  return {
    path,
    text: (...parts: readonly string[]): string => readFileSync(path(...parts), 'utf8'),
    put: (name: string, content: string): string => {
      mkdirSync(dirname(path(name)), { recursive: true });
      writeFileSync(path(name), content);
      return path(name);
    },
  };
}

/** A recipe of one's own, as small as it can be. */
export const TINY = {
  summary: 'Names, one a line',
  lists: { statuses: ['alive'], why: 'A test.' },
  options: {
    target: { what: 'The file', grammar: 'path', default: '/nowhere/names' },
    head: { what: 'The first line', grammar: 'word', default: 'names' },
    port: { what: 'A port', grammar: 'port', default: '' },
    reload: { what: 'A command', grammar: 'command', default: '' },
  },
  files: { template: 'tiny.liquid' },
  renderer: {
    template: '$template',
    target: '$target',
    members: { tags: { role: 'web' } },
    fields: { name: 'name' },
    vars: { head: '$head', port: '$port' },
    reload: '$reload?',
  },
  unchecked: 'nobody checks names',
} as const;

export const TINY_TEMPLATE = '{{ vars.head }}\n{% for m in members %}\n{{ m.name }}\n{% endfor %}\n';
