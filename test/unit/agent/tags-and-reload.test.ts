import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AgentTags } from '../../../src/agent/agent-tags.ts';
import { runArguments } from '../../../src/agent/config/flags.ts';
import { systemHost } from '../../../src/agent/config/host.ts';
import { loadConfig } from '../../../src/agent/config/load.ts';
import { defaultValues } from '../../../src/agent/config/merge.ts';
import type { AgentSettings } from '../../../src/agent/config/settings.ts';
import { CONFIG_KEYS } from '../../../src/agent/config/table.ts';
import { planReload, reload } from '../../../src/agent/reload.ts';
import { memoryAnnouncer } from './fakes.ts';

let directory = '';
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'reeve-tags-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const map = (object: Record<string, string>) => new Map(Object.entries(object));

function tagsOf(start: Record<string, string>, file = '') {
  const published: Record<string, string>[] = [];
  const tags = new AgentTags({
    tags: map(start),
    protocolVersion: 5,
    file,
    publish: (changed) => {
      published.push(Object.fromEntries(changed));
      return Promise.resolve();
    },
  });
  return { tags, published };
}

describe('tags at run time', () => {
  it('lose the deleted, then gain the set: a key in both is set; unknown deletions are fine', async () => {
    const { tags, published } = tagsOf({ a: '1', b: '2' });
    await tags.update(map({ a: 'new', c: '3' }), ['a', 'b', 'nope']);
    expect(published).toEqual([{ a: 'new', c: '3' }]);
    await tags.update(map({ d: '4' }), []);
    expect(published.at(-1)).toEqual({ a: 'new', c: '3', d: '4' });
  });

  it('too big are refused before the file is written, and change nothing', async () => {
    const file = join(directory, 'tags.json');
    const { tags, published } = tagsOf({ a: '1' }, file);
    await expect(tags.update(map({ big: 'x'.repeat(600) }), [])).rejects.toThrow(
      'Encoded length of tags exceeds limit of 512 bytes',
    );
    expect([existsSync(file), published, [...tags.current]]).toEqual([false, [], [['a', '1']]]);
  });

  it('are written to the tags file before they are told', async () => {
    const file = join(directory, 'tags.json');
    const { tags } = tagsOf({}, file);
    await tags.update(map({ a: '1' }), []);
    expect(readFileSync(file, 'utf8')).toBe('{\n  "a": "1"\n}');
  });

  it('survive a reload that does not touch them, and one that changes other tags', async () => {
    const { tags, published } = tagsOf({ role: 'web', old: 'x', kept: 'k' });
    await tags.update(map({ runtime: 'r', kept: 'changed by hand' }), []);
    const before = map({ role: 'web', old: 'x', kept: 'k' });
    expect(tags.reconfigured(before, before)).toBeUndefined();
    const after = tags.reconfigured(before, map({ role: 'db', kept: 'k' }));
    expect(Object.fromEntries(after ?? [])).toEqual({ role: 'db', kept: 'changed by hand', runtime: 'r' });
    expect(() => tags.reconfigured(map({}), map({ big: 'x'.repeat(600) }))).toThrow('exceeds limit of 512');
    expect(published).toHaveLength(1);
  });
});

describe('a reload', () => {
  const load = (...words: string[]) => loadConfig(runArguments(words), {}, systemHost);

  it('tells what is applied from what needs a restart', () => {
    const before = defaultValues();
    const after = {
      ...before,
      log_level: 'DEBUG',
      bind: '127.0.0.1',
      tags: map({ a: 'b' }),
      event_handlers: [],
    };
    expect(planReload(before, before, after)).toMatchObject({
      applied: ['tags', 'log_level'],
      needsRestart: ['bind'],
    });
    expect(planReload(before, before, before).unchanged).toEqual(CONFIG_KEYS);
  });

  it('tells at every further reload what still needs a restart', () => {
    const started = defaultValues();
    const changed = { ...started, log_level: 'DEBUG', bind: '127.0.0.1' };
    expect(planReload(started, changed, changed)).toMatchObject({ applied: [], needsRestart: ['bind'] });
    expect(planReload(started, changed, started)).toMatchObject({ applied: ['log_level'], needsRestart: [] });
  });

  it('tells of a secret whose file has another content now', async () => {
    const path = join(directory, 'auth');
    writeFileSync(path, 'one', { mode: 0o600 });
    const { settings } = await load(`-rpc-auth-file=${path}`);
    writeFileSync(path, 'two');
    const log: string[] = [];
    await reload({
      agent: { settings, check: async () => undefined, apply: async () => undefined },
      started: settings,
      log: { write: (level, source, text) => void log.push(`[${level}] ${source}: ${text}`) },
      ui: memoryAnnouncer(),
      load: () => load(`-rpc-auth-file=${path}`),
    });
    expect(log.at(-1)).toBe('[WARN] agent: changed but applied only by a restart: rpc_auth_file');
  });

  it('applies the new settings and logs what changed', async () => {
    const ui = memoryAnnouncer();
    const log: string[] = [];
    let applied: AgentSettings | undefined;
    await reload({
      started: (await load('-bind=127.0.0.1')).settings,
      agent: {
        settings: (await load('-bind=127.0.0.1')).settings,
        check: async () => undefined,
        apply: (settings) => {
          applied = settings;
          return Promise.resolve();
        },
      },
      log: { write: (level, source, text) => void log.push(`[${level}] ${source}: ${text}`) },
      ui,
      load: () => load('-bind=127.0.0.2', '-log-level=warn', '-role=web'),
    });
    expect(applied?.logLevel).toBe('WARN');
    expect(ui.lines).toEqual([
      '==> Reloading configuration...',
      "==> Deprecation warning: 'Role' has been replaced with 'Tags'",
    ]);
    expect(log).toEqual([
      `[INFO] agent: reloaded: role, log_level (${CONFIG_KEYS.length - 3} keys unchanged)`,
      expect.stringMatching(/^\[DEBUG\] agent: unchanged by the reload: node_name, tags, /),
      '[WARN] agent: changed but applied only by a restart: bind',
    ]);
  });

  it('of a broken configuration changes nothing and says so in one line of the log', async () => {
    const ui = memoryAnnouncer();
    const log: string[] = [];
    await reload({
      started: (await load()).settings,
      agent: {
        settings: (await load()).settings,
        check: async () => undefined,
        apply: () => Promise.reject(new Error('must not be called')),
      },
      log: { write: (level, source, text) => void log.push(`[${level}] ${source}: ${text}`) },
      ui,
      load: () => load('-log-level=foo'),
    });
    expect(log).toEqual([
      '[ERR] agent: Failed to reload configs, nothing changed: ' +
        'Invalid log level: FOO. Valid log levels are: [TRACE DEBUG INFO WARN ERR]',
    ]);
    expect(ui.lines).toEqual([
      '==> Reloading configuration...',
      '!!! Invalid log level: FOO. Valid log levels are: [TRACE DEBUG INFO WARN ERR]',
      '!!! Failed to reload configs',
    ]);
  });

  it('tells when the tags could not be changed', async () => {
    const ui = memoryAnnouncer();
    await reload({
      started: (await load()).settings,
      agent: {
        settings: (await load()).settings,
        check: async () => undefined,
        apply: () => Promise.reject(new Error('timeout')),
      },
      log: { write: () => undefined },
      ui,
      load: () => load(),
    });
    expect(ui.lines.at(-1)).toBe('!!! Failed to update tags: timeout');
  });

  it('that would make the tags too big changes nothing', async () => {
    const ui = memoryAnnouncer();
    await reload({
      started: (await load()).settings,
      agent: {
        settings: (await load()).settings,
        check: () => {
          throw new Error('Encoded length of tags exceeds limit of 512 bytes');
        },
        apply: () => Promise.reject(new Error('must not be called')),
      },
      log: { write: () => undefined },
      ui,
      load: () => load(),
    });
    expect(ui.lines.slice(1)).toEqual([
      '!!! Encoded length of tags exceeds limit of 512 bytes',
      '!!! Failed to reload configs',
    ]);
  });
});
