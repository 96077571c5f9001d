import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import type { MemberInfo } from '../../../src/events/event.ts';
import { DEFAULT_GUARDS, DEFAULT_RETRY } from '../../../src/policy/config.ts';
import { ALIVE_ONLY } from '../../../src/policy/view.ts';
import type { RendererSpec } from '../../../src/render/spec.ts';
import { compileTemplate } from '../../../src/render/template.ts';
import { type RenderResult, render } from '../../../src/render/transaction.ts';
import { member } from '../policy/samples.ts';

/** A directory of its own for each test of a file. */
export function scratch(): { readonly path: (name: string) => string } {
  let directory = '';
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'reeve-render-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));
  return { path: (name) => join(directory, name) };
}

export const HOSTS_TEMPLATE = '{% for m in members %}\n{{ m.addr }} {{ m.name }}\n{% endfor %}\n';

export function spec(target: string, more: Partial<RendererSpec> = {}): RendererSpec {
  return {
    name: 'hosts',
    template: '/nowhere/hosts.liquid',
    target,
    mode: 0o644,
    block: undefined,
    unique: undefined,
    fields: [],
    vars: new Map(),
    commands: { check: undefined, reload: undefined, verify: undefined },
    timeoutMs: 10_000,
    policy: {
      filter: ALIVE_ONLY,
      guards: DEFAULT_GUARDS,
      wait: { minMs: 0, maxMs: 0 },
      splayMs: 0,
      resyncMs: 0,
      retry: DEFAULT_RETRY,
    },
    fingerprint: '',
    ...more,
  };
}

/** A member whose address ends in `last`. */
export function host(name: string, last: number, tags: Record<string, string> = {}): MemberInfo {
  return member(name, 'alive', tags, [10, 0, 0, last]);
}

/** Commands as a renderer has them, those not given absent. */
export function commands(
  given: Partial<Record<'check' | 'reload' | 'verify', readonly string[]>>,
): RendererSpec['commands'] {
  return { check: given.check, reload: given.reload, verify: given.verify };
}

/** A shell command; only tests write their commands so. */
export function sh(script: string): readonly string[] {
  return ['/bin/sh', '-c', script];
}

export async function run(
  target: RendererSpec,
  members: readonly MemberInfo[],
  template = HOSTS_TEMPLATE,
): Promise<RenderResult> {
  return await render({
    spec: target,
    template: compileTemplate('test', template),
    self: host('me', 1),
    members,
    env: { PATH: process.env['PATH'] ?? '' },
  });
}

export const text = (path: string): string => readFileSync(path, 'latin1');
export const put = (path: string, content: string): void => writeFileSync(path, content, 'latin1');

/** The outcome, or the code of the failure. */
export function outcomeOf(result: RenderResult): string {
  return 'error' in result ? result.error.code : result.outcome;
}
