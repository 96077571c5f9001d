import { describe, expect, it } from 'vitest';
import { bytesOfText } from '../../../src/base/bytes.ts';
import { keyRequestCodec, keyResponseCodec } from '../../../src/serf/messages.ts';
import { separate } from '../../../src/sim/weather.ts';
import { World } from '../../../src/sim/world.ts';
import { Keyring } from '../../../src/wire/keyring.ts';
import { addSerf, type SerfNode, serfCluster } from '../../support/serf-node.ts';

const ALL_ALIVE = ['n1:alive', 'n2:alive', 'n3:alive'];

function three(settings: Parameters<typeof serfCluster>[2] = {}): { world: World; nodes: SerfNode[] } {
  const world = new World(7);
  return { world, nodes: serfCluster(world, 3, settings) };
}

function answersOf(node: SerfNode, operation: number): string[] {
  return (node.answers.get(operation) ?? []).map((answer) =>
    answer === undefined
      ? 'end'
      : `${answer.type} ${answer.from} ${Buffer.from(answer.payload ?? []).toString()}`.trim(),
  );
}

describe('joining', () => {
  it('every node sees every other one alive, once', () => {
    const { nodes } = three({ tags: { role: 'web' } });
    for (const node of nodes) {
      expect(node.view()).toEqual(ALL_ALIVE);
      for (const other of nodes) expect(node.story(other.name)).toEqual(['member-join']);
      expect(node.member('n2')?.tags).toEqual(new Map([['role', 'web']]));
    }
    expect([...nodes[1]!.outcomes.values()]).toEqual([{ type: 'joined', contacted: 1, failures: [] }]);
  });

  it('a node that joined announces it, so that its status time is the same everywhere', () => {
    const { world, nodes } = three();
    world.run(10_000);
    expect(nodes[0]!.texts().filter((text) => text === 'messageJoinType: n2').length).toBeGreaterThan(0);
    expect(nodes[0]!.serf.stats().get('intent_queue')).toBe('0');
  });

  it('a lone node has the statistics of a fresh one', () => {
    const node = addSerf(new World(1), 'solo', 1);
    expect(Object.fromEntries(node.serf.stats())).toEqual({
      members: '1',
      failed: '0',
      left: '0',
      health_score: '0',
      member_time: '1',
      event_time: '1',
      query_time: '1',
      intent_queue: '0',
      event_queue: '0',
      query_queue: '0',
      encrypted: 'false',
      coordinate_resets: '0',
    });
    expect(node.serf.localMember()).toMatchObject({
      name: 'solo',
      status: 'alive',
      delegateCur: 5,
      protocolMax: 5,
    });
  });

  it('a join that nobody answers settles with its failures and announces nothing', () => {
    const world = new World(1);
    const node = addSerf(world, 'n1', 1);
    const operation = node.run((now, id) =>
      node.serf.join(now, id, [{ address: { ip: '127.0.0.99', port: 7946 }, label: 'gone' }], {
        ignoreOld: false,
      }),
    );
    world.run(15_000);
    expect(node.outcomes.get(operation)).toMatchObject({ type: 'joined', contacted: 0, failures: [{}] });
    expect(node.serf.stats().get('member_time')).toBe('1');
  });
});

describe('leaving', () => {
  it('peers see a member that left as left, and the leave ends done', () => {
    const { world, nodes } = three();
    const operation = nodes[2]!.run((now, id) => nodes[2]!.serf.leave(now, id));
    expect(nodes[2]!.serf.state).toBe('leaving');
    world.run(8_000);
    expect(nodes[2]!.outcomes.get(operation)).toEqual({ type: 'done' });
    expect(nodes[2]!.serf.state).toBe('left');
    expect(nodes[0]!.view()).toEqual(['n1:alive', 'n2:alive', 'n3:left']);
    expect(nodes[1]!.story('n3')).toEqual(['member-join', 'member-leave']);
    expect(nodes[0]!.serf.stats().get('left')).toBe('1');
  });

  it('a join that ends once we leave does not take the leave back', () => {
    const { world, nodes } = three();
    nodes[2]!.join(nodes[0]!);
    nodes[2]!.run((now, id) => nodes[2]!.serf.leave(now, id));
    world.run(8_000);
    expect(nodes[2]!.story('n3')).toEqual(['member-join', 'member-leave']);
    for (const node of nodes) expect(node.view()).toEqual(['n1:alive', 'n2:alive', 'n3:left']);
  });

  it('an exchange of states that overtakes the word of a leave does not hide it', () => {
    const { world, nodes } = three();
    nodes[2]!.run((now, id) => nodes[2]!.serf.leave(now, id));
    nodes[1]!.join(nodes[2]!);
    world.run(8_000);
    for (const node of nodes) expect(node.story('n3')).toEqual(['member-join', 'member-leave']);
  });

  it('a lone node leaves after the propagate delay alone', () => {
    const world = new World(1);
    const node = addSerf(world, 'n1', 1);
    const operation = node.run((now, id) => node.serf.leave(now, id));
    world.run(999);
    expect(node.outcomes.has(operation)).toBe(false);
    world.run(2);
    expect(node.outcomes.get(operation)).toEqual({ type: 'done' });
  });

  it('a second leave during the first is refused, after it is done it succeeds, after shutdown it is refused', () => {
    const world = new World(1);
    const node = addSerf(world, 'n1', 1);
    node.run((now, id) => node.serf.leave(now, id));
    expect(() => node.run((now, id) => node.serf.leave(now, id))).toThrow('Leave already in progress');
    expect(() => node.run((now, id) => node.serf.join(now, id, [], { ignoreOld: false }))).toThrow(
      "Serf can't Join after Leave or Shutdown",
    );
    world.run(2_000);
    const again = node.run((now, id) => node.serf.leave(now, id));
    expect(node.outcomes.get(again)).toEqual({ type: 'done' });
    node.run((now) => node.serf.shutdown(now));
    expect(() => node.run((now, id) => node.serf.leave(now, id))).toThrow('Leave called after Shutdown');
  });

  it('a leave goes on, with a warning, when its broadcasts are not sent in time', () => {
    const { world, nodes } = three({
      broadcastTimeoutMs: 1_000,
      swim: { gossipIntervalMs: 60_000, probeIntervalMs: 60_000 },
    });
    const operation = nodes[1]!.run((now, id) => nodes[1]!.serf.leave(now, id));
    world.run(3_100);
    expect(nodes[1]!.outcomes.get(operation)).toEqual({ type: 'done' });
    expect(nodes[1]!.texts()).toContain('timeout while waiting for graceful leave');
    expect(nodes[1]!.texts()).toContain('timeout waiting for leave broadcast');
  });

  it('a node that left may come back: its leave was for an older time', () => {
    const { world, nodes } = three();
    nodes[2]!.run((now, id) => nodes[2]!.serf.leave(now, id));
    world.run(8_000);
    world.kill(nodes[2]!.address);
    const back = addSerf(world, 'n3', 3, { tags: { role: 'new' } });
    back.join(nodes[0]!);
    world.run(10_000);
    for (const node of [nodes[0]!, nodes[1]!, back]) expect(node.view()).toEqual(ALL_ALIVE);
    expect(nodes[0]!.member('n3')?.tags).toEqual(new Map([['role', 'new']]));
  });

  it('shutdown aborts what is under way and says that there was no leave', () => {
    const { world, nodes } = three();
    const leave = nodes[1]!.run((now, id) => nodes[1]!.serf.leave(now, id));
    const query = nodes[1]!.ask({ name: 'load' });
    nodes[1]!.run((now) => nodes[1]!.serf.shutdown(now));
    expect(nodes[1]!.outcomes.get(leave)).toEqual({ type: 'aborted' });
    expect(answersOf(nodes[1]!, query).at(-1)).toBe('end');
    expect(nodes[1]!.texts()).toContain('Shutdown without a Leave');
    expect(nodes[1]!.serf.nextDeadline()).toBe(Number.POSITIVE_INFINITY);
    expect(() => nodes[1]!.run((now) => nodes[1]!.serf.userEvent(now, 'x', null, false))).toThrow(
      'shut down',
    );
    world.run(1_000);
  });
});

describe('failing', () => {
  it('a killed member fails everywhere, is reconnected when it returns, and counts as a flap', () => {
    const { world, nodes } = three();
    world.kill(nodes[2]!.address);
    world.run(25_000);
    expect(nodes[0]!.view()).toEqual(['n1:alive', 'n2:alive', 'n3:failed']);
    const back = addSerf(world, 'n3', 3);
    world.run(120_000);
    expect(nodes[0]!.story('n3')).toEqual(['member-join', 'member-failed', 'member-join']);
    expect(back.view()).toEqual(ALL_ALIVE);
    // Whichever way the dice let them try first: a reconnect, or a ping that is answered.
    const reconnected = nodes[0]!.texts().concat(nodes[1]!.texts());
    const sought = nodes.some((node) => (node.serf.counters.get('seek:pings') ?? 0) > 0);
    expect(sought || reconnected.includes('attempting reconnect to n3 127.0.0.3:7946')).toBe(true);
  });

  it('a failed member is reaped after its timeout and not before', () => {
    const { world, nodes } = three({ reconnectTimeoutMs: 60_000, reconnectIntervalMs: 1e9 });
    world.kill(nodes[2]!.address);
    world.run(60_000);
    expect(nodes[0]!.view()).toContain('n3:failed');
    world.run(40_000);
    expect(nodes[0]!.view()).toEqual(['n1:alive', 'n2:alive']);
    expect(nodes[0]!.story('n3')).toEqual(['member-join', 'member-failed', 'member-reap']);
  });

  it('a forced leave turns failed into left on every node', () => {
    const { world, nodes } = three();
    world.kill(nodes[2]!.address);
    world.run(25_000);
    const operation = nodes[0]!.run((now, id) => nodes[0]!.serf.forceLeave(now, id, 'n3', false));
    world.run(3_000);
    expect(nodes[0]!.outcomes.get(operation)).toEqual({ type: 'done' });
    expect(nodes[1]!.view()).toEqual(['n1:alive', 'n2:alive', 'n3:left']);
    expect(nodes[1]!.story('n3')).toEqual(['member-join', 'member-failed', 'member-leave']);
  });

  it('a forced leave with prune removes a failed member on every node', () => {
    const { world, nodes } = three();
    world.kill(nodes[2]!.address);
    world.run(25_000);
    nodes[0]!.run((now, id) => nodes[0]!.serf.forceLeave(now, id, 'n3', true));
    world.run(3_000);
    for (const node of nodes.slice(0, 2)) expect(node.view()).toEqual(['n1:alive', 'n2:alive']);
  });

  it('a live member refutes a forced leave, with prune too, and nothing freezes meanwhile', () => {
    const { world, nodes } = three();
    const operation = nodes[0]!.run((now, id) => nodes[0]!.serf.forceLeave(now, id, 'n3', true));
    expect(nodes[0]!.view()).toContain('n3:leaving');
    world.run(5_000);
    expect(nodes[0]!.outcomes.get(operation)).toEqual({ type: 'done' });
    expect(nodes[0]!.view()).toEqual(ALL_ALIVE);
    world.run(10_000);
    for (const node of nodes) expect(node.view()).toEqual(ALL_ALIVE);
    expect(nodes[2]!.texts()).toContain('Refuting an older leave intent');
  });

  it('the other one of two live members hears that it was declared gone, and objects', () => {
    const world = new World(7);
    const [a] = serfCluster(world, 2);
    a!.run((now, id) => a!.serf.forceLeave(now, id, 'n2', false));
    expect(a!.member('n2')?.status).toBe('leaving');
    world.run(5_000);
    expect(a!.member('n2')?.status).toBe('alive');
  });

  it('a live member whom no gossip told that it was declared gone learns it from an exchange of states, and objects', () => {
    const { world, nodes } = three();
    const [a, b, c] = nodes as [SerfNode, SerfNode, SerfNode];
    world.partition(separate([c.address]), 'deaf');
    a.run((now, id) => a.serf.forceLeave(now, id, 'n3', false));
    world.run(1_500);
    world.heal('deaf');
    expect(b.view()).toContain('n3:leaving');
    world.run(120_000);
    for (const node of nodes) expect(node.view()).toEqual(ALL_ALIVE);
    expect(b.story('n3')).toEqual(['member-join']);
  });

  it('a forced leave of an unknown name on a lone node succeeds at once', () => {
    const node = addSerf(new World(1), 'n1', 1);
    const operation = node.run((now, id) => node.serf.forceLeave(now, id, 'nobody', false));
    expect(node.outcomes.get(operation)).toEqual({ type: 'done' });
  });
});

describe('tags', () => {
  it('a change of tags is an update with the new tags on every node, ourselves included', () => {
    const { world, nodes } = three();
    const operation = nodes[1]!.run((now, id) => nodes[1]!.serf.setTags(now, id, new Map([['v', '2']])));
    world.run(3_000);
    expect(nodes[1]!.outcomes.get(operation)).toEqual({ type: 'done' });
    for (const node of nodes) {
      expect(node.member('n2')?.tags).toEqual(new Map([['v', '2']]));
      expect(node.story('n2')).toEqual(['member-join', 'member-update']);
    }
  });

  it('tags over the limit are refused and the old ones stay', () => {
    const node = addSerf(new World(1), 'n1', 1, { tags: { a: 'b' } });
    const big = new Map([['a', 'x'.repeat(600)]]);
    expect(() => node.run((now, id) => node.serf.setTags(now, id, big))).toThrow(
      'Encoded length of tags exceeds limit of 512 bytes',
    );
    expect(node.serf.localMember().tags).toEqual(new Map([['a', 'b']]));
  });
});

describe('user events', () => {
  it('an event reaches every node exactly once, the sender included', () => {
    const { world, nodes } = three();
    nodes[1]!.run((now) => nodes[1]!.serf.userEvent(now, 'deploy', bytesOfText('v1'), true));
    world.run(70_000);
    for (const node of nodes) expect(node.userEvents()).toEqual(['deploy']);
    expect(nodes[0]!.events.find((event) => event.type === 'user')).toMatchObject({
      coalesce: true,
      ltime: 1,
    });
  });

  it('a joining node hears past events in Lamport order, unless it does not want them', () => {
    const { world, nodes } = three();
    for (const name of ['one', 'two', 'three'])
      nodes[0]!.run((now) => nodes[0]!.serf.userEvent(now, name, null, false));
    const curious = addSerf(world, 'n4', 4);
    const indifferent = addSerf(world, 'n5', 5);
    curious.join(nodes[0]!);
    indifferent.join(nodes[0]!, true);
    world.run(1_000);
    expect(curious.userEvents()).toEqual(['one', 'two', 'three']);
    expect(indifferent.userEvents()).toEqual([]);
    nodes[1]!.run((now) => nodes[1]!.serf.userEvent(now, 'four', null, false));
    world.run(3_000);
    expect(indifferent.userEvents()).toEqual(['four']);
  });
});

describe('queries', () => {
  function respond(node: SerfNode, text: string): void {
    const query = node.queries().at(-1)!;
    node.run((now) => node.serf.respond(now, query.id, bytesOfText(text)));
  }

  it('acks come from every node, answers from those that give one, and the end comes at the deadline', () => {
    const { world, nodes } = three();
    const operation = nodes[0]!.ask({ name: 'load', requestAck: true });
    world.run(1_000);
    respond(nodes[0]!, '0.1');
    respond(nodes[2]!, '0.3');
    world.run(2_199);
    expect(answersOf(nodes[0]!, operation)).not.toContain('end');
    world.run(2);
    const answers = answersOf(nodes[0]!, operation);
    expect(answers.slice(0, -1).sort()).toEqual([
      'ack n1',
      'ack n2',
      'ack n3',
      'response n1 0.1',
      'response n3 0.3',
    ]);
    expect(answers.at(-1)).toBe('end');
  });

  it('only nodes that pass every filter see a query, but others pass it on', () => {
    const { world, nodes } = three({ tags: { role: 'web1' } });
    nodes[1]!.run((now, id) => nodes[1]!.serf.setTags(now, id, new Map([['role', 'db']])));
    world.run(3_000);
    const operation = nodes[0]!.ask({
      name: 'load',
      requestAck: true,
      filterNodes: ['n2', 'n3'],
      filterTags: new Map([['role', '^web\\d$']]),
      relayFactor: 1,
    });
    world.run(5_000);
    expect(nodes.map((node) => node.queries().length)).toEqual([0, 0, 1]);
    expect(answersOf(nodes[0]!, operation)).toEqual(['ack n3', 'end']);
    expect(nodes[0]!.serf.counters.get('serf.query_duplicate_acks') ?? 0).toBeLessThanOrEqual(1);
  });

  it('an answer is sent once, before the deadline, and within the limit', () => {
    const { world, nodes } = three();
    nodes[0]!.ask({ name: 'load', timeoutMs: 2_000 });
    world.run(1_000);
    const node = nodes[1]!;
    expect(node.queries()[0]).toMatchObject({ name: 'load', sourceNode: 'n1', timeoutMs: 2_000 });
    const { id } = node.queries()[0]!;
    const big = new Uint8Array(1_100);
    const answer = (payload: Uint8Array) => () => node.run((now) => node.serf.respond(now, id, payload));
    expect(answer(big)).toThrow('failed to respond to key query: response exceeds limit of 1024 bytes');
    answer(bytesOfText('x'))();
    expect(answer(bytesOfText('x'))).toThrow('failed to respond to key query: response already sent');
    world.run(2_000);
    respondsLate(nodes[2]!);

    function respondsLate(late: SerfNode): void {
      const query = late.queries()[0]!;
      expect(() => late.run((now) => late.serf.respond(now, query.id, bytesOfText('x')))).toThrow(
        'failed to respond to key query: response is past the deadline',
      );
    }
  });

  it('a query over the limit is refused, a bigger limit lets it through', () => {
    const node = addSerf(new World(1), 'n1', 1);
    const big = { name: 'q', payload: new Uint8Array(1_000) };
    expect(() => node.ask(big)).toThrow('query exceeds limit of 1024 bytes');
    expect(node.serf.stats().get('query_time')).toBe('1');
    const generous = addSerf(new World(1), 'n1', 1, { querySizeLimit: 2_048 });
    expect(() => generous.ask(big)).not.toThrow();
  });

  it('below protocol 4 there are no queries', () => {
    const node = addSerf(new World(1), 'n1', 1, { protocolVersion: 3 });
    expect(() => node.ask({ name: 'q' })).toThrow('Feature not supported');
  });

  it('internal queries are answered and never published', () => {
    const { world, nodes } = three();
    const ping = nodes[0]!.ask({ name: '_serf_ping', requestAck: true });
    const unknown = nodes[0]!.ask({ name: '_serf_nonsense' });
    world.run(5_000);
    expect(answersOf(nodes[0]!, ping).slice(0, -1).sort()).toEqual(['ack n1', 'ack n2', 'ack n3']);
    expect(answersOf(nodes[0]!, unknown)).toEqual(['end']);
    expect(nodes.flatMap((node) => node.queries())).toEqual([]);
    expect(nodes[1]!.texts()).toContain("Unhandled internal query 'nonsense'");
  });
});

describe('keys', () => {
  const FIRST = new Uint8Array(32).fill(1);
  const SECOND = new Uint8Array(32).fill(2);

  function encrypted(): { world: World; nodes: SerfNode[]; rings: Keyring[] } {
    const world = new World(3);
    const rings = [1, 2].map(() => new Keyring([], FIRST));
    const nodes = rings.map((keyring, i) => addSerf(world, `n${i + 1}`, i + 1, { swim: { keyring } }));
    nodes[1]!.join(nodes[0]!);
    world.run(3_000);
    return { world, nodes, rings };
  }

  function keyQuery(world: World, node: SerfNode, action: string, payload: Uint8Array | null) {
    const operation = node.ask({ name: `_serf_${action}`, payload });
    world.run(5_000);
    return (node.answers.get(operation) ?? []).flatMap((answer) =>
      answer?.payload == null ? [] : [keyResponseCodec.decode(answer.payload)],
    );
  }

  const request = (key: Uint8Array): Uint8Array => keyRequestCodec.encode({ key });

  it('keys are installed, used, listed and removed on every node', () => {
    const { world, nodes, rings } = encrypted();
    const ok = { result: true, message: '' };
    expect(keyQuery(world, nodes[0]!, 'install-key', request(SECOND))).toMatchObject([ok, ok]);
    expect(keyQuery(world, nodes[0]!, 'use-key', request(SECOND))).toMatchObject([ok, ok]);
    const [listing] = keyQuery(world, nodes[1]!, 'list-keys', request(new Uint8Array(0)));
    expect(listing).toMatchObject({ primaryKey: Buffer.from(SECOND).toString('base64') });
    expect(listing!.keys).toHaveLength(2);
    expect(keyQuery(world, nodes[0]!, 'remove-key', request(FIRST))).toMatchObject([ok, ok]);
    for (const keyring of rings) expect(keyring.list()).toEqual([SECOND]);
    expect(nodes[0]!.serf.stats().get('encrypted')).toBe('true');
  });

  it.each([
    ['install-key', request(new Uint8Array(5)), 'key size must be 16, 24 or 32 bytes'],
    ['use-key', request(SECOND), 'requested key is not in the keyring'],
    ['remove-key', request(FIRST), 'removing the primary key is not allowed'],
    ['install-key', null, 'key request is empty'],
    ['install-key', new Uint8Array(0), 'key request is empty'],
    ['use-key', Uint8Array.of(7, 0xc1), ''],
    ['remove-key', Uint8Array.of(9, 0x80), ''],
  ])('%s that cannot be done is answered with its reason %#', (action, payload, message) => {
    const { world, nodes } = encrypted();
    const answers = keyQuery(world, nodes[0]!, action, payload);
    expect(answers).toMatchObject([
      { result: false, message },
      { result: false, message },
    ]);
  });

  it('nodes without a keyring say so', () => {
    const { world, nodes } = three();
    const message = 'No keyring to modify (encryption not enabled)';
    expect(keyQuery(world, nodes[0]!, 'install-key', request(SECOND))).toMatchObject([
      { message },
      { message },
      { message },
    ]);
    const listing = keyQuery(world, nodes[0]!, 'list-keys', request(new Uint8Array(0)));
    expect(listing[0]).toMatchObject({ result: false, message: 'Keyring is empty (encryption not enabled)' });
  });

  it('a listing that does not fit shows the first keys and says how many there are', () => {
    const world = new World(3);
    const keys = Array.from({ length: 25 }, (_, i) => new Uint8Array(32).fill(i));
    const node = addSerf(world, 'n1', 1, { swim: { keyring: new Keyring(keys, keys[0]) } });
    const [listing] = keyQuery(world, node, 'list-keys', request(new Uint8Array(0)));
    expect(listing).toMatchObject({
      result: true,
      message: 'truncated key list response, showing first 17 of 25 keys',
    });
    expect(listing!.keys).toHaveLength(17);
  });
});

describe('two nodes with one name', () => {
  it('the later claimant loses the vote and must go', () => {
    const { world, nodes } = three();
    const twin = addSerf(world, 'n2', 9);
    twin.join(nodes[0]!);
    world.run(20_000);
    expect(twin.evictions).toHaveLength(1);
    expect(twin.evictions[0]).toMatch(/^minority in name conflict resolution, quitting \[0 \/ \d\]$/);
    expect(twin.serf.state).toBe('shutdown');
    expect(nodes[1]!.evictions).toEqual([]);
    expect(nodes[1]!.serf.state).toBe('alive');
    expect(
      nodes[0]!.texts().some((text) => text.startsWith("Name conflict for 'n2' both 127.0.0.2:7946")),
    ).toBe(true);
  });

  it('with resolution off it is only told', () => {
    const { world, nodes } = three();
    const twin = addSerf(world, 'n2', 9, { enableNameConflictResolution: false });
    twin.join(nodes[0]!);
    world.run(20_000);
    expect(twin.evictions).toEqual([]);
    expect(twin.texts()).toContain(
      'Node name conflicts with another node at 127.0.0.2:7946. Names must be unique! (Resolution enabled: false)',
    );
  });
});

describe('merge hook', () => {
  it('a veto cancels the join on both sides', () => {
    const world = new World(1);
    const picky = addSerf(world, 'n1', 1, {
      admit: (members) => (members.some((member) => member.tags.has('bad')) ? 'no bad members' : undefined),
    });
    const bad = addSerf(world, 'n2', 2, { tags: { bad: '1' } });
    bad.join(picky);
    world.run(10_000);
    expect(picky.view()).toEqual(['n1:alive']);
  });
});
