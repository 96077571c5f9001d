import { afterAll, afterEach, beforeEach, it } from 'vitest';
import { ipBytes } from '../../src/base/address.ts';
import {
  conflictCodec,
  encodeRelay,
  joinCodec,
  keyResponseCodec,
  leaveCodec,
  type MessageCodec,
  type QueryMessage,
  queryCodec,
  queryResponseCodec,
  SerfType,
  userEventCodec,
} from '../../src/serf/messages.ts';
import { encodeFilters } from '../../src/serf/query-filter.ts';
import { encodeDead } from '../../src/swim/messages.ts';
import { describeWithSerf } from '../support/interop.ts';
import { connected, expectSame, killTwins, startTwins, type Twins } from './differential.ts';
import { stopAll } from './helpers.ts';
import { EMPTY_STATE, RawPeer } from './raw-peer.ts';
import { type RawRpc, request } from './raw-rpc.ts';

/**
 * A peer without rules of its own tells a real agent and ours the same, one message at a time; after each, what they
 * list, their clocks and everything they said must agree. An empty filter is left out: it ends real agents.
 */

/** Several gossip rounds of the local profile. */
const SETTLE_MS = 500;

type Step = readonly [label: string, message: Uint8Array];

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const leave = (ltime: number, node: string, prune = false): Uint8Array =>
  leaveCodec.encode({ ltime, node, prune });
const join = (ltime: number, node: string): Uint8Array => joinCodec.encode({ ltime, node });
const event = (ltime: number, name: string, payload: string | null, coalesce = false): Uint8Array =>
  userEventCodec.encode({ ltime, name, payload: payload === null ? null : Buffer.from(payload), coalesce });

const CODECS: Readonly<Record<number, MessageCodec<unknown>>> = {
  [SerfType.leave]: leaveCodec,
  [SerfType.join]: joinCodec,
  [SerfType.userEvent]: userEventCodec,
  [SerfType.query]: queryCodec,
};

/** A message to read and to compare: intents, events and queries also by their bytes, because those are passed on. */
function shown(message: Uint8Array): unknown {
  if (message[0] === SerfType.queryResponse) {
    const response = queryResponseCodec.decode(message);
    const { payload } = response;
    if (payload?.[0] === SerfType.conflictResponse)
      return plain({ ...response, payload: conflictCodec.decode(payload) });
    if (payload?.[0] === SerfType.keyResponse)
      return plain({ ...response, payload: keyResponseCodec.decode(payload) });
    return plain(response);
  }
  const codec = CODECS[message[0] ?? -1];
  const bytes = Buffer.from(message).toString('hex');
  return codec === undefined ? bytes : { ...(plain(codec.decode(message)) as object), bytes };
}

function plain(of: unknown): unknown {
  if (of instanceof Uint8Array) return `0x${Buffer.from(of).toString('hex')}`;
  if (of instanceof Map) return Object.fromEntries([...of].sort());
  if (Array.isArray(of)) return of.map(plain);
  if (of === null || typeof of !== 'object') return of;
  return Object.fromEntries(Object.entries(of).map(([key, item]) => [key, plain(item)]));
}

/** One agent with the peer beside it. */
class Bench {
  readonly peer: RawPeer;
  readonly network: string;
  readonly ip: string;
  readonly #rpc: RawRpc;
  readonly #seen: unknown[] = [];

  static async open(ip: string): Promise<Bench> {
    const network = ip.slice(0, -1);
    const peer = await RawPeer.open({ name: 'p', ip: `${network}2`, tags: { role: 'peer' } });
    return new Bench(ip, network, peer, await connected(ip));
  }

  private constructor(ip: string, network: string, peer: RawPeer, rpc: RawRpc) {
    this.ip = ip;
    this.network = network;
    this.peer = peer;
    this.#rpc = rpc;
  }

  async joined(): Promise<void> {
    await this.peer.exchange(this.ip, EMPTY_STATE);
    await settle();
    this.peer.heard.length = 0;
  }

  /** Tells one thing and looks at what it did. */
  async step(label: string, act: () => unknown): Promise<void> {
    await act();
    await settle();
    const [, listed] = (await this.#rpc.ask('members')) as [unknown, { Members: { Name: string }[] }];
    const { members, failed, left, member_time, event_time, query_time } = await this.#drained();
    this.#seen.push({
      label,
      members: listed.Members.sort((a, b) => (a.Name < b.Name ? -1 : 1)),
      stats: { members, failed, left, member_time, event_time, query_time },
      heard: this.heard(),
    });
  }

  /** The agent's statistics once it has told the peer all it has to tell, so that no step hears of the one before. */
  async #drained(): Promise<Record<string, string>> {
    for (let looks = 1; ; looks += 1) {
      const [, groups] = (await this.#rpc.ask('stats')) as [unknown, { serf: Record<string, string> }];
      const queued = ['intent_queue', 'event_queue', 'query_queue'].some(
        (queue) => groups.serf[queue] !== '0',
      );
      if (!queued || looks === DRAIN_LOOKS) return groups.serf;
      await settle();
    }
  }

  async steps(steps: readonly Step[]): Promise<void> {
    for (const [label, message] of steps) await this.step(label, () => this.peer.say(this.ip, message));
  }

  /** What the peer heard since the last look, each message once. */
  heard(): string[] {
    const once = new Map<string, Uint8Array>();
    for (const message of this.peer.heard.splice(0)) once.set(Buffer.from(message).toString('hex'), message);
    return [...once.values()].map((message) => JSON.stringify(shown(message))).sort();
  }

  note(what: unknown): void {
    this.#seen.push(plain(what));
  }

  close(): unknown[] {
    this.peer.close();
    this.#rpc.close();
    return this.#seen;
  }
}

/** Looks at the queues before a step is judged as it is; where nobody listens they never drain. */
const DRAIN_LOOKS = 4;

function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, SETTLE_MS));
}

let twins: Twins;

/** Runs the script with a bench at each agent. */
function same(script: (bench: Bench) => Promise<void>): Promise<unknown> {
  return expectSame(twins, async (ip) => {
    const bench = await Bench.open(ip);
    try {
      await script(bench);
    } catch (error) {
      bench.close();
      throw error;
    }
    return bench.close();
  });
}

afterAll(stopAll);

describeWithSerf('gossip, the same bytes to a real agent and to ours', () => {
  beforeEach(async () => {
    twins = await startTwins(['127.98.21.', '127.98.22.'], ['-tag', 'role=web', '-tag', 'dc=eu-1']);
  });
  afterEach(() => killTwins(twins));

  it('push/pull: clocks, left members first, replayed events, and the state that comes back', async () => {
    await same(async (bench) => {
      const state = {
        ltime: 10,
        statusLTimes: new Map([
          ['p', 5],
          ['ghost', 7],
          ['gone', 3],
        ]),
        leftMembers: ['gone', 'noTime'],
        eventLTime: 20,
        events: [
          null,
          { ltime: 4, events: ['x', 'y', 'x'].map((text) => ({ name: 'a', payload: Buffer.from(text) })) },
          null,
        ],
        queryLTime: 30,
      };
      const exchange = async (sent: typeof state, joining: boolean): Promise<void> => {
        const { events, ...back } = await bench.peer.exchange(bench.ip, sent, joining);
        bench.note({ ...back, events: events.filter((slot) => slot !== null) });
      };
      await bench.step('join', () => exchange(state, true));
      // Not that a member which is up has left: Serf then holds it for leaving, and ours knows better.
      const later = { ...state, statusLTimes: new Map([['p', 9]]), leftMembers: [], events: [] };
      await bench.step('what is kept', () => exchange(later, false));
    });
  });

  it('intents about somebody unknown, who then appears', async () => {
    await same(async (bench) => {
      await bench.joined();
      await bench.steps([
        ['leave', leave(50, 'late')],
        ['the same', leave(50, 'late')],
        ['an older join', join(49, 'late')],
        ['a newer leave', leave(60, 'late')],
        ['join of another', join(70, 'other')],
        ['a leave of the same time', leave(70, 'other')],
      ]);
      for (const name of ['late', 'other']) {
        await bench.step(name, () =>
          bench.peer.announce(bench.ip, { name, ip: `${bench.network}9${name.length}` }),
        );
      }
    });
  });

  it('intents about a member: accepted once each, by their times; leaving then dead is left', async () => {
    await same(async (bench) => {
      await bench.joined();
      await bench.steps([
        ['join 5', join(5, 'p')],
        ['again', join(5, 'p')],
        ['leave 5', leave(5, 'p')],
        ['leave 6', leave(6, 'p')],
        ['leave 7', leave(7, 'p')],
        ['join 7', join(7, 'p')],
        ['join 8', join(8, 'p')],
        ['leave 9', leave(9, 'p')],
      ]);
      const dead = encodeDead({ incarnation: bench.peer.incarnation, node: 'p', from: 'p' });
      await bench.step('dead by its own word', () => bench.peer.raw(bench.ip, dead));
      await bench.steps([
        ['join 12 revives nobody', join(12, 'p')],
        ['leave 13', leave(13, 'p')],
      ]);
      await bench.step('alive again', () => bench.peer.announce(bench.ip));
    });
  });

  it('a failed member: forced out, and forgotten when pruned', async () => {
    await same(async (bench) => {
      await bench.joined();
      const announce = (): void => bench.peer.announce(bench.ip, { name: 'x', ip: `${bench.network}90` });
      await bench.step('x', announce);
      const dead = encodeDead({ incarnation: bench.peer.incarnation, node: 'x', from: 'p' });
      await bench.step('x fails', () => bench.peer.raw(bench.ip, dead));
      await bench.steps([
        ['join 5', join(5, 'x')],
        ['leave 5', leave(5, 'x')],
        ['leave 6', leave(6, 'x')],
        ['leave 7', leave(7, 'x')],
        ['join 8', join(8, 'x')],
        ['prune', leave(9, 'x', true)],
        ['prune again', leave(10, 'x', true)],
      ]);
      await bench.step('x is silent about its return', announce);
    });
  });

  it('false leave intents about the agent are refuted with its clock, true or forced or by push/pull', async () => {
    await same(async (bench) => {
      await bench.joined();
      await bench.steps([
        ['leave 1', leave(1, 'node-a')],
        ['leave 40', leave(40, 'node-a')],
        ['prune 60', leave(60, 'node-a', true)],
        ['join 90', join(90, 'node-a')],
        ['leave 85', leave(85, 'node-a')],
      ]);
      const lie = { ...EMPTY_STATE, statusLTimes: new Map([['node-a', 100]]), leftMembers: ['node-a'] };
      await bench.step('push/pull', () => bench.peer.exchange(bench.ip, lie, false));
    });
  });

  it('user events: duplicates, equal times, the window, odd encodings', async () => {
    await same(async (bench) => {
      await bench.joined();
      await bench.steps([
        ['first', event(5, 'a', 'x')],
        ['again', event(5, 'a', 'x')],
        ['again, with the other flag', event(5, 'a', 'x', true)],
        ['another payload', event(5, 'a', 'y')],
        ['another name', event(5, 'b', 'x')],
        ['nil', event(5, 'c', null)],
        ['empty is nil', event(5, 'c', '')],
        ['old, within the window', event(3, 'a', 'x')],
        ['far ahead', event(600, 'far', 'x')],
        ['below the window', event(88, 'edge', '1')],
        ['at its edge', event(89, 'edge', '2')],
        ['the slot of 5', event(517, 'a', 'x')],
        ['name that is not UTF-8', hex('0384a24343c2a54c54696d65cd025aa44e616d65a2fffea75061796c6f6164a1ff')],
        ['no flag', hex('0383a54c54696d65cd025ba44e616d65a16ea75061796c6f6164a178')],
        [
          'an unknown field',
          hex('0385a24343c2a34578747292c001a54c54696d65cd025ca44e616d65a16da75061796c6f6164a178'),
        ],
        ['an array', hex('0394cd025ea16ca178c2')],
        ['a negative time', hex('0384a24343c2a54c54696d65ffa44e616d65a16ba75061796c6f6164a178')],
        ['cut short', hex('0384a24343c2a54c54')],
        ['larger than ours may be', event(700, 'large', 'x'.repeat(1_000))],
        ['a huge time', event(2 ** 41, 'huge', 'x')],
      ]);
    });
  });

  it('queries: filters, acks, the flag against rebroadcast, the window, and answers to internal ones', async () => {
    const filters = (nodes: string[], tags: Record<string, string> = {}): Uint8Array[] =>
      encodeFilters(nodes, new Map(Object.entries(tags)));
    const questions: [string, Partial<QueryMessage>][] = [
      ['no ack', { flags: 0 }],
      ['ack', {}],
      ['the same id', { id: 2 }],
      ['no rebroadcast', { flags: 3 }],
      ['another node', { filters: filters(['other']) }],
      ['us', { filters: filters(['other', 'node-a']) }],
      ['tag found', { filters: filters([], { role: 'e' }) }],
      ['tag not found', { filters: filters([], { role: '^e$' }) }],
      ['missing tag', { filters: filters([], { none: '' }) }],
      ['one of two', { filters: filters(['node-a'], { role: 'web', dc: 'us' }) }],
      ['bad expression', { filters: filters([], { role: '(' }) }],
      ['unknown kind', { filters: [Uint8Array.of(5, 0x90)] }],
      ['broken filter', { filters: [Uint8Array.of(0, 0xc1)] }],
      ['kind alone', { filters: [Uint8Array.of(0)] }],
      ['far ahead', { ltime: 600 }],
      ['below the window', { ltime: 88 }],
      ['at its edge', { ltime: 89 }],
      ['over at once', { ltime: 601, timeoutNs: 0 }],
      ['a relay nobody can be', { ltime: 602, relayFactor: 2 }],
      ['ping', { ltime: 603, name: '_serf_ping' }],
      ['conflict about the peer', { ltime: 603, name: '_serf_conflict', payload: Buffer.from('p') }],
      ['conflict about the agent', { ltime: 603, name: '_serf_conflict', payload: Buffer.from('node-a') }],
      ['conflict about nobody', { ltime: 603, name: '_serf_conflict', payload: Buffer.from('nobody') }],
      ['unknown internal', { ltime: 603, name: '_serf_what' }],
      ['keys without a ring', { ltime: 603, name: '_serf_list-keys', payload: hex('0781a34b6579a0') }],
      ['a key that is no request', { ltime: 603, name: '_serf_install-key', payload: hex('07c1') }],
    ];
    await same(async (bench) => {
      await bench.joined();
      const plainQuestion = { ltime: 5, flags: 1, relayFactor: 0, timeoutNs: 2e9, name: 'q', payload: null };
      const asker = { addr: ipBytes(bench.peer.ip) ?? new Uint8Array(0), port: 7946, sourceNode: 'p' };
      for (const [index, [label, question]] of questions.entries()) {
        const id = index + 1;
        const message = queryCodec.encode({ ...plainQuestion, ...asker, id, filters: [], ...question });
        await bench.step(label, () => bench.peer.say(bench.ip, message));
      }
    });
  });

  it('relays, unknown types and broken bodies', async () => {
    await same(async (bench) => {
      await bench.joined();
      const dest = { ip: ipBytes(bench.peer.ip) ?? new Uint8Array(0), port: 7946, zone: '' };
      const answer = queryResponseCodec.encode({
        ltime: 9,
        id: 1,
        from: 'r',
        flags: 0,
        payload: Buffer.from('y'),
      });
      await bench.steps([
        ['relay', encodeRelay({ dest, destName: 'p' }, answer)],
        ['relay without a name', encodeRelay({ dest, destName: '' }, answer)],
        ...[
          '',
          '00',
          '01',
          '02',
          '0280',
          '06c0',
          '09c1',
          '0a00',
          'ff',
          '0080',
          '0180',
          '0380',
          '00c0',
          '019203a15a',
        ].map((text): Step => [text, hex(text)]),
      ]);
    });
  });

  it('tags of a member: replaced, the bare role, damaged ones', async () => {
    await same(async (bench) => {
      await bench.joined();
      for (const meta of [
        'ff81a161a162',
        '776562',
        '',
        'ff82a161a162a1',
        'ff05',
        'ff81a16105',
        'ff81a161a2fffe',
        'ff',
      ]) {
        await bench.step(meta, () => bench.peer.announce(bench.ip, { meta: hex(meta) }));
      }
    });
  });

  it("the agents' own messages, byte for byte", async () => {
    await same(async (bench) => {
      await bench.joined();
      const rpc = await connected(bench.ip);
      const say = (command: string, body: Record<string, unknown>): Promise<void> =>
        bench.step(command, async () => bench.note(await rpc.ask(command, body)));
      await say('event', { Name: 'own', Payload: Buffer.from('p'), Coalesce: true });
      await say('event', { Name: 'own', Payload: null, Coalesce: false });
      await say('force-leave', { Node: 'nobody', Prune: true });
      await say('force-leave', { Node: 'node-a', Prune: false });
      await say('tags', { Tags: { new: '1' }, DeleteTags: ['dc'] });
      await say('join', { Existing: [bench.peer.ip], Replay: false });
      rpc.send(request('leave', 7));
      bench.note(await rpc.listen(5_000));
      bench.note(bench.heard());
      rpc.close();
    });
  });
});
