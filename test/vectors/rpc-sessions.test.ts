import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/base/random.ts';
import type { ClusterEvent } from '../../src/events/event.ts';
import { RpcClient } from '../../src/rpc/client.ts';
import { type Fields, structField } from '../../src/rpc/fields.ts';
import { AGENT_LIMITS, FrameReader } from '../../src/rpc/framing.ts';
import { membersField } from '../../src/rpc/member-body.ts';
import { COMMANDS, type CommandName, isCommand } from '../../src/rpc/protocol.ts';
import {
  coordinateOf,
  joinReport,
  keyReport,
  queryRecord,
  statGroups,
  streamedEvent,
} from '../../src/rpc/records.ts';
import { FakeBackend } from '../unit/rpc/fake-backend.ts';
import { plain, rig, until } from '../unit/rpc/harness.ts';

interface Session {
  readonly name: string;
  readonly origin: string;
  readonly chunks: readonly { readonly from: 'client' | 'server'; readonly hex: string }[];
}

const SESSIONS: readonly Session[] = JSON.parse(
  readFileSync(new URL('./data/rpc-sessions.json', import.meta.url), 'utf8'),
);

/** Where ours does not do what Serf did, by design. */
const DIFFERENT = new Map([
  ['members-filtered_7', 'Serf reads the unread body as a second request; ours skips it'],
  ['query_3', 'Serf hangs up on a float timeout; ours takes it'],
  ['event_5', 'Serf 0.9.4 hangs up on a text in the bytes family; ours takes it, as newer ones do'],
]);

const SECRET = 's3cret';

function bytesFrom(session: Session, from: 'client' | 'server'): Buffer {
  return Buffer.concat(
    session.chunks.filter((chunk) => chunk.from === from).map((chunk) => Buffer.from(chunk.hex, 'hex')),
  );
}

interface Piece {
  readonly value: Fields;
  readonly bytes: Buffer;
}

/** Every whole value of a byte stream with the bytes it came from. */
function pieces(bytes: Buffer): Piece[] {
  const out: Piece[] = [];
  const reader = new FrameReader(AGENT_LIMITS);
  let start = 0;
  try {
    for (let end = 1; end <= bytes.length; end += 1) {
      reader.push(bytes.subarray(end - 1, end));
      const value = reader.next();
      if (value === undefined) continue;
      out.push({ value: value as Fields, bytes: bytes.subarray(start, end) });
      start = end;
    }
  } catch {
    // One session ends with a value this protocol does not have.
  }
  return out;
}

interface Asked {
  readonly command: string;
  readonly seq: number;
  readonly body: Fields | undefined;
}

function requests(session: Session): Asked[] {
  const out: Asked[] = [];
  const values = pieces(bytesFrom(session, 'client')).map((piece) => piece.value);
  while (values.length > 0) {
    const header = values.shift() as Fields;
    const command = String(header.get('Command'));
    const body = isCommand(command) && COMMANDS[command].request ? values.shift() : undefined;
    out.push({ command, seq: Number(header.get('Seq')), body });
  }
  return out;
}

const hasBody = (command: string): boolean => isCommand(command) && COMMANDS[command as CommandName].answer;

interface Answered {
  readonly seq: number;
  readonly error: string;
  readonly body: Fields | undefined;
  readonly bytes: Buffer;
}

/** Frames of the server in order: answers, and the records of streams. */
function frames(asked: readonly Asked[], bytes: Buffer): Answered[] {
  const commands = new Map(asked.map((request) => [request.seq, request.command]));
  const answeredOnce = new Set<number>();
  const out: Answered[] = [];
  const values = pieces(bytes);
  while (values.length > 0) {
    const header = values.shift() as Piece;
    const seq = Number(header.value.get('Seq'));
    const error = String(header.value.get('Error'));
    const isRecord = answeredOnce.has(seq) && !/^handshake|bogus/.test(commands.get(seq) ?? '');
    const wanted = error === 'Authentication required' ? false : isRecord || hasBody(commands.get(seq) ?? '');
    answeredOnce.add(seq);
    const body = wanted ? values.shift() : undefined;
    out.push({
      seq,
      error,
      body: body?.value,
      bytes: body === undefined ? header.bytes : Buffer.concat([header.bytes, body.bytes]),
    });
  }
  return out;
}

/** A backend that knows what the captured agent knew. */
function backendOf(asked: readonly Asked[], answers: readonly Answered[]): FakeBackend {
  const backend = new FakeBackend();
  const queryIds: Record<number, number> = {};
  for (const { command, seq, body } of asked) {
    const [answer, ...records] = answers.filter((frame) => frame.seq === seq);
    const fields = answer?.body ?? (new Map() as Fields);
    const error = answer?.error ?? '';
    if (command.startsWith('members') && answer?.body) backend.memberList = [...membersField(fields)];
    if (command === 'stats') backend.groups = statGroups(fields);
    if (command === 'join') {
      backend.onJoin = () =>
        error ? Promise.reject(new Error(error)) : Promise.resolve(joinReport(fields).count);
    }
    if (command === 'get-coordinate') {
      const coordinate = coordinateOf(fields);
      if (coordinate) backend.coordinates.set(String(body?.get('Node')), coordinate);
    }
    if (/-keys?$/.test(command)) backend.onKeys = () => Promise.resolve(keyReport(fields, error));
    if (command === 'query') {
      backend.onQuery = async function* () {
        for (const record of records) {
          const value = queryRecord(record.body as Fields);
          if (value !== undefined && value.type !== 'over') yield value;
        }
      };
    }
    if (command === 'monitor') backend.backlog = records.map((record) => String(record.body?.get('Log')));
    if (command === 'stream') {
      const events = records
        .map((record) => streamedEvent(record.body as Fields))
        .flatMap((event): ClusterEvent[] => {
          if (event.type === 'gap') return [];
          if (event.type !== 'query') return [event];
          queryIds[event.id] = event.id + 1000;
          return [{ ...event, id: event.id + 1000, sourceNode: 'a', timeoutMs: 60_000 }];
        });
      backend.eventFeed.subscribed().then(() => {
        for (const event of events) backend.eventFeed.push(event);
      });
    }
  }
  return backend;
}

/** Bytes by Seq: the order within one Seq is fixed, the order between streams is not. */
function bySeq(answers: readonly Answered[]): Record<number, string> {
  const out: Record<number, string> = {};
  for (const { seq, bytes } of answers) out[seq] = (out[seq] ?? '') + bytes.toString('hex');
  return out;
}

/** Cuts at random places, one byte at a time every now and then. */
function* cut(bytes: Buffer, seed: number): Generator<Buffer> {
  const random = seededRandom(seed);
  for (let at = 0; at < bytes.length; ) {
    const size = random.below(3) === 0 ? 1 : 1 + random.below(40);
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

describe('captured conversations against our server', () => {
  const same = SESSIONS.filter((session) => !DIFFERENT.has(session.name));
  it.each(same.map((session, index) => [session.name, session, index] as const))(
    '%s: the same bytes for every Seq, however the requests are cut',
    async (_, session, index) => {
      const asked = requests(session);
      const wanted = frames(asked, bytesFrom(session, 'server'));
      const backend = backendOf(asked, wanted);
      const needsKey = asked.some((request) => request.command === 'auth');
      await using rigged = await rig(needsKey ? { authKey: SECRET } : {}, backend);
      const client = await rigged.client({ handshake: false });
      const received: Buffer[] = [];
      client.socket.on('data', (chunk) => received.push(chunk));
      const size = wanted.reduce((sum, frame) => sum + frame.bytes.length, 0);
      const arrived = (): number => received.reduce((sum, chunk) => sum + chunk.length, 0);
      // One request at a time, as captured, so that a stream's events are delivered before it is stopped.
      let expected = 0;
      for (const [turn, chunk] of session.chunks.entries()) {
        if (chunk.from === 'server') {
          expected += chunk.hex.length / 2;
          await until(() => arrived() >= Math.min(expected, size) || client.socket.destroyed);
        } else {
          for (const part of cut(Buffer.from(chunk.hex, 'hex'), index * 100 + turn))
            client.socket.write(part);
        }
      }
      await until(() => arrived() >= size);
      expect(bySeq(frames(asked, Buffer.concat(received)))).toEqual(bySeq(wanted));
    },
  );

  it('an unauthenticated request with a body is refused once, and the conversation goes on', async () => {
    const session = SESSIONS.find((one) => one.name === 'members-filtered_7') as Session;
    await using rigged = await rig({ authKey: SECRET });
    const client = await rigged.client({ handshake: false });
    client.socket.write(bytesFrom(session, 'client'));
    client.send('auth', 3, { AuthKey: SECRET });
    expect(await client.read(3)).toEqual([
      { Error: '', Seq: 1 },
      { Error: 'Authentication required', Seq: 2 },
      { Error: '', Seq: 3 },
    ]);
  });

  it.each(['query_3', 'event_5'])('%s: what only newer or laxer agents take is taken', async (name) => {
    await using rigged = await rig();
    const client = await rigged.client({ handshake: false });
    client.socket.write(bytesFrom(SESSIONS.find((one) => one.name === name) as Session, 'client'));
    expect(await client.read(2)).toEqual([
      { Error: '', Seq: 0 },
      { Error: '', Seq: 1 },
    ]);
    if (name === 'query_3')
      expect(rigged.backend.calls[0]?.[1]).toMatchObject({ name: 'q', timeoutMs: 5000 });
    else expect(rigged.backend.calls).toEqual([['userEvent', 'binname', 'stringpayload', false]]);
  });

  it('event_6: an extension ends the connection without an answer', async () => {
    await using rigged = await rig();
    const client = await rigged.client({ handshake: false });
    client.socket.write(bytesFrom(SESSIONS.find((one) => one.name === 'event_6') as Session, 'client'));
    expect(await client.rest()).toEqual([{ Error: '', Seq: 0 }]);
    expect(rigged.backend.calls).toEqual([]);
  });
});

/** Does with our client what the session's requests say; returns results by Seq. */
async function perform(client: RpcClient, { command, body }: Asked): Promise<unknown> {
  const map = (name: string) => new Map((body?.get(name) as Map<string, string>) ?? []);
  const list = (name: string) => (body?.get(name) as string[]) ?? [];
  const text = (name: string) => String(body?.get(name) ?? '');
  const payload = (body?.get('Payload') ?? null) as Uint8Array | null;
  switch (command) {
    case 'members':
      return client.members();
    case 'members-filtered':
      return client.membersFiltered({ tags: map('Tags'), status: text('Status'), name: text('Name') });
    case 'event':
      return client.event(text('Name'), payload, Boolean(body?.get('Coalesce')));
    case 'join':
      return client.join(list('Existing'), Boolean(body?.get('Replay')));
    case 'force-leave':
      return client.forceLeave(text('Node'), Boolean(body?.get('Prune')));
    case 'leave':
      return client.leave();
    case 'tags':
      return client.updateTags(map('Tags'), list('DeleteTags'));
    case 'stats':
      return client.stats();
    case 'get-coordinate':
      return client.coordinate(text('Node'));
    case 'list-keys':
      return client.keys({ action: 'list', key: '' });
    case 'install-key':
    case 'use-key':
    case 'remove-key':
      return client.keys({ action: command.slice(0, -4) as 'install' | 'use' | 'remove', key: text('Key') });
    case 'stream':
      return client.stream(text('Type'));
    case 'monitor':
      return client.monitor(text('LogLevel'));
    case 'query':
      return client.query({
        name: text('Name'),
        payload,
        filterNodes: list('FilterNodes'),
        filterTags: map('FilterTags'),
        requestAck: Boolean(body?.get('RequestAck')),
        relayFactor: Number(body?.get('RelayFactor')),
        timeoutMs: Number(body?.get('Timeout')) / 1e6,
      });
    default:
      throw new Error(`unexpected ${command}`);
  }
}

/** A server that answers each request with the captured frames of its Seq, cut at random places. */
async function replay(session: Session, seed: number) {
  const asked = requests(session);
  const answers = frames(asked, bytesFrom(session, 'server'));
  const received: Buffer[] = [];
  const server = createServer({ noDelay: true }, (socket) => {
    const reader = new FrameReader(AGENT_LIMITS);
    let body = false;
    let seq = 0;
    socket.on('error', () => {});
    socket.on('data', (chunk) => {
      received.push(chunk);
      reader.push(chunk);
      for (let value = reader.next() as Fields; value !== undefined; value = reader.next() as Fields) {
        if (!body) {
          const command = String(value.get('Command'));
          seq = Number(value.get('Seq'));
          body = isCommand(command) && COMMANDS[command].request;
          if (body) continue;
        }
        body = false;
        const out = Buffer.concat(answers.filter((frame) => frame.seq === seq).map((frame) => frame.bytes));
        for (const part of cut(out, seed + seq)) socket.write(part);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  return {
    asked,
    answers,
    received,
    address: { host: '127.0.0.1', port },
    [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

describe('captured conversations against our client', () => {
  const byCommandLine = SESSIONS.filter((session) => session.origin.includes('serf command line'));
  it.each(byCommandLine.map((session, index) => [session.name, session, index] as const))(
    '%s: our client sends what serf sent and reads what serf read',
    async (name, session, index) => {
      await using agent = await replay(session, index * 1000);
      const key = agent.asked.find((request) => request.command === 'auth')?.body?.get('AuthKey');
      const refused = agent.answers.find(
        (frame) => frame.seq === 2 && key !== undefined && frame.error !== '',
      );
      const connecting = RpcClient.connect({
        address: agent.address,
        ...(key === undefined ? {} : { authKey: String(key) }),
      });
      if (refused) {
        await expect(connecting).rejects.toMatchObject({ code: 'ERR_RPC_REMOTE', message: refused.error });
        return;
      }
      await using client = await connecting;
      for (const request of agent.asked.filter(({ command }) => !/^handshake|auth$/.test(command))) {
        const [answer, ...records] = agent.answers.filter((frame) => frame.seq === request.seq);
        const doing = perform(client, request);
        if (answer?.error && !/-keys?$/.test(request.command)) {
          await expect(doing).rejects.toMatchObject({ code: 'ERR_RPC_REMOTE', message: answer.error });
          continue;
        }
        await checkResult(await doing, request, answer as Answered, records);
      }
      // A ping of serf's has nil tag filters; ours are empty, which is the same to every agent.
      if (name === 'members+query_1') return;
      expect(Buffer.concat(agent.received).toString('hex')).toBe(
        bytesFrom(session, 'client').toString('hex'),
      );
    },
  );
});

async function checkResult(
  result: unknown,
  request: Asked,
  answer: Answered,
  records: Answered[],
): Promise<void> {
  if (request.command.startsWith('members')) expect(result).toEqual(membersField(answer.body as Fields));
  if (/-keys?$/.test(request.command)) {
    const report = result as { error?: string; numNodes: number };
    expect(report.error ?? '').toBe(answer.error);
    expect(report.numNodes).toBe(Number(answer.body?.get('NumNodes')));
  }
  if (request.command === 'join') expect(result).toBe(Number(answer.body?.get('Num')));
  if (request.command === 'stats') {
    expect(Object.keys(plain(result) as object).sort()).toEqual(
      Object.keys(plain(answer.body) as object).sort(),
    );
  }
  if (request.command === 'get-coordinate') {
    expect((result as { vec: number[] }).vec).toEqual(structField(answer.body as Fields, 'Coord').get('Vec'));
  }
  if (!['stream', 'monitor', 'query'].includes(request.command)) return;
  const wanted = records.filter((record) => record.body?.get('Type') !== 'done');
  const stream = result as AsyncIterator<unknown>;
  for (const record of wanted) {
    const item = (await stream.next()).value as Record<string, unknown> | string;
    if (request.command === 'monitor') expect(item).toBe(record.body?.get('Log'));
    else if (request.command === 'query') expect(item).toMatchObject({ from: record.body?.get('From') });
    else expect(item).toEqual(streamedEvent(record.body as Fields));
  }
  if (request.command === 'query') expect((await stream.next()).done).toBe(true);
}
