import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { type Done, type Job, keyOf } from './jobs.ts';

/** What is done so far, in a file: a run that was cut short goes on where it ended. */
export class Store {
  readonly #path: string;
  readonly #done = new Map<string, Done>();

  /** With `goesOn` reads what the file has; otherwise begins anew. */
  constructor(path: string, goesOn: boolean) {
    this.#path = path;
    if (!goesOn || !existsSync(path)) return;
    for (const line of readFileSync(path, 'utf8').split('\n')) {
      if (line !== '') this.add(JSON.parse(line) as Done);
    }
  }

  get(job: Job): Done | undefined {
    return this.#done.get(keyOf(job));
  }

  add(one: Done): void {
    this.#done.set(keyOf(one.job), one);
  }

  /** Writes the results of these jobs, in their order, one a line; others are forgotten. */
  write(jobs: readonly Job[]): void {
    const lines = jobs.flatMap((job) => {
      const one = this.get(job);
      return one === undefined ? [] : [JSON.stringify(one)];
    });
    writeFileSync(this.#path, `${lines.join('\n')}\n`);
  }
}
