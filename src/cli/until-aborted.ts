/** Iterates `source` until it ends or `signal` aborts, whichever is first; the source is closed either way. */
export async function* untilAborted<T>(source: AsyncIterable<T>, signal: AbortSignal): AsyncGenerator<T> {
  const iterator = source[Symbol.asyncIterator]();
  let stop: (value: undefined) => void = () => undefined;
  const stopped = new Promise<undefined>((resolve) => {
    stop = resolve;
  });
  const onAbort = (): void => stop(undefined);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    while (!signal.aborted) {
      const next = iterator.next();
      const step = await Promise.race([next, stopped]);
      if (step === undefined) {
        // Nobody will look at it any more; a late failure must not become an unhandled rejection.
        next.catch(() => undefined);
        return;
      }
      if (step.done === true) return;
      yield step.value;
    }
  } finally {
    signal.removeEventListener('abort', onAbort);
    // An iterator that is still waiting may never settle its return, so it is not awaited.
    iterator.return?.()?.catch(() => undefined);
  }
}

/** Resolves after `ms`, or at once when `signal` aborts. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener('abort', done, { once: true });
  });
}
