import { asBuffer } from '../base/bytes.ts';
import { messageOf } from '../base/errors.ts';
import { type ClusterEvent, describeEvent } from '../events/event.ts';
import type { ChannelPool } from './channels.ts';
import {
  type HandlerContext,
  type HandlerLimits,
  type HandlerRun,
  plainOutcome,
  type RunOutcome,
  SUCCESS,
} from './context.ts';
import { handlerEnvironment } from './environment.ts';
import { scriptLaunch } from './launch.ts';
import { exitText, OUTPUT_LIMIT, ScriptProcess, type ScriptResult } from './script.ts';
import { handlerInput } from './stdin.ts';

export interface ScriptHandlerOptions {
  readonly script: string;
  readonly event: ClusterEvent;
  readonly context: HandlerContext;
  readonly limits: HandlerLimits;
  readonly pool: ChannelPool;
  /** The agent's own environment. */
  readonly inherited: Readonly<Record<string, string | undefined>>;
}

/** Runs a Serf handler script on one event, logs how it went and answers a query with its output (agent.md 14). */
export function runScriptHandler(options: ScriptHandlerOptions): HandlerRun {
  let running: ScriptProcess | undefined;
  let stopGraceMs: number | undefined;
  const run = async (): Promise<RunOutcome> => {
    const { script, event, context, limits, inherited } = options;
    const environment = handlerEnvironment(event, {
      inherited,
      secretNames: context.secretNames,
      self: context.self(),
    });
    const launch = scriptLaunch(script, environment);
    running = new ScriptProcess({
      channels: await options.pool.acquire(handlerInput(event), launch),
      launch,
      timeoutMs: limits.timeoutMs,
      termGraceMs: limits.termGraceMs,
      onSlow: () => context.log('WARN', `Script '${script}' slow, execution exceeding 1s`),
    });
    if (stopGraceMs !== undefined) running.stop(stopGraceMs);
    const startedAt = performance.now();
    const result = await running.done;
    context.metrics?.sample(`agent.invoke.${script}`, performance.now() - startedAt);
    return report(options, result);
  };
  const done = run().catch((error: unknown): RunOutcome => {
    options.context.log('ERR', `Error invoking script '${options.script}': ${messageOf(error)}`);
    return plainOutcome(false, messageOf(error));
  });
  return {
    done,
    stop(graceMs) {
      stopGraceMs = graceMs;
      running?.stop(graceMs);
    },
  };
}

function report(options: ScriptHandlerOptions, result: ScriptResult): RunOutcome {
  const { script, event, context } = options;
  if (result.outputBytes > OUTPUT_LIMIT) {
    context.log(
      'WARN',
      `Script '${script}' generated ${result.outputBytes} bytes of output, truncated to ${OUTPUT_LIMIT}`,
    );
  }
  const output = asBuffer(result.output);
  context.log('DEBUG', `Event '${event.type}' script output: ${output.toString('utf8')}`);
  if (result.outputHeld) {
    context.log('WARN', `Script '${script}' has exited, but a process it started keeps its output open`);
  }
  const failure = failureText(result, options.limits.timeoutMs);
  if (failure !== undefined) {
    context.log('ERR', `Error invoking script '${script}': ${failure}`);
    return { ok: false, exit: failure, output, errors: result.errors };
  }
  if (event.type === 'query' && output.length > 0) {
    try {
      context.respond(event.id, output);
    } catch (error) {
      context.log('WARN', `Failed to respond to query '${describeEvent(event)}': ${messageOf(error)}`);
    }
  }
  return { ok: true, exit: SUCCESS, output, errors: result.errors };
}

/** Why a run failed, in Serf's words where it has them; undefined for a success. */
export function failureText(result: ScriptResult, timeoutMs: number): string | undefined {
  switch (result.why) {
    case 'timeout':
      return `ended after its timeout of ${timeoutMs / 1000}s`;
    case 'stopped':
      return 'ended because the agent stops';
    case 'finished':
      return exitText(result.exit);
  }
}
