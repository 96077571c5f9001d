import { Session } from 'node:inspector';

interface Range {
  readonly startOffset: number;
  readonly endOffset: number;
  readonly count: number;
}

interface Script {
  readonly url: string;
  readonly functions: readonly { readonly ranges: readonly Range[] }[];
}

/** V8's precise block coverage of this project's sources: which blocks ran that never had before. */
export class Coverage {
  readonly #session = new Session();
  readonly #blocks = new Set<string>();
  readonly #isOurs: (url: string) => boolean;

  /** `isOurs` picks the sources that count. Nothing counts before `start`. */
  constructor(isOurs: (url: string) => boolean) {
    this.#isOurs = isOurs;
  }

  start(): void {
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  stop(): void {
    this.#session.post('Profiler.stopPreciseCoverage');
    this.#session.disconnect();
  }

  /** Different blocks that have run so far. */
  get blocks(): number {
    return this.#blocks.size;
  }

  /** How many blocks ran since the last call and never before. `keep` false leaves them new. */
  fresh(keep: boolean): number {
    let found = 0;
    for (const script of this.#take()) {
      if (!this.#isOurs(script.url)) continue;
      for (const { ranges } of script.functions) {
        for (const { startOffset, endOffset, count } of ranges) {
          const block = `${script.url}:${startOffset}:${endOffset}`;
          if (count === 0 || this.#blocks.has(block)) continue;
          found += 1;
          if (keep) this.#blocks.add(block);
        }
      }
    }
    return found;
  }

  #take(): readonly Script[] {
    let result: readonly Script[] = [];
    this.#session.post('Profiler.takePreciseCoverage', (error, taken) => {
      if (error !== null) throw error;
      result = taken.result;
    });
    return result;
  }
}
