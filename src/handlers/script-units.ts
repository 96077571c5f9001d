import { messageOf } from '../base/errors.ts';
import type { ClusterEvent } from '../events/event.ts';
import { matches } from '../events/filter.ts';
import { type HandlerContext, type HandlerRun, plainOutcome } from './context.ts';
import { eventVariables, selfVariables } from './environment.ts';
import { EventUnit } from './event-unit.ts';
import { runModuleHandler } from './module.ts';
import type { Job } from './queue.ts';
import { runScriptHandler } from './script-handler.ts';
import type { HandlerSpec } from './spec.ts';
import type { UnitParts } from './unit.ts';

/** Handlers of `event_handlers`: as in Serf, with its queue, its words and no second try. */

const ONE_TRY = { attempts: 1, backoffMs: 0, maxBackoffMs: 0, jitter: 0 };

/** A script or module of `event_handlers`, named by its configured text. */
export function scriptUnit(spec: HandlerSpec, parts: UnitParts): EventUnit {
  return new EventUnit(
    {
      name: spec.text,
      kind: spec.kind,
      command: spec.command,
      identity: `event_handlers:${spec.text}`,
      limits: {
        queue: { limit: parts.limits.queueLength, overflow: 'drop-oldest' },
        concurrency: 1,
        retry: ONE_TRY,
      },
      concerns: (event) => spec.filters.flatMap((filter) => (matches(filter, event) ? [event] : [])),
      run: (event, job) => start(spec, event, job, parts),
      environment: (event) =>
        Object.fromEntries([...selfVariables(parts.context.self()), ...eventVariables(event)]),
    },
    parts,
  );
}

function start(spec: HandlerSpec, event: ClusterEvent, job: Job, parts: UnitParts): HandlerRun {
  const context = job.cause === 'event' ? parts.context : withoutAnswers(parts.context);
  const common = { event, context, limits: parts.limits };
  try {
    return spec.kind === 'module'
      ? runModuleHandler({ ...common, path: spec.command })
      : runScriptHandler({
          ...common,
          script: spec.command,
          pool: parts.pool,
          inherited: parts.inherited,
        });
  } catch (error) {
    context.log('ERR', `Error invoking '${spec.command}': ${messageOf(error)}`);
    return { done: Promise.resolve(plainOutcome(false, messageOf(error))), stop() {} };
  }
}

/** Nobody waits for the answer to a query of the past. */
function withoutAnswers(context: HandlerContext): HandlerContext {
  return {
    self: () => context.self(),
    facts: () => context.facts(),
    log: (level, text) => context.log(level, text),
    secretNames: context.secretNames,
    respond: () => {},
  };
}
