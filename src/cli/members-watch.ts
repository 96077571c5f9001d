import { messageOf } from '../base/errors.ts';
import type { MemberInfo, MemberStatus } from '../events/event.ts';
import type { MemberFilter } from '../rpc/protocol.ts';
import { type CommandContext, failure, type RPC_FLAGS } from './command.ts';
import type { AgentClient } from './connect.ts';
import { EXIT } from './exit.ts';
import type { FlagValues } from './flags.ts';
import { compactJson, type Json } from './format.ts';
import { drawMembers, LiveScreen } from './members-screen.ts';
import { membersJson, membersText } from './members-table.ts';
import type { OutputFormat } from './output-format.ts';
import { pause, untilAborted } from './until-aborted.ts';

/** `members --watch`: the list again whenever it changes, until interrupted, with the agent tried again when it is lost. */

/** The list is asked for this often, and at once when the agent tells of a change. */
const REFRESH_MS = 1000;
/** The least time between two lists, however many changes there are. */
const QUIET_MS = 100;
/** A lost agent is tried again this often. */
const RETRY_MS = 1000;

export interface WatchRequest {
  readonly flags: FlagValues<typeof RPC_FLAGS>;
  readonly filter: MemberFilter;
  readonly format: OutputFormat;
  readonly detailed: boolean;
}

/** What is known at one time. */
export interface WatchState {
  readonly members: readonly MemberInfo[];
  /** Why the agent cannot be asked now, or undefined. */
  readonly lost: string | undefined;
  /** When each member got its status, by a monotonic clock in milliseconds; without those seen at the start. */
  readonly since: ReadonlyMap<string, number>;
}

/** Where the list goes. */
interface View {
  show(state: WatchState): void;
  close(): void;
}

/** Watches until interrupted, which is exit 0. An agent that was never reached is an error. */
export async function watchMembers(request: WatchRequest, context: CommandContext): Promise<number> {
  const quit = new AbortController();
  const over = AbortSignal.any([context.interrupted(), context.out.broken, quit.signal]);
  const first = await context.connect(request.flags);
  const changes = new StatusChanges();
  let members: readonly MemberInfo[];
  try {
    members = await first.membersFiltered(request.filter);
  } catch (error) {
    await first.close();
    throw failure(`Error retrieving members: ${messageOf(error)}`, error);
  }
  const view = viewFor(request, context, () => quit.abort());
  const show = (lost: string | undefined): void => view.show({ members, lost, since: changes.since });
  const learn = (now: readonly MemberInfo[]): void => {
    changes.note(now);
    members = now;
    show(undefined);
  };
  try {
    learn(members);
    let client: AgentClient | undefined = first;
    while (!over.aborted) {
      try {
        client ??= await context.connect(request.flags);
        await follow(client, request.filter, learn, over);
      } catch (error) {
        show(messageOf(error));
      }
      await client?.close();
      client = undefined;
      if (!over.aborted) await pause(RETRY_MS, over);
    }
    return EXIT.ok;
  } finally {
    view.close();
    quit.abort();
  }
}

/** Asks one connection again and again; ends when `over` aborts, throws when the connection does. */
async function follow(
  client: AgentClient,
  filter: MemberFilter,
  learn: (members: readonly MemberInfo[]) => void,
  over: AbortSignal,
): Promise<void> {
  let wake = new AbortController();
  const events = await client.stream('member-join,member-leave,member-failed,member-update,member-reap');
  const ended = (async () => {
    try {
      for await (const _ of untilAborted(events, over)) wake.abort();
    } catch {
      // The next request tells why.
    }
    wake.abort();
  })();
  while (!over.aborted) {
    learn(await client.membersFiltered(filter));
    await pause(QUIET_MS, over);
    await pause(REFRESH_MS, AbortSignal.any([over, wake.signal]));
    wake = new AbortController();
  }
  await ended;
}

/** Remembers when a status changed. */
class StatusChanges {
  readonly #status = new Map<string, MemberStatus>();
  readonly #since = new Map<string, number>();
  #seen = false;

  get since(): ReadonlyMap<string, number> {
    return this.#since;
  }

  note(members: readonly MemberInfo[]): void {
    const names = new Set(members.map(({ name }) => name));
    for (const name of this.#status.keys()) {
      if (names.has(name)) continue;
      this.#status.delete(name);
      this.#since.delete(name);
    }
    for (const { name, status } of members) {
      if (this.#seen && this.#status.get(name) !== status) this.#since.set(name, performance.now());
      this.#status.set(name, status);
    }
    this.#seen = true;
  }
}

function viewFor(request: WatchRequest, context: CommandContext, quit: () => void): View {
  const { out, screen } = context;
  if (screen.interactive && request.format === 'text') {
    const live = new LiveScreen(screen, out, quit);
    return {
      show: (state) => live.draw((size) => drawMembers(state, request.detailed, size, screen.colours)),
      close: () => live.close(),
    };
  }
  let last: string | undefined;
  return {
    show: ({ members, lost }) => {
      const text =
        request.format === 'json'
          ? compactJson(snapshot(members, lost))
          : membersText(members, request.detailed);
      // Lost agents repeat themselves, and so does a list that is asked for every second.
      const key = `${lost ?? ''}\n${text}`;
      if (key === last) return;
      last = key;
      if (lost !== undefined) out.error(`Lost the agent, trying again: ${lost}`);
      if (lost === undefined || request.format === 'json') out.line(text);
      if (request.format === 'text' && lost === undefined) out.line('');
    },
    close: () => undefined,
  };
}

/** One line of `--watch --json`. */
function snapshot(members: readonly MemberInfo[], lost: string | undefined): Json {
  return { ...(membersJson(members) as { readonly [key: string]: Json }), lost: lost ?? null };
}
