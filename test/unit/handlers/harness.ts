import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { MemberInfo } from '../../../src/events/event.ts';
import type { HandlerContext, HandlerLimits } from '../../../src/handlers/context.ts';
import type { RunHistory } from '../../../src/handlers/history.ts';
import { HandlerRunner } from '../../../src/handlers/runner.ts';
import { memberSelection } from '../../../src/handlers/selection.ts';
import { parseHandlerSpec } from '../../../src/handlers/spec.ts';
import type { SupervisedSpec } from '../../../src/handlers/supervised.ts';
import { DEFAULT_GUARDS } from '../../../src/policy/config.ts';

/** A context that remembers what handlers did. */
export class FakeContext implements HandlerContext {
  readonly lines: string[] = [];
  readonly answers: { readonly id: number; readonly text: string }[] = [];
  readonly secretNames = ['MY_TOKEN'];
  tags = new Map([['role', 'web']]);
  table: MemberInfo[] = [];
  refusal: Error | undefined;

  self() {
    return { name: 'node-a', tags: this.tags };
  }

  facts() {
    return {
      members: this.table,
      exchanges: 1,
      suspects: new Set<string>(),
      silent: false,
      nobodyToJoin: true,
    };
  }

  respond(id: number, payload: Uint8Array): void {
    if (this.refusal !== undefined) throw this.refusal;
    this.answers.push({ id, text: Buffer.from(payload).toString() });
  }

  log(level: string, text: string): void {
    this.lines.push(`[${level}] ${text}`);
  }
}

/** A runner over real shells, and a folder for what they write; both are gone after the test. */
export function realRunner(specs: readonly string[], limits: Partial<HandlerLimits> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'handlers-'));
  const context = new FakeContext();
  const expand = (list: readonly string[]) =>
    list.map((text) => parseHandlerSpec(text.replaceAll('DIR', folder)));
  const runner = new HandlerRunner({
    handlers: expand(specs),
    context,
    limits: { termGraceMs: 300, stopWaitMs: 10_000, ...limits },
  });
  onTestFinished(async () => {
    await runner.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    runner,
    context,
    folder,
    expand,
    file: (name: string): string => textOf(join(folder, name)),
  };
}

/** A supervised handler with every default, but for what the test is about. */
export function supervised(
  name: string,
  fields: Partial<SupervisedSpec> & { readonly run: string },
): SupervisedSpec {
  const { run, ...rest } = fields;
  return {
    name,
    kind: 'classic',
    command: ['/bin/sh', '-c', run],
    shown: run,
    filters: [{ type: '*' }],
    members: memberSelection({}),
    timeoutMs: 10_000,
    stopGraceMs: 300,
    queue: { limit: 100, overflow: 'drop-oldest' },
    retry: { attempts: 1, backoffMs: 10, maxBackoffMs: 20, jitter: 0 },
    concurrency: 1,
    user: undefined,
    directory: undefined,
    environment: { inherit: undefined, set: new Map() },
    rerunInterrupted: false,
    policy: { guards: DEFAULT_GUARDS, wait: { minMs: 10, maxMs: 50 }, splayMs: 0, resyncMs: 0 },
    acknowledge: false,
    inFlight: 10,
    fingerprint: JSON.stringify([name, run, rest.timeoutMs ?? 0]),
    ...rest,
  };
}

/** A runner of supervised handlers; `DIR` in their commands is a folder that is gone after the test. */
export function supervisedRunner(
  specs: readonly SupervisedSpec[],
  options: { readonly history?: RunHistory; readonly limits?: Partial<HandlerLimits> } = {},
) {
  const folder = mkdtempSync(join(tmpdir(), 'handlers-'));
  const context = new FakeContext();
  const expand = (spec: SupervisedSpec): SupervisedSpec => ({
    ...spec,
    command: spec.command.map((word) => word.replaceAll('DIR', folder)),
  });
  const runner = new HandlerRunner({
    handlers: [],
    supervised: specs.map(expand),
    context,
    history: options.history,
    limits: { termGraceMs: 300, stopWaitMs: 10_000, ...options.limits },
  });
  onTestFinished(async () => {
    await runner.abort();
    rmSync(folder, { recursive: true, force: true });
  });
  return { runner, context, folder, expand, file: (name: string) => textOf(join(folder, name)) };
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** Resolves when the check passes; fails after a bounded time. */
export async function until(check: () => boolean, what: string): Promise<void> {
  const end = performance.now() + 8_000;
  while (!check()) {
    if (performance.now() > end) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** True while a process with this id exists and is no zombie. */
export function alive(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}
