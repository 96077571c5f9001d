import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { HandlerContext, HandlerLimits } from '../../../src/handlers/context.ts';
import { HandlerRunner } from '../../../src/handlers/runner.ts';
import { parseHandlerSpec } from '../../../src/handlers/spec.ts';

/** A context that remembers what handlers did. */
export class FakeContext implements HandlerContext {
  readonly lines: string[] = [];
  readonly answers: { readonly id: number; readonly text: string }[] = [];
  readonly secretNames = ['MY_TOKEN'];
  tags = new Map([['role', 'web']]);
  refusal: Error | undefined;

  self() {
    return { name: 'node-a', tags: this.tags };
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
    file: (name: string): string => {
      try {
        return readFileSync(join(folder, name), 'utf8');
      } catch {
        return '';
      }
    },
  };
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
