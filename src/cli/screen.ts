import type { Environment } from './command.ts';

/** What stdout is: a terminal that shows colours, or a file or pipe that a program reads. */
export interface Screen {
  /** True when a person reads stdout: a terminal that understands control sequences. */
  readonly interactive: boolean;
  /** True when text may be coloured. */
  readonly colours: boolean;
  /** Columns and rows of the terminal now; 80 and 24 where there is none. */
  size(): { readonly columns: number; readonly rows: number };
  /** Calls `listener` when the size has changed, until `signal` aborts. */
  onResize(listener: () => void, signal: AbortSignal): void;
  /** Calls `listener` with what is typed, unechoed and at once, until `signal` aborts; never where stdin is no terminal. */
  onKeys(listener: (keys: string) => void, signal: AbortSignal): void;
  /** Calls `restore`, which must write synchronously, when the process ends before `signal` aborts. */
  onExit(restore: () => void, signal: AbortSignal): void;
}

const COLUMNS = 80;
const ROWS = 24;

/** What of a stream decides. */
export interface TerminalStream {
  readonly isTTY?: boolean | undefined;
}

/**
 * Whether to colour: `NO_COLOR` with any text forbids it (no-color.org), `FORCE_COLOR` with anything but 0 or false asks
 * for it even in a pipe, else a terminal that is not dumb has it.
 */
export function wantsColours(env: Environment, stream: TerminalStream): boolean {
  const forced = env['FORCE_COLOR'];
  if (forced !== undefined) return forced !== '0' && forced !== 'false';
  const refused = env['NO_COLOR'];
  if (refused !== undefined && refused !== '') return false;
  return isInteractive(env, stream);
}

/** Whether a person sees the stream; a dumb terminal is a printer. */
export function isInteractive(env: Environment, stream: TerminalStream): boolean {
  return stream.isTTY === true && env['TERM'] !== 'dumb';
}

/** The screen of the process. */
export function processScreen(env: Environment): Screen {
  const { stdin, stdout } = process;
  return {
    interactive: isInteractive(env, stdout),
    colours: wantsColours(env, stdout),
    size: () => ({ columns: stdout.columns || COLUMNS, rows: stdout.rows || ROWS }),
    onResize: (listener, signal) => {
      stdout.on('resize', listener);
      signal.addEventListener('abort', () => stdout.off('resize', listener), { once: true });
    },
    onKeys: (listener, signal) => {
      if (!stdin.isTTY) return;
      const onData = (data: Buffer): void => listener(data.toString('latin1'));
      stdin.setRawMode(true);
      stdin.on('data', onData);
      signal.addEventListener(
        'abort',
        () => {
          stdin.off('data', onData);
          stdin.setRawMode(false);
          stdin.pause();
        },
        { once: true },
      );
    },
    onExit: (restore, signal) => {
      process.once('exit', restore);
      signal.addEventListener('abort', () => process.off('exit', restore), { once: true });
    },
  };
}
