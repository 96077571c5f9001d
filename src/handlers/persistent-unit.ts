import { bytesOfText } from '../base/bytes.ts';
import { messageOf } from '../base/errors.ts';
import { type ClusterEvent, describeEvent } from '../events/event.ts';
import { acknowledgementIn } from './acknowledgement.ts';
import { BacklogNotice } from './backlog.ts';
import { pauseAfter } from './backoff.ts';
import { type HandlerRun, plainOutcome, type RunOutcome } from './context.ts';
import { shownVariables } from './event-unit.ts';
import { Feed, feedOptions } from './feed.ts';
import { pauseFor } from './pause.ts';
import { PersistentProcess } from './persistent-process.ts';
import { lastLine, launchOf } from './program.ts';
import { eventJson } from './recorded-event.ts';
import { selectEvent } from './selection.ts';
import type { SupervisedSpec } from './supervised.ts';
import { type HandlerUnit, type Rehearsal, recordedRun, type UnitParts, type UnitStatus } from './unit.ts';
import { Watchdog } from './watchdog.ts';

/** Lines are gathered up to this size, for few system calls. */
const BATCH_CHARACTERS = 65_536;
/** A process that lived this long did not fail at its start: the pauses begin anew. */
const STABLE_MS = 60_000;

const PROCESS_VARIABLES: ReadonlyMap<string, string> = new Map([['SERF_EVENT', 'stream']]);

/** A handler that is one process reading events as JSON lines, started again whenever it ends. */
export class PersistentUnit implements HandlerUnit {
  readonly name: string;
  readonly kind = 'persistent';
  readonly #spec: SupervisedSpec;
  readonly #parts: UnitParts;
  readonly #feed: Feed;
  readonly #backlog: BacklogNotice;
  readonly #watchdog: Watchdog;
  readonly #ended: Promise<void>;
  #process: PersistentProcess | undefined;
  #endPause: () => void = () => {};
  #pumping = false;
  #finishing = false;
  #stopping = false;
  #graceMs: number | undefined;
  #starts = 0;
  #failures = 0;
  #toldStray = false;

  constructor(spec: SupervisedSpec, parts: UnitParts) {
    this.name = spec.name;
    this.#spec = spec;
    this.#parts = parts;
    this.#feed = new Feed(feedOptions(spec));
    const { limit, overflow } = spec.queue;
    const warn = (text: string): void => parts.context.log('WARN', text);
    this.#backlog = new BacklogNotice({ name: spec.name, limit, overflow, warn });
    this.#watchdog = new Watchdog(
      spec.timeoutMs,
      () => ({ owes: this.#owes, done: this.#feed.delivered }),
      () => this.#hung(),
    );
    this.#ended = this.#live();
  }

  get command(): string {
    return this.#spec.shown;
  }

  get identity(): string {
    return this.#spec.fingerprint;
  }

  get status(): UnitStatus {
    const { queued, inFlight, delivered, dropped, givenUp } = this.#feed;
    return {
      state: this.#process === undefined ? 'retrying' : 'running',
      queued,
      running: this.#process === undefined ? 0 : 1,
      runs: this.#starts,
      failures: this.#failures,
      dropped: dropped + givenUp,
      holds: [],
      figures: { delivered, in_flight: inFlight, restarts: Math.max(0, this.#starts - 1) },
    };
  }

  offer(event: ClusterEvent): void {
    const { context } = this.#parts;
    if (this.#finishing) return;
    const part = selectEvent(this.#spec.filters, this.#spec.members, event, context.self().name);
    if (part !== undefined) this.#take(part);
  }

  reloaded(): void {}

  /** With an event it is handed to the process; without one the process is started anew. */
  again(event: ClusterEvent | undefined): Promise<RunOutcome | undefined> {
    if (event === undefined) {
      this.#endPause();
      this.#process?.endInput();
      this.#process?.stop(this.#spec.stopGraceMs);
      return Promise.resolve(plainOutcome(true, 'the process is started again'));
    }
    this.#take(event);
    return Promise.resolve(plainOutcome(true, `handed to the process (${describeEvent(event)})`));
  }

  rehearse(event: ClusterEvent | undefined): Rehearsal {
    const self = this.#parts.context.self().name;
    const part =
      event === undefined ? undefined : selectEvent(this.#spec.filters, this.#spec.members, event, self);
    const nothing =
      event === undefined ? 'no event is given' : `its filters do not select this ${describeEvent(event)}`;
    const verdict = part === undefined ? `would get nothing: ${nothing}` : 'would be written to the process';
    return {
      verdict,
      runs: part !== undefined,
      environment: shownVariables(this.#spec, PROCESS_VARIABLES, this.#parts),
      input: bytesOfText(part === undefined ? '' : `${JSON.stringify({ id: 1, ...eventJson(part) })}\n`),
    };
  }

  approve(): boolean {
    return false;
  }

  /** Writes what waits, ends the input, and waits for the process to end by itself. */
  finish(): Promise<void> {
    this.#finishing = true;
    this.#schedulePump();
    return this.#ended;
  }

  clear(): void {
    const lost = this.#feed.clear();
    if (lost === 0) return;
    this.#parts.context.log('WARN', `${lost} waiting events of handler '${this.name}' dropped`);
  }

  stop(graceMs: number): void {
    this.#finishing = true;
    this.#stopping = true;
    this.#graceMs = graceMs;
    this.#endPause();
    this.#process?.endInput();
    this.#process?.stop(graceMs);
  }

  #take(event: ClusterEvent): void {
    if (!this.#feed.offer(event)) this.#backlog.lost();
    this.#schedulePump();
  }

  /** Life after life, until the agent stops. Never rejects. */
  async #live(): Promise<void> {
    let failures = 0;
    while (!this.#isDone) {
      const startedAt = performance.now();
      const deliveredBefore = this.#feed.delivered;
      const outcome = await this.#oneLife().done;
      this.#sendAgain();
      if (this.#isDone) break;
      const wasGood = performance.now() - startedAt >= STABLE_MS;
      const wasUseful = this.#spec.acknowledge && this.#feed.delivered > deliveredBefore;
      failures = wasGood || wasUseful ? 1 : failures + 1;
      if (!outcome.ok) this.#failures += 1;
      await this.#pause(outcome, pauseAfter(failures, this.#spec.retry, Math.random()));
    }
    this.#watchdog.reset();
  }

  #sendAgain(): void {
    const before = this.#feed.givenUp;
    this.#feed.restarted();
    const lost = this.#feed.givenUp - before;
    if (lost === 0) return;
    const { attempts } = this.#spec.retry;
    const what = `${lost} ${lost === 1 ? 'event' : 'events'} that it was sent ${attempts} times`;
    this.#parts.context.log('ERR', `Handler '${this.name}' never acknowledged ${what}, given up`);
  }

  get #isDone(): boolean {
    return this.#stopping || (this.#finishing && this.#starts > 0 && this.#feed.queued === 0);
  }

  async #pause(outcome: RunOutcome, ms: number): Promise<void> {
    if (this.#stopping) return;
    this.#parts.context.log(
      'WARN',
      `Handler '${this.name}' has ended (${outcome.exit}${lastLine(outcome.errors)}), started again in ${(ms / 1000).toFixed(1)}s`,
    );
    const pause = pauseFor(ms);
    this.#endPause = pause.end;
    await pause.over;
    this.#endPause = () => {};
  }

  #oneLife(): HandlerRun {
    this.#starts += 1;
    const start = { handler: this.name, cause: 'process', attempt: this.#starts, about: 'process' } as const;
    return recordedRun(this.#parts.history, start, () => ({
      done: this.#run(),
      stop: () => {},
    }));
  }

  async #run(): Promise<RunOutcome> {
    const { pool } = this.#parts;
    const launch = launchOf(this.#spec, PROCESS_VARIABLES, this.#parts);
    const process = new PersistentProcess({
      channels: await pool.acquire(undefined, launch),
      launch,
      onLine: (line) => this.#heard(line),
      onDrain: () => this.#pump(),
    });
    this.#process = process;
    if (this.#graceMs !== undefined) process.stop(this.#graceMs);
    this.#watchdog.reset();
    this.#pump();
    const outcome = await process.ended;
    this.#process = undefined;
    return outcome;
  }

  #schedulePump(): void {
    if (this.#pumping) return;
    this.#pumping = true;
    setImmediate(() => {
      this.#pumping = false;
      this.#pump();
    });
  }

  /** Writes as long as the process takes it and may have more. */
  #pump(): void {
    const process = this.#process;
    if (process === undefined) {
      if (this.#finishing && this.#feed.queued === 0) this.#endPause();
      return;
    }
    let more = true;
    while (more && process.takesInput) {
      let batch = '';
      while (more && batch.length < BATCH_CHARACTERS) {
        const line = this.#feed.next();
        more = line !== undefined;
        batch += line ?? '';
      }
      if (batch !== '') process.write(batch);
    }
    if (this.#feed.queued === 0) this.#backlog.caughtUp();
    if (this.#finishing && this.#feed.queued === 0 && this.#feed.inFlight === 0) process.endInput();
    this.#watchdog.check();
  }

  /** Whether input should be taken or an event acknowledged. */
  get #owes(): boolean {
    const isStuck = this.#feed.queued > 0 && this.#process?.takesInput === false;
    return this.#process !== undefined && (this.#feed.inFlight > 0 || isStuck);
  }

  #hung(): void {
    const { timeoutMs, stopGraceMs } = this.#spec;
    this.#parts.context.log(
      'ERR',
      `Handler '${this.name}' has taken and acknowledged nothing for ${timeoutMs / 1000}s, it is ended`,
    );
    this.#process?.stop(stopGraceMs);
  }

  /** `{"ack": ID}`, with an `answer` when it was a query. Anything else is plain output. */
  #heard(line: string): void {
    const said = acknowledgementIn(line);
    if (said === undefined) {
      this.#stray(line);
      return;
    }
    const query = this.#feed.takeQuery(said.ack);
    if (query !== undefined && said.answer !== undefined) this.#answer(query, said.answer);
    if (this.#feed.acknowledge(said.ack)) this.#schedulePump();
  }

  #answer(query: number, answer: string): void {
    const { context } = this.#parts;
    try {
      context.respond(query, bytesOfText(answer));
    } catch (error) {
      context.log('WARN', `Handler '${this.name}' failed to respond to a query: ${messageOf(error)}`);
    }
  }

  #stray(line: string): void {
    const { context } = this.#parts;
    context.log('DEBUG', `Handler '${this.name}' stdout: ${line}`);
    if (!this.#spec.acknowledge || this.#toldStray || line.trim() === '') return;
    this.#toldStray = true;
    context.log(
      'WARN',
      `Handler '${this.name}' printed a line that is no acknowledgement {"ack": ID}: ${line.slice(0, 200)}`,
    );
  }
}
