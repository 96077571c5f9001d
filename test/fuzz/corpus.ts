import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Target } from './target.ts';

/** What is kept of earlier runs, for one target: hex texts, so that a change can be read. */
export interface Kept {
  /** Inputs that reached something no other did. */
  readonly corpus: readonly string[];
  /** Inputs that once broke something. */
  readonly regressions: readonly string[];
}

/** Inputs kept of a target at most, and bytes of each: the corpus stays small enough to read and to run in every test. */
const KEPT_MAX = 120;
const KEPT_BYTES_MAX = 512;

const pathOf = (name: string): string => join(import.meta.dirname, 'corpus', `${name}.json`);

/** What is kept of a target. */
export function kept({ name }: Target): Kept {
  const path = pathOf(name);
  if (!existsSync(path)) return { corpus: [], regressions: [] };
  return JSON.parse(readFileSync(path, 'utf8')) as Kept;
}

/** Every input to begin with. */
export function inputsOf(target: Target): Uint8Array[] {
  const { corpus, regressions } = kept(target);
  return [
    ...target.seeds(),
    ...[...corpus, ...regressions].map((hex) => Uint8Array.from(Buffer.from(hex, 'hex'))),
  ];
}

/** Adds what a run has found; the smallest inputs stay. */
export function keep(target: Target, found: readonly Uint8Array[], broken: readonly Uint8Array[]): void {
  const before = kept(target);
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
  const small = found.filter((bytes) => bytes.length <= KEPT_BYTES_MAX).map(hex);
  const corpus = [...new Set([...before.corpus, ...small])]
    .sort((a, b) => a.length - b.length || (a < b ? -1 : 1))
    .slice(0, KEPT_MAX);
  const regressions = [...new Set([...before.regressions, ...broken.map(hex)])];
  writeFileSync(pathOf(target.name), `${JSON.stringify({ corpus, regressions }, null, 2)}\n`);
}
