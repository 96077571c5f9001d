import { describe, expect, it, vi } from 'vitest';
import { CodedError } from '../../../src/base/errors.ts';
// Loaded before the clock stands still: the command would wait for it in real time.
import '../../../src/cli/members-watch.ts';
import '../../../src/cli/commands/members.ts';
import type { AgentClient } from '../../../src/cli/connect.ts';
import { member, run, silentStream } from './fake-context.ts';

const REFUSED = new CodedError('ERR_COMMAND', 'connection refused');

/** An agent that shows one list after another and then hangs up. */
function agent(lists: readonly ReturnType<typeof member>[][], after: () => void): AgentClient {
  let at = 0;
  const client = {
    close: async () => undefined,
    stream: async () => silentStream(),
    membersFiltered: async () => {
      const list = lists[at];
      at += 1;
      if (list !== undefined) return list;
      after();
      throw new CodedError('ERR_RPC_CLOSED', 'client closed');
    },
  };
  return client as unknown as AgentClient;
}

async function watched(words: readonly string[]): Promise<{ stdout: string; stderr: string; code: number }> {
  vi.useFakeTimers();
  try {
    const quit = new AbortController();
    const [alive, failed] = [member('a'), member('a', { status: 'failed' })];
    const clients = [
      agent([[alive], [alive], [failed]], () => undefined),
      REFUSED,
      agent([[failed], [alive]], () => quit.abort()),
    ];
    const outcome = run(['members', '--watch', ...words], {
      interrupted: quit.signal,
      connect: async () => {
        const next = clients.shift();
        if (next === undefined || next instanceof CodedError) throw next ?? REFUSED;
        return next;
      },
    });
    for (let i = 0; i < 200; i += 1) await vi.advanceTimersByTimeAsync(100);
    return await outcome;
  } finally {
    vi.useRealTimers();
  }
}

const LINE = 'a  127.0.0.1:7946  ';

describe('members --watch', () => {
  it('into a pipe prints the list after each change, and tells of a lost agent it finds again', async () => {
    expect(await watched([])).toMatchObject({
      code: 0,
      stdout: `${LINE}alive\n\n${LINE}failed\n\n${LINE}failed\n\n${LINE}alive\n\n`,
      stderr: expect.stringContaining('Lost the agent, trying again: connection refused\n'),
    });
  });

  it('as JSON prints one line for each change', async () => {
    const { stdout } = await watched(['--json']);
    const lines = stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ members, lost }) => [members[0].status, lost])).toEqual([
      ['alive', null],
      ['failed', null],
      ['failed', 'client closed'],
      ['failed', 'connection refused'],
      ['failed', null],
      ['alive', null],
      ['alive', 'client closed'],
    ]);
  });

  it('of an agent that was never there is an error', async () => {
    const outcome = await run(['members', '--watch'], { connect: () => Promise.reject(REFUSED) });
    expect(outcome).toMatchObject({ code: 1, stdout: '', stderr: 'connection refused\n' });
  });

  it('enters the alternate screen and always leaves it', async () => {
    const quit = AbortSignal.abort();
    const screen = { interactive: true, colours: false };
    const client = { membersFiltered: async () => [member('a')], stream: async () => silentStream<never>() };
    const { stdout } = await run(['members', '--watch'], { client, screen, interrupted: quit });
    expect(stdout.startsWith('\u001b[?1049h\u001b[?25l')).toBe(true);
    expect(stdout.endsWith('\u001b[?25h\u001b[?1049l')).toBe(true);
    expect(stdout).toContain('1 member: 1 alive');
  });
});
