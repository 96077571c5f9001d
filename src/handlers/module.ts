import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { CodedError, messageOf } from '../base/errors.ts';
import { type ClusterEvent, describeEvent } from '../events/event.ts';
import {
  type HandlerContext,
  type HandlerLimits,
  type HandlerRun,
  type HandlerSelf,
  plainOutcome,
  type RunOutcome,
} from './context.ts';

/** What a module handler's `handle(event, context)` is given besides the event. */
export interface ModuleContext {
  readonly self: HandlerSelf;
  /** Aborts at the timeout or when the agent stops. */
  readonly signal: AbortSignal;
  /** Answers the query being handled; text is sent as UTF-8. Throws ERR_NOT_A_QUERY for other events. */
  respond(payload: Uint8Array | string): void;
  log(text: string): void;
}

type Handle = (event: ClusterEvent, context: ModuleContext) => unknown;

export interface ModuleHandlerOptions {
  /** Relative to the agent's working directory. */
  readonly path: string;
  readonly event: ClusterEvent;
  readonly context: HandlerContext;
  readonly limits: HandlerLimits;
}

/**
 * Calls an ES module's `handle` and waits for what it returns. The module runs inside the agent, so a loop that never
 * yields stops the agent too; anything that is merely slow is left behind after its timeout and the grace period. A
 * module changed on disk is loaded anew at the next event.
 */
export function runModuleHandler(options: ModuleHandlerOptions): HandlerRun {
  const { path, context, limits } = options;
  const abort = new AbortController();
  const timers: NodeJS.Timeout[] = [];
  let giveUp: (error: Error) => void = () => {};
  const late = new Promise<never>((_resolve, reject) => {
    giveUp = reject;
  });
  const end = (why: string, graceMs: number): void => {
    // The first reason and the shortest grace count.
    abort.abort(new CodedError('ERR_HANDLER_ENDED', why));
    timers.push(setTimeout(() => giveUp(new CodedError('ERR_HANDLER_ENDED', why)), graceMs));
  };
  if (limits.timeoutMs > 0) {
    timers.push(
      setTimeout(
        () => end(`ended after its timeout of ${limits.timeoutMs / 1000}s`, limits.termGraceMs),
        limits.timeoutMs,
      ),
    );
  }
  const done = Promise.race([call(options, abort.signal), late])
    .then(() => plainOutcome(true, 'returned'))
    .catch((error: unknown): RunOutcome => {
      context.log('ERR', `Error invoking module '${path}': ${messageOf(error)}`);
      return plainOutcome(false, messageOf(error));
    })
    .finally(() => {
      for (const timer of timers) clearTimeout(timer);
    });
  return { done, stop: (graceMs) => end('ended because the agent stops', graceMs) };
}

async function call(options: ModuleHandlerOptions, signal: AbortSignal): Promise<void> {
  const { event, context } = options;
  const handle = await load(options.path);
  signal.throwIfAborted();
  await handle(event, {
    self: context.self(),
    signal,
    respond(payload) {
      if (event.type !== 'query') {
        throw new CodedError('ERR_NOT_A_QUERY', `'${describeEvent(event)}' is no query and takes no answer`);
      }
      context.respond(event.id, typeof payload === 'string' ? Buffer.from(payload) : payload);
    },
    // A module is not type-checked: whatever it logs is shown.
    log: (text) => context.log('INFO', String(text)),
  });
}

async function load(path: string): Promise<Handle> {
  const url = pathToFileURL(resolve(path));
  url.searchParams.set('mtime', String((await stat(url)).mtimeMs));
  const module: unknown = await import(url.href);
  if (typeof module === 'object' && module !== null && 'handle' in module) {
    const { handle } = module;
    if (typeof handle === 'function') return handle as Handle;
  }
  throw new CodedError('ERR_HANDLER_MODULE', `${path} exports no function named handle`);
}
