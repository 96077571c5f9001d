import { asBuffer } from '../base/bytes.ts';
import { CodedError } from '../base/errors.ts';
import { type ClusterEvent, MEMBER_EVENT_TYPES, type MemberInfo } from '../events/event.ts';
import type { RunOutcome } from '../handlers/context.ts';
import type { RunRecord } from '../handlers/history.ts';
import { eventOfJson } from '../handlers/recorded-event.ts';
import { eventOfRecord, type HandlerRunner } from '../handlers/runner.ts';
import type { HandlerUnit } from '../handlers/unit.ts';
import type {
  HandlerOperations,
  HandlerOutcomeRecord,
  HandlerRecord,
  HandlerRunRecord,
  HandlerTestRecord,
  HandlerTestRequest,
} from '../rpc/handler-records.ts';
import { oneLine } from './log-line.ts';
import type { AgentLog } from './logging.ts';
import type { Renderers } from './renderers.ts';

export interface HandlerOperationsParts {
  readonly runner: HandlerRunner;
  readonly log: Pick<AgentLog, 'write'>;
  readonly members: () => readonly MemberInfo[];
  /** Their attempts are on record too, and guards hold them alike. */
  readonly renderers: Pick<Renderers, 'approve' | 'has'>;
}

/** What operators ask of handlers, for the RPC server. */
export class AgentHandlerOperations implements HandlerOperations {
  readonly #parts: HandlerOperationsParts;

  constructor(parts: HandlerOperationsParts) {
    this.#parts = parts;
  }

  list(): readonly HandlerRecord[] {
    const { runner } = this.#parts;
    return runner.units.map((unit) => ({
      name: unit.name,
      kind: unit.kind,
      command: unit.command,
      ...unit.status,
      last: withoutContent(runner.history.last(unit.name)),
    }));
  }

  runs(name: string, limit: number): readonly HandlerRunRecord[] {
    const { runner, renderers } = this.#parts;
    const { history } = runner;
    // A handler and a renderer of the same name share a log.
    const runs = [...history.of(name), ...history.of(name, 'renderer')].sort((a, b) => b.id - a.id);
    // The runs of a handler that is configured no more can still be read.
    if (runs.length === 0 && !renderers.has(name)) this.#find(name);
    return limit === 0 ? runs : runs.slice(0, limit);
  }

  async rerun(name: string, run: number): Promise<HandlerOutcomeRecord> {
    const unit = this.#find(name);
    const event = this.#eventToRepeat(unit, run);
    this.#note(`Handler '${unit.name}' runs again by request`);
    const outcome = await unit.again(event, 'rerun');
    if (outcome !== undefined) return outcomeRecord(outcome);
    const why = unit.status.holds.join('; ');
    throw refused(
      why === ''
        ? `Handler '${unit.name}' did not run: the agent stops, or its queue is full`
        : `Handler '${unit.name}' is held back (${why}); 'agent handlers approve ${unit.name}' lets it run once`,
    );
  }

  async test(request: HandlerTestRequest): Promise<HandlerTestRecord> {
    const unit = this.#find(request.name);
    const event = this.#eventOf(unit, request);
    const rehearsal = unit.rehearse(event);
    let executed: HandlerOutcomeRecord | null = null;
    if (request.execute && (rehearsal.runs || unit.kind === 'state')) {
      this.#note(`Handler '${unit.name}' is tried by request`);
      const outcome = await unit.again(event, 'test');
      executed = outcome === undefined ? null : outcomeRecord(outcome);
    }
    return {
      handler: unit.name,
      verdict: rehearsal.verdict,
      would_run: rehearsal.runs,
      command: unit.command,
      environment: rehearsal.environment,
      stdin: textOf(rehearsal.input),
      executed,
    };
  }

  approve(name: string): void {
    const unit = this.#parts.runner.units.find((known) => known.name === name);
    const approved = unit === undefined ? this.#parts.renderers.approve(name) : unit.approve();
    if (approved === undefined) this.#find(name);
    if (approved !== true) throw refused(`Nothing holds '${name}' back, so there is nothing to approve`);
    this.#note(`'${name}' goes ahead once by approval`);
  }

  #note(text: string): void {
    this.#parts.log.write('INFO', 'agent', oneLine(text));
  }

  #find(name: string): HandlerUnit {
    const { units } = this.#parts.runner;
    const unit = units.find((known) => known.name === name);
    if (unit !== undefined) return unit;
    if (this.#parts.renderers.has(name)) {
      const text = `'${name}' is a renderer: 'agent render ${name}' runs it, with -dry-run -diff it shows what would change`;
      throw new CodedError('ERR_HANDLER_UNKNOWN', text);
    }
    const known = units.map((one) => `'${one.name}'`).join(', ');
    const hint = known === '' ? 'this agent has none' : `this agent has ${known}`;
    throw new CodedError('ERR_HANDLER_UNKNOWN', `No handler '${name}'; ${hint}`);
  }

  /** Undefined for handlers that need no event to run again. */
  #eventToRepeat(unit: HandlerUnit, run: number): ClusterEvent | undefined {
    if (unit.kind === 'state' || (unit.kind === 'persistent' && run === 0)) return undefined;
    if (run !== 0) return this.#recorded(unit, run);
    const runs = this.#parts.runner.history.of(unit.name);
    for (const record of runs) {
      const event = record.cause === 'test' ? undefined : eventOfRecord(record);
      if (event !== undefined) return event;
    }
    throw refused(`Handler '${unit.name}' has no recorded run with its event; try 'agent handlers test'`);
  }

  #recorded(unit: HandlerUnit, run: number): ClusterEvent {
    const record = this.#parts.runner.history.of(unit.name).find(({ id }) => id === run);
    if (record === undefined) throw refused(`Handler '${unit.name}' has no run ${run} on record`);
    const event = eventOfRecord(record);
    if (event !== undefined) return event;
    throw refused(`Run ${run} is recorded without its event, which was too large or is none`);
  }

  #eventOf(unit: HandlerUnit, { event, run }: HandlerTestRequest): ClusterEvent | undefined {
    if (unit.kind === 'state') return undefined;
    if (run !== undefined) return this.#recorded(unit, run);
    if (event === undefined)
      throw refused(`Say which event: 'agent handlers test ${unit.name} -event user:deploy'`);
    const json = parsed(event);
    const read = eventOfJson(json) ?? this.#membersNamed(json);
    if (read !== undefined) return read;
    throw refused(`This is no event: ${event}`);
  }

  /** `{"event": "member-join", "names": ["a"]}`: the members as they are known. */
  #membersNamed(json: unknown): ClusterEvent | undefined {
    const { event, names } = (json ?? {}) as { readonly event?: unknown; readonly names?: unknown };
    const type = MEMBER_EVENT_TYPES.find((known) => known === event);
    if (type === undefined || !Array.isArray(names)) return undefined;
    const all = this.#parts.members();
    const members = names.map((name) => {
      const member = all.find((known) => known.name === name);
      if (member !== undefined) return member;
      throw refused(`No member '${String(name)}' is known; the event as JSON may tell of any`);
    });
    return { type, members: members.length > 0 ? members : all };
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw refused(`This is no event: ${text}`);
  }
}

function outcomeRecord({ ok, exit, output, errors }: RunOutcome): HandlerOutcomeRecord {
  return { ok, exit, stdout: textOf(output), stderr: textOf(errors) };
}

function withoutContent(record: RunRecord | undefined): HandlerRunRecord | null {
  if (record === undefined) return null;
  const { content: _content, ...rest } = record;
  return rest;
}

function textOf(bytes: Uint8Array): string {
  return asBuffer(bytes).toString('utf8');
}

function refused(text: string): CodedError {
  return new CodedError('ERR_HANDLER_REFUSED', text);
}
