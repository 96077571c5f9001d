import { spawn } from 'node:child_process';
import { CodedError } from '../../base/errors.ts';
import { MAX_SOURCE_BYTES } from './lines.ts';

/** Longest run of a command that tells join addresses. */
export const COMMAND_TIMEOUT_MS = 10_000;
/** The end of what a failed command wrote to standard error, for the message. */
const ERROR_TAIL_CHARS = 200;

export interface CommandOptions {
  readonly signal: AbortSignal;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly timeoutMs?: number;
}

/**
 * The standard output of `/bin/sh -c command`. The command and what it started are killed when they take too long,
 * write too much or the signal aborts, and the promise rejects; so it does when the exit code is not 0.
 */
export function runSource(command: string, options: CommandOptions): Promise<string> {
  const { signal, env, timeoutMs = COMMAND_TIMEOUT_MS } = options;
  return new Promise((resolve, reject) => {
    // A process group of its own, so that a pipeline is killed whole.
    const child = spawn('/bin/sh', ['-c', command], {
      env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const chunks: Buffer[] = [];
    let bytes = 0;
    let errors = '';
    const end = (settle: () => void): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', stopped);
      child.stdout.destroy();
      child.stderr.destroy();
      settle();
    };
    const fail = (text: string): void => {
      killGroup(child.pid);
      end(() => reject(new CodedError('ERR_JOIN_SOURCE', text)));
    };
    const stopped = (): void => fail('the agent stops');
    const timer = setTimeout(
      () => fail(`it took longer than ${timeoutMs / 1_000}s and was killed`),
      timeoutMs,
    );
    signal.addEventListener('abort', stopped, { once: true });
    child.stdout.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      chunks.push(chunk);
      if (bytes > MAX_SOURCE_BYTES) fail(`it wrote more than ${MAX_SOURCE_BYTES} bytes and was killed`);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      errors = (errors + chunk.toString('utf8')).slice(-ERROR_TAIL_CHARS);
    });
    child.on('error', (error) => fail(error.message));
    child.on('close', (code, by) => {
      if (code === 0) end(() => resolve(Buffer.concat(chunks).toString('utf8')));
      else {
        const how = code === null ? `signal ${by}` : `exit code ${code}`;
        const why = errors.trim() === '' ? '' : `: ${errors.trim()}`;
        end(() => reject(new CodedError('ERR_JOIN_SOURCE', `it ended with ${how}${why}`)));
      }
    });
    if (signal.aborted) stopped();
  });
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // It has ended already.
  }
}
