import { messageOf } from '../../src/base/errors.ts';
import { type Random, seededRandom } from '../../src/base/random.ts';
import { inputsOf } from './corpus.ts';
import type { Coverage } from './coverage.ts';
import { mutate } from './mutate.ts';
import type { Target } from './target.ts';

/** Coverage is taken once for so many inputs, since taking it costs as much as they do. */
const BATCH = 500;
/** One input may take so long; a real hang is far beyond. */
const SLOW_MS = 2_000;

/** An input that broke something, and what it broke. */
export interface Break {
  readonly input: Uint8Array;
  readonly why: string;
}

/** What a run over one target came to. */
export interface FuzzResult {
  readonly target: string;
  readonly executions: number;
  readonly seconds: number;
  /** Inputs that each reach something the ones before do not. */
  readonly corpus: number;
  /** Different blocks of the sources that ran. */
  readonly blocks: number;
  readonly found: readonly Uint8Array[];
  readonly breaks: readonly Break[];
}

/** Runs one input; a text says what it broke. */
export async function tryInput(target: Target, input: Uint8Array): Promise<string | undefined> {
  const from = performance.now();
  try {
    const run = target.run(input);
    if (run instanceof Promise) await run;
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : messageOf(error);
  }
  const tookMs = performance.now() - from;
  return tookMs > SLOW_MS ? `took ${Math.round(tookMs)} ms` : undefined;
}

/** Changes inputs at random, prefers those that reached something new, and stops when `goesOn` says so. */
export async function fuzz(
  target: Target,
  options: {
    readonly seed: number;
    /** Asked after each batch. */
    readonly goesOn: (executions: number) => boolean;
    /** Absent: blind, every input counts as ordinary. */
    readonly coverage?: Coverage;
  },
): Promise<FuzzResult> {
  const random = seededRandom(options.seed, target.name);
  const { coverage } = options;
  const corpus = inputsOf(target);
  const found: Uint8Array[] = [];
  const breaks = new Map<string, Break>();
  const from = performance.now();
  let executions = 0;
  const once = async (input: Uint8Array): Promise<void> => {
    executions += 1;
    const why = await tryInput(target, input);
    if (why === undefined) return;
    const key = why.split('\n').slice(0, 2).join(' ');
    const known = breaks.get(key);
    if (known === undefined || input.length < known.input.length) breaks.set(key, { input, why });
  };
  /** Somebody in here reached something; halves tell who. */
  const search = async (inputs: readonly Uint8Array[]): Promise<void> => {
    for (const input of inputs) await once(input);
    if (coverage === undefined || coverage.fresh(inputs.length === 1) === 0) return;
    if (inputs.length === 1) {
      found.push(...inputs);
      return;
    }
    await search(inputs.slice(0, inputs.length >> 1));
    await search(inputs.slice(inputs.length >> 1));
  };
  for (const input of corpus) await once(input);
  coverage?.fresh(true);
  do {
    const batch = Array.from({ length: BATCH }, () => next(corpus, found, random));
    for (const input of batch) await once(input);
    if (coverage !== undefined && coverage.fresh(false) > 0) await search(batch);
  } while (options.goesOn(executions));
  return {
    target: target.name,
    executions,
    seconds: (performance.now() - from) / 1000,
    corpus: corpus.length + found.length,
    blocks: coverage?.blocks ?? 0,
    found,
    breaks: [...breaks.values()],
  };
}

/** A changed input; half of them from what this run has found, the newest most often. */
function next(corpus: readonly Uint8Array[], found: readonly Uint8Array[], random: Random): Uint8Array {
  const all =
    found.length > 0 && random.below(2) === 0 ? found.slice(-1 - random.below(found.length)) : corpus;
  const pick = (list: readonly Uint8Array[]): Uint8Array =>
    list[random.below(list.length)] ?? new Uint8Array(0);
  return mutate(pick(all), pick(corpus), random);
}
