/** A wait that can be cut short. */
export interface Pause {
  readonly over: Promise<void>;
  end(): void;
}

export function pauseFor(ms: number): Pause {
  let end = (): void => {};
  const over = new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ms);
    end = () => {
      clearTimeout(timer);
      resolve();
    };
  });
  return { over, end: () => end() };
}
