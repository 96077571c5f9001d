import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../base/errors.ts';
import type { GovernorMemory, MemoryStore } from '../policy/governance.ts';
import { codeOf } from '../runtime/net-errors.ts';
import { writeFileAtomically } from './atomic-file.ts';

/** A file larger than any that is written here: 100,000 names of 128 bytes, twice. */
const LARGEST_BYTES = 64 << 20;

export interface GuardMemoryOptions {
  /** The agent's state directory; empty when it keeps nothing on disk. */
  readonly stateDir: () => string;
  readonly kind: 'renderer' | 'handler';
  /** The wall clock: a restart is longer than any other clock lives. */
  readonly date: () => Date;
  readonly warn: (text: string) => void;
}

/** What guards know, in `guards/KIND-NAME.json` of the state directory. Trouble with it is told once and stops nothing. */
export class GuardMemory implements MemoryStore {
  readonly #options: GuardMemoryOptions;
  #warned = false;

  constructor(options: GuardMemoryOptions) {
    this.#options = options;
  }

  recall(name: string): GovernorMemory | undefined {
    const path = this.#path(name);
    if (path === undefined) return undefined;
    try {
      const bytes = readFileSync(path);
      if (bytes.length > LARGEST_BYTES) throw new Error(`larger than ${LARGEST_BYTES} bytes`);
      return memoryOf(JSON.parse(bytes.toString('utf8')), this.#options.date().getTime());
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') this.#warn(path, error);
      return undefined;
    }
  }

  keep(name: string, memory: GovernorMemory | undefined): void {
    const path = this.#path(name);
    if (path === undefined || memory === undefined) return;
    const { applied, seen } = memory;
    try {
      mkdirSync(join(path, '..'), { recursive: true, mode: 0o700 });
      writeFileAtomically(path, `${JSON.stringify({ at: this.#options.date().getTime(), applied, seen })}\n`);
    } catch (error) {
      this.#warn(path, error);
    }
  }

  #path(name: string): string | undefined {
    const { stateDir, kind } = this.#options;
    return stateDir() === ''
      ? undefined
      : join(stateDir(), 'guards', `${kind}-${encodeURIComponent(name)}.json`);
  }

  #warn(path: string, error: unknown): void {
    if (this.#warned) return;
    this.#warned = true;
    const next = 'guards begin without what the run before saw';
    this.#options.warn(`${path}: ${messageOf(error)}; ${next}`);
  }
}

/** A memory from JSON; a clock that was set back makes nothing younger than it was. Throws for anything else. */
function memoryOf(found: unknown, now: number): GovernorMemory {
  const { at, applied, seen } = found as { at: unknown; applied: unknown; seen: unknown };
  if (typeof at !== 'number' || !Array.isArray(applied) || !Array.isArray(seen))
    throw new Error('no memory of guards');
  const agoMs = Math.max(0, now - at);
  return {
    agoMs,
    applied: applied.filter((name) => typeof name === 'string'),
    seen: seen.flatMap((entry): [string, number][] => {
      const [name, age] = Array.isArray(entry) ? (entry as unknown[]) : [];
      return typeof name === 'string' && typeof age === 'number' ? [[name, age + agoMs]] : [];
    }),
  };
}
