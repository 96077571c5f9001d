import { asBuffer } from '../base/bytes.ts';
import { messageOf } from '../base/errors.ts';
import type { HandlerRun, RunOutcome } from './context.ts';
import { plainOutcome, SUCCESS } from './context.ts';
import { supervisedEnvironment } from './environment.ts';
import { type Launch, supervisedLaunch } from './launch.ts';
import { OUTPUT_LIMIT, ScriptProcess, type ScriptResult } from './script.ts';
import { failureText } from './script-handler.ts';
import type { SupervisedSpec } from './supervised.ts';
import type { UnitParts } from './unit.ts';

/** One run of a supervised handler's program. */
export interface ProgramOptions {
  readonly spec: SupervisedSpec;
  /** Standard input. */
  readonly input: Uint8Array;
  /** Variables that say what the run is about. */
  readonly about: ReadonlyMap<string, string>;
  /** What the run is about, for the log. */
  readonly subject: string;
  readonly parts: UnitParts;
  /** Gets stdout of a run that succeeded and printed something. */
  readonly answer?: ((output: Uint8Array) => void) | undefined;
}

/** What a supervised handler's program starts with: its own user, directory and environment. */
export function launchOf(spec: SupervisedSpec, about: ReadonlyMap<string, string>, parts: UnitParts): Launch {
  const { context, inherited } = parts;
  const environment = supervisedEnvironment(
    { inherited, secretNames: context.secretNames, self: context.self() },
    { rule: spec.environment, user: spec.user, about: new Map([...about, ['REEVE_HANDLER', spec.name]]) },
  );
  return supervisedLaunch(spec, environment);
}

/** Runs the program once and logs how it went; stdout and stderr are kept apart. Never rejects. */
export function runProgram(options: ProgramOptions): HandlerRun {
  const { spec, parts, subject } = options;
  let running: ScriptProcess | undefined;
  let stopGraceMs: number | undefined;
  const run = async (): Promise<RunOutcome> => {
    const launch = launchOf(spec, options.about, parts);
    running = new ScriptProcess({
      channels: await parts.pool.acquire(options.input, launch),
      launch,
      timeoutMs: spec.timeoutMs,
      termGraceMs: spec.stopGraceMs,
      onSlow: () => {},
    });
    if (stopGraceMs !== undefined) running.stop(stopGraceMs);
    return report(options, await running.done);
  };
  const done = run().catch((error: unknown): RunOutcome => {
    parts.context.log('ERR', `Handler '${spec.name}' could not run on ${subject}: ${messageOf(error)}`);
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

function report({ spec, parts, subject, answer }: ProgramOptions, result: ScriptResult): RunOutcome {
  const { context } = parts;
  const { output, errors } = result;
  if (result.outputBytes > OUTPUT_LIMIT) {
    context.log(
      'WARN',
      `Handler '${spec.name}' printed ${result.outputBytes} bytes, the last ${OUTPUT_LIMIT} are kept`,
    );
  }
  for (const [name, bytes] of [
    ['stdout', output],
    ['stderr', errors],
  ] as const) {
    if (bytes.length > 0)
      context.log('DEBUG', `Handler '${spec.name}' ${name}: ${asBuffer(bytes).toString('utf8')}`);
  }
  if (result.outputHeld) {
    context.log('WARN', `Handler '${spec.name}' has exited, but a process it started keeps its output open`);
  }
  const failure = failureText(result, spec.timeoutMs);
  if (failure !== undefined) {
    context.log('ERR', `Handler '${spec.name}' failed on ${subject}: ${failure}${lastLine(errors)}`);
    return { ok: false, exit: failure, output, errors };
  }
  if (output.length > 0) answer?.(output);
  return { ok: true, exit: SUCCESS, output, errors };
}

/** The longest excerpt of an error output that goes into the log. */
const MAX_EXCERPT = 200;

/** What a program said last before it failed is mostly why. */
export function lastLine(errors: Uint8Array): string {
  const line = asBuffer(errors).toString('utf8').trimEnd().split('\n').at(-1)?.trim() ?? '';
  return line === '' ? '' : `: ${line.slice(-MAX_EXCERPT)}`;
}
