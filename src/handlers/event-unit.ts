import { messageOf } from '../base/errors.ts';
import { type ClusterEvent, describeEvent } from '../events/event.ts';
import type { HandlerRun, RunOutcome } from './context.ts';
import { eventVariables, selfVariables } from './environment.ts';
import { runProgram } from './program.ts';
import { HandlerQueue, type Job } from './queue.ts';
import { selectEvent } from './selection.ts';
import { handlerInput } from './stdin.ts';
import type { SupervisedSpec } from './supervised.ts';
import { type HandlerUnit, type Rehearsal, recordedRun, type UnitParts, type UnitStatus } from './unit.ts';

/** What sets one kind of event handler apart from another. */
export interface EventWork {
  readonly name: string;
  readonly kind: HandlerUnit['kind'];
  readonly command: string;
  readonly identity: string;
  readonly limits: Pick<SupervisedSpec, 'queue' | 'concurrency' | 'retry'>;
  /** The runs that an event means: none, one, or several; with what concerns the handler of it. */
  readonly concerns: (event: ClusterEvent) => readonly ClusterEvent[];
  readonly run: (event: ClusterEvent, job: Job) => HandlerRun;
  readonly environment: (event: ClusterEvent) => Readonly<Record<string, string>>;
}

/** A handler that runs once for each event. */
export class EventUnit implements HandlerUnit {
  readonly name: string;
  readonly kind: HandlerUnit['kind'];
  readonly command: string;
  readonly identity: string;
  readonly #work: EventWork;
  readonly #queue: HandlerQueue;

  constructor(work: EventWork, parts: UnitParts) {
    this.name = work.name;
    this.kind = work.kind;
    this.command = work.command;
    this.identity = work.identity;
    this.#work = work;
    this.#queue = new HandlerQueue({
      name: work.name,
      limit: work.limits.queue.limit,
      overflow: work.limits.queue.overflow,
      concurrency: work.limits.concurrency,
      retry: work.limits.retry,
      start: (job, attempt) => {
        const start = { handler: work.name, cause: job.cause, attempt, about: job.event };
        return recordedRun(parts.history, start, () => work.run(job.event, job));
      },
      warn: (text) => parts.context.log('WARN', text),
    });
  }

  get status(): UnitStatus {
    const counts = this.#queue.counts;
    const state = counts.running > 0 ? 'running' : counts.queued > 0 ? 'retrying' : 'idle';
    return { state, ...counts, holds: [], figures: {} };
  }

  offer(event: ClusterEvent): void {
    for (const part of this.#work.concerns(event)) this.#queue.push({ event: part, cause: 'event' });
  }

  reloaded(): void {}

  again(
    event: ClusterEvent | undefined,
    cause: 'rerun' | 'test' | 'interrupted',
  ): Promise<RunOutcome | undefined> {
    if (event === undefined) return Promise.resolve(undefined);
    return new Promise((settled) => this.#queue.push({ event, cause, settled }));
  }

  rehearse(event: ClusterEvent | undefined): Rehearsal {
    const parts = event === undefined ? [] : this.#work.concerns(event);
    const [first] = parts;
    if (event === undefined || first === undefined) {
      const why =
        event === undefined ? 'no event is given' : `its filters do not select this ${describeEvent(event)}`;
      return { verdict: `would not run: ${why}`, runs: false, environment: {}, input: new Uint8Array(0) };
    }
    const times = parts.length === 1 ? 'once' : `${parts.length} times, once for each filter that matches`;
    return {
      verdict: `would run ${times}`,
      runs: true,
      environment: this.#work.environment(first),
      input: handlerInput(first),
    };
  }

  approve(): boolean {
    return false;
  }

  finish(): Promise<void> {
    return this.#queue.idle();
  }

  clear(): void {
    this.#queue.clear();
    this.#queue.giveUpRetries();
  }

  stop(graceMs: number): void {
    this.#queue.stop(graceMs);
  }
}

/** A supervised handler of kind `classic`: Serf's environment and input, and an answer to a query on stdout. */
export function classicUnit(spec: SupervisedSpec, parts: UnitParts): EventUnit {
  const { context } = parts;
  const answer = (event: ClusterEvent, job: Job) => (output: Uint8Array) => {
    if (event.type !== 'query' || job.cause !== 'event') return;
    try {
      context.respond(event.id, output);
    } catch (error) {
      context.log('WARN', `Failed to respond to query '${describeEvent(event)}': ${messageOf(error)}`);
    }
  };
  return new EventUnit(
    {
      name: spec.name,
      kind: spec.kind,
      command: spec.shown,
      identity: spec.fingerprint,
      limits: spec,
      concerns: (event) => {
        const part = selectEvent(spec.filters, spec.members, event, context.self().name);
        return part === undefined ? [] : [part];
      },
      run: (event, job) =>
        runProgram({
          spec,
          parts,
          input: handlerInput(event),
          about: new Map(eventVariables(event)),
          subject: describeEvent(event),
          answer: answer(event, job),
        }),
      environment: (event) => shownVariables(spec, new Map(eventVariables(event)), parts),
    },
    parts,
  );
}

/** What a run's environment holds besides what is inherited. */
export function shownVariables(
  spec: SupervisedSpec,
  about: ReadonlyMap<string, string>,
  { context }: UnitParts,
): Readonly<Record<string, string>> {
  return {
    ...Object.fromEntries(spec.environment.set),
    ...Object.fromEntries(selfVariables(context.self())),
    ...Object.fromEntries(about),
    REEVE_HANDLER: spec.name,
  };
}
