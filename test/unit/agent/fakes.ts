import type { Announcer, LineWriter } from '../../../src/agent/output.ts';

/** A writer that keeps its lines; `full` makes it refuse them, as a stalled reader does. */
export function memoryWriter(): LineWriter & { readonly lines: string[]; full: boolean } {
  const lines: string[] = [];
  const writer = {
    lines,
    full: false,
    line: (text: string) => {
      if (writer.full) return false;
      lines.push(text);
      return true;
    },
    flush: () => Promise.resolve(),
  };
  return writer;
}

/** A ui that keeps what it is told, errors marked. */
export function memoryAnnouncer(): Announcer & { readonly lines: string[] } {
  const lines: string[] = [];
  return {
    lines,
    heading: (text) => void lines.push(`==> ${text}`),
    detail: (text) => void lines.push(`    ${text}`),
    error: (text) => void lines.push(`!!! ${text}`),
  };
}

/** A promise and its ends. */
export function deferred<T>(): {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: unknown) => void;
} {
  let resolve: (value: T) => void = () => undefined;
  let reject: (error: unknown) => void = () => undefined;
  const promise = new Promise<T>((accept, refuse) => {
    resolve = accept;
    reject = refuse;
  });
  return { promise, resolve, reject };
}

/** Lets every promise that can settle do so. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}
