import { asBuffer } from '../base/bytes.ts';
import { messageOf } from '../base/errors.ts';
import { type ClusterEvent, describeEvent } from '../events/event.ts';
import type { ChannelPool } from './channels.ts';
import type { HandlerContext, HandlerLimits, HandlerRun } from './context.ts';
import { handlerEnvironment } from './environment.ts';
import { exitText, OUTPUT_LIMIT, ScriptProcess, type ScriptResult } from './script.ts';
import { handlerInput } from './stdin.ts';

export interface ScriptHandlerOptions {
  readonly script: string;
  readonly event: ClusterEvent;
  readonly context: HandlerContext;
  readonly limits: HandlerLimits;
  readonly pool: ChannelPool;
}

/** Runs a Serf handler script on one event, logs how it went and answers a query with its output (agent.md 14). */
export function runScriptHandler(options: ScriptHandlerOptions): HandlerRun {
  let running: ScriptProcess | undefined;
  let stopGraceMs: number | undefined;
  const run = async (): Promise<'ok' | 'failed'> => {
    const { script, event, context, limits } = options;
    const environment = handlerEnvironment(event, {
      inherited: process.env,
      secretNames: context.secretNames,
      self: context.self(),
    });
    running = new ScriptProcess({
      channels: await options.pool.acquire(handlerInput(event)),
      script,
      environment,
      timeoutMs: limits.timeoutMs,
      termGraceMs: limits.termGraceMs,
      onSlow: () => context.log('WARN', `Script '${script}' slow, execution exceeding 1s`),
    });
    if (stopGraceMs !== undefined) running.stop(stopGraceMs);
    return report(options, await running.done);
  };
  const done = run().catch((error: unknown): 'failed' => {
    options.context.log('ERR', `Error invoking script '${options.script}': ${messageOf(error)}`);
    return 'failed';
  });
  return {
    done,
    stop(graceMs) {
      stopGraceMs = graceMs;
      running?.stop(graceMs);
    },
  };
}

function report(options: ScriptHandlerOptions, result: ScriptResult): 'ok' | 'failed' {
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
  const failure = failureText(result, options.limits);
  if (failure !== undefined) {
    context.log('ERR', `Error invoking script '${script}': ${failure}`);
    return 'failed';
  }
  if (event.type === 'query' && output.length > 0) {
    try {
      context.respond(event.id, output);
    } catch (error) {
      context.log('WARN', `Failed to respond to query '${describeEvent(event)}': ${messageOf(error)}`);
    }
  }
  return 'ok';
}

function failureText(result: ScriptResult, limits: HandlerLimits): string | undefined {
  switch (result.why) {
    case 'timeout':
      return `ended after its timeout of ${limits.timeoutMs / 1000}s`;
    case 'stopped':
      return 'ended because the agent stops';
    case 'finished':
      return exitText(result.exit);
  }
}
