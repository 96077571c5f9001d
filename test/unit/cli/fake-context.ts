import { bytesOfText } from '../../../src/base/bytes.ts';
import type { CommandContext } from '../../../src/cli/command.ts';
import type { AgentClient } from '../../../src/cli/connect.ts';
import { main } from '../../../src/cli/main.ts';
import type { Screen } from '../../../src/cli/screen.ts';
import type { MemberInfo } from '../../../src/events/event.ts';
import type { QueryRecord } from '../../../src/rpc/backend.ts';
import { RpcStream } from '../../../src/rpc/client-stream.ts';

/** A command line run in memory against a client made of the given answers. */
export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
  readonly closed: number;
}

export interface FakeWorld {
  readonly client?: Partial<AgentClient>;
  readonly connect?: CommandContext['connect'];
  readonly interrupted?: AbortSignal;
  readonly broken?: AbortSignal;
  readonly screen?: Partial<Screen>;
}

/** What a pipe is to a command. */
export const PIPE: Screen = {
  interactive: false,
  colours: false,
  size: () => ({ columns: 80, rows: 24 }),
  onResize: () => undefined,
  onKeys: () => undefined,
  onExit: () => undefined,
};

/** Runs `agent ...words`. */
export async function run(words: readonly string[], world: FakeWorld = {}): Promise<Outcome> {
  const stdout: Uint8Array[] = [];
  const stderr: Uint8Array[] = [];
  let closed = 0;
  const unexpected = (): never => {
    throw new Error('this call was not expected');
  };
  const client: AgentClient = {
    ask: unexpected,
    close: async () => {
      closed += 1;
    },
    coordinate: unexpected,
    event: unexpected,
    forceLeave: unexpected,
    join: unexpected,
    keys: unexpected,
    leave: unexpected,
    members: async () => [],
    membersFiltered: unexpected,
    monitor: unexpected,
    previewRenderer: unexpected,
    query: unexpected,
    renderers: unexpected,
    runRenderer: unexpected,
    stats: unexpected,
    stream: unexpected,
    updateTags: unexpected,
    ...world.client,
  };
  const code = await main(words, {
    program: 'agent',
    env: {},
    out: {
      line: (text) => stdout.push(bytesOfText(`${text}\n`)),
      bytes: (bytes) => stdout.push(Uint8Array.from(bytes)),
      raw: (words) => stdout.push(bytesOfText(words)),
      error: (text) => stderr.push(bytesOfText(`${text}\n`)),
      ready: async () => undefined,
      flush: async () => undefined,
      broken: world.broken ?? new AbortController().signal,
    },
    screen: { ...PIPE, ...world.screen },
    connect: world.connect ?? (async () => client),
    interrupted: () => world.interrupted ?? new AbortController().signal,
  });
  return { code, stdout: text(stdout), stderr: text(stderr), closed };
}

function text(parts: readonly Uint8Array[]): string {
  return Buffer.concat(parts).toString();
}

/** A member of the given name; the rest can be overridden. */
export function member(name: string, facts: Partial<MemberInfo> = {}): MemberInfo {
  return {
    name,
    addr: Uint8Array.of(127, 0, 0, 1),
    port: 7946,
    tags: new Map(),
    status: 'alive',
    protocolMin: 1,
    protocolMax: 5,
    protocolCur: 2,
    delegateMin: 2,
    delegateMax: 5,
    delegateCur: 5,
    ...facts,
  };
}

/** A stream that holds `items` and is over, with `failure` when given. */
export function streamOf<T>(items: readonly T[], ...failure: Parameters<RpcStream<T>['end']>): RpcStream<T> {
  const stream = new RpcStream<T>(async () => undefined);
  for (const item of items) stream.push(item);
  stream.end(...failure);
  return stream;
}

/** A stream that has nothing yet and does not end. */
export function silentStream<T>(): RpcStream<T> {
  return new RpcStream<T>(async () => undefined);
}

export function ack(from: string): QueryRecord {
  return { type: 'ack', from };
}

export function response(from: string, payload: string | Uint8Array): QueryRecord {
  return { type: 'response', from, payload: Buffer.from(payload) };
}
