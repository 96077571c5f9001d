import { describe, expect, it } from 'vitest';
import { CodedError } from '../../../src/base/errors.ts';
import type { MemberStatus } from '../../../src/events/event.ts';
import type { Outcome } from '../../../src/serf/effects.ts';
import { KeyManager, type KeyRequest, WAITING_KEY_OPERATIONS } from '../../../src/serf/key-manager.ts';
import type { KeyReport } from '../../../src/serf/key-report.ts';
import type { SerfMember } from '../../../src/serf/members.ts';
import { type KeyResponseMessage, keyResponseCodec } from '../../../src/serf/messages.ts';
import type { QueryParams } from '../../../src/serf/query-params.ts';
import type { AnswerSink } from '../../../src/serf/responses.ts';
import { World } from '../../../src/sim/world.ts';
import { Keyring } from '../../../src/wire/keyring.ts';
import { addSerf, type SerfNode } from '../../support/serf-node.ts';
import { bench, facts } from '../../support/serf-parts.ts';

const key = (fill: number, size = 32): Uint8Array => new Uint8Array(size).fill(fill);
const text = (fill: number, size = 32): string => Buffer.from(key(fill, size)).toString('base64');
const OLD = text(1);
const NEW = text(2);

const YES: KeyResponseMessage = { result: true, message: '', keys: [], primaryKey: '' };
const no = (message: string): KeyResponseMessage => ({ ...YES, result: false, message });
const holds = (...keys: string[]): KeyResponseMessage => ({ ...YES, keys, primaryKey: keys[0] ?? '' });

function member(name: string, status: MemberStatus): SerfMember {
  return { name, facts: facts(name), tags: new Map(), status, statusLTime: 0, leaveTime: undefined };
}

interface Asked {
  readonly params: QueryParams;
  readonly sink: AnswerSink;
  isOver: boolean;
}

/** A key manager whose queries go nowhere: the test answers them. */
function rig(
  options: { members?: Readonly<Record<string, MemberStatus>>; keyring?: Keyring | undefined } = {},
) {
  const { members = { a: 'alive', b: 'alive', c: 'alive' } } = options;
  const { trace, texts } = bench();
  const asked: Asked[] = [];
  const outcomes = new Map<number, Outcome>();
  let live = Object.values(members).filter((status) => status === 'alive').length;
  let fault: CodedError | undefined;
  let operation = 0;
  const end = (query: Asked): void => {
    if (query.isOver) return;
    query.isOver = true;
    query.sink(0, undefined);
  };
  const manager = new KeyManager({
    asking: {
      ask: (_now, params, sink) => {
        if (fault !== undefined) throw fault;
        asked.push({ params, sink, isOver: false });
        return { ltime: asked.length, timeoutMs: 1 };
      },
      over: (_now, ltime) => end(asked[ltime - 1]!),
    },
    keyring: 'keyring' in options ? options.keyring : new Keyring([key(2), key(1)], key(2)),
    members: { values: () => Object.entries(members).map(([name, status]) => member(name, status)) },
    liveCount: () => live,
    trace,
    settle: (id, outcome) => {
      if (outcomes.has(id)) throw new Error('settled twice');
      outcomes.set(id, outcome);
    },
  });
  return {
    manager,
    asked,
    outcomes,
    texts,
    failWith: (error: CodedError | undefined) => {
      fault = error;
    },
    setLive: (count: number) => {
      live = count;
    },
    /** Starts an operation and returns its number. */
    start(request: KeyRequest): number {
      operation += 1;
      manager.start(0, operation, request);
      return operation;
    },
    /** Answers the newest query, one member after another. */
    answer(answers: Readonly<Record<string, KeyResponseMessage | Uint8Array>>): void {
      const query = asked.at(-1)!;
      for (const [from, answer] of Object.entries(answers)) {
        const payload = answer instanceof Uint8Array ? answer : keyResponseCodec.encode(answer);
        query.sink(0, { type: 'response', from, payload });
      }
    },
    /** The newest query's deadline comes. */
    expire: () => end(asked.at(-1)!),
    report(id: number): KeyReport | undefined {
      const outcome = outcomes.get(id);
      return outcome?.type === 'keys' ? outcome.report : undefined;
    },
    names: () => asked.map(({ params }) => params.name.replace('_serf_', '')),
  };
}

describe('what is asked', () => {
  it.each([
    ['install', '_serf_install-key'],
    ['use', '_serf_use-key'],
  ] as const)('%s asks every node by %s, with the raw key and the default timeout', (action, name) => {
    const on = rig();
    on.start({ action, key: text(0, 16), relayFactor: 3 });
    const payload = Buffer.from(`0781a34b6579b0${'00'.repeat(16)}`, 'hex');
    expect(on.asked[0]?.params).toEqual({
      name,
      payload: new Uint8Array(payload),
      filterNodes: [],
      filterTags: new Map(),
      requestAck: false,
      relayFactor: 3,
      timeoutMs: 0,
      until: 'deadline',
    });
  });

  it('a listing carries an empty key, whatever key it was given', () => {
    const on = rig();
    on.start({ action: 'list', key: 'nonsense!' });
    expect(Buffer.from(on.asked[0]?.params.payload ?? []).toString('hex')).toBe('0781a34b6579a0');
  });

  it.each([
    ['nonsense!', 'illegal base64 data at input byte 8'],
    ['!', 'illegal base64 data at input byte 0'],
    ['AAA', 'illegal base64 data at input byte 0'],
  ])('key %j is refused by the decoder and asks nobody', (bad, error) => {
    const on = rig();
    const id = on.start({ action: 'install', key: bad });
    const none = new Map();
    expect(on.report(id)).toEqual({
      error,
      numNodes: 0,
      numResp: 0,
      numErr: 0,
      messages: none,
      keys: none,
      primaryKeys: none,
    });
    expect(on.asked).toEqual([]);
  });

  it('a query that cannot start is the error of the operation, and the next one runs', () => {
    const on = rig();
    on.failWith(new CodedError('ERR_FEATURE', 'Feature not supported'));
    expect(on.report(on.start({ action: 'use', key: NEW }))).toMatchObject({
      error: 'Feature not supported',
      numNodes: 0,
    });
    on.failWith(undefined);
    on.start({ action: 'list' });
    expect(on.names()).toEqual(['list-keys']);
  });
});

describe('what is reported', () => {
  it('success as soon as all nodes have confirmed, without waiting for the deadline', () => {
    const on = rig();
    const id = on.start({ action: 'install', key: NEW });
    on.answer({ a: YES, b: YES });
    expect(on.report(id)).toBeUndefined();
    on.answer({ c: YES });
    expect(on.asked[0]?.isOver).toBe(true);
    const report = on.report(id);
    expect(report).toMatchObject({ numNodes: 3, numResp: 3, numErr: 0 });
    expect(report).not.toHaveProperty('error');
    expect(report?.primaryKeys).toEqual(new Map([['', 3]]));
  });

  it('failures count as answers: all have responded', () => {
    const on = rig();
    const id = on.start({ action: 'use', key: NEW });
    on.answer({ a: YES, b: no('requested key is not in the keyring'), c: no('') });
    expect(on.report(id)).toMatchObject({ error: '2/3 nodes reported failure', numResp: 3, numErr: 2 });
    expect(on.report(id)?.messages).toEqual(
      new Map([
        ['b', 'requested key is not in the keyring'],
        ['c', ''],
      ]),
    );
  });

  it('silence fails the operation at the deadline', () => {
    const on = rig();
    const id = on.start({ action: 'install', key: NEW });
    on.answer({ a: YES, b: YES });
    on.expire();
    expect(on.report(id)).toMatchObject({ error: '2/3 nodes reported success', numResp: 2, numErr: 0 });
  });

  it('failure is told before silence', () => {
    const on = rig();
    const id = on.start({ action: 'install', key: NEW });
    on.answer({ a: no('disk full') });
    on.expire();
    expect(on.report(id)?.error).toBe('1/3 nodes reported failure');
  });

  it('nodes are counted after the question went out', () => {
    const on = rig();
    on.setLive(2);
    const id = on.start({ action: 'install', key: NEW });
    on.setLive(9);
    on.answer({ a: YES, b: YES });
    expect(on.report(id)).toMatchObject({ numNodes: 2 });
  });

  it.each([
    ['empty', new Uint8Array(0), 'Invalid key query response type: []'],
    ['of another type', Uint8Array.of(6, 0x80, 3), 'Invalid key query response type: [6 128 3]'],
    ['damaged', Uint8Array.of(8, 0xc1), 'Failed to decode key query response: [8 193]'],
  ])('an answer that is %s is a failure with its bytes', (_what, bytes, message) => {
    const on = rig();
    const id = on.start({ action: 'list' });
    on.answer({ a: holds(NEW), b: bytes, c: holds(NEW) });
    expect(on.report(id)).toMatchObject({ error: '1/3 nodes reported failure', numErr: 1, numResp: 3 });
    expect(on.report(id)?.messages).toEqual(new Map([['b', message]]));
    expect(on.report(id)?.keys).toEqual(new Map([[NEW, 2]]));
  });

  it('a listing counts keys and primary keys, also of a node that failed', () => {
    const on = rig();
    const id = on.start({ action: 'list' });
    on.answer({ a: holds(NEW, OLD), b: holds(OLD), c: { ...holds(OLD, NEW), result: false } });
    const report = on.report(id);
    expect(report?.keys).toEqual(
      new Map([
        [NEW, 2],
        [OLD, 3],
      ]),
    );
    expect(report?.primaryKeys).toEqual(
      new Map([
        [NEW, 1],
        [OLD, 2],
      ]),
    );
  });

  it('a message beside success is kept and logged: a truncated listing is one', () => {
    const on = rig({ members: { a: 'alive' } });
    const message = 'truncated key list response, showing first 1 of 30 keys';
    const id = on.start({ action: 'list' });
    on.answer({ a: { ...holds(NEW), message } });
    expect(on.report(id)).not.toHaveProperty('error');
    expect(on.report(id)?.messages).toEqual(new Map([['a', message]]));
    expect(on.texts()).toEqual([message]);
  });
});

describe('one at a time', () => {
  it.each([
    ['install', 'list', false],
    ['list', 'use', false],
    ['use', 'install', false],
    ['list', 'list', true],
  ] as const)('during %s, %s runs at once: %s', (first, second, atOnce) => {
    const on = rig();
    on.start({ action: first, key: NEW });
    on.start({ action: second, key: NEW });
    expect(on.asked).toHaveLength(atOnce ? 2 : 1);
    if (!atOnce) on.expire();
    expect(on.asked).toHaveLength(2);
  });

  it('a listing does not overtake a change that waits', () => {
    const on = rig();
    on.start({ action: 'list' });
    on.start({ action: 'use', key: NEW });
    on.start({ action: 'list' });
    expect(on.names()).toEqual(['list-keys']);
    on.expire();
    expect(on.names()).toEqual(['list-keys', 'use-key']);
    on.expire();
    expect(on.names()).toEqual(['list-keys', 'use-key', 'list-keys']);
  });

  it('only so many wait; one more is refused and changes nothing for them', () => {
    const on = rig();
    for (let i = 0; i <= WAITING_KEY_OPERATIONS; i += 1) on.start({ action: 'install', key: NEW });
    expect(() => on.start({ action: 'list' })).toThrow('64 key operations are waiting already');
    on.expire();
    expect(on.start({ action: 'list' })).toBeGreaterThan(0);
    expect(on.asked).toHaveLength(2);
  });

  it('a stop ends those that run and those that wait, once each', () => {
    const on = rig();
    on.start({ action: 'remove', key: OLD });
    on.start({ action: 'list' });
    on.manager.abort();
    on.expire();
    expect([...on.outcomes]).toEqual([
      [1, { type: 'aborted' }],
      [2, { type: 'aborted' }],
    ]);
    expect(on.names()).toEqual(['list-keys']);
  });
});

describe('a removal', () => {
  const both = holds(NEW, OLD);

  it('asks who has the primary key first, and removes when all have', () => {
    const on = rig();
    const id = on.start({ action: 'remove', key: OLD });
    expect(on.names()).toEqual(['list-keys']);
    on.answer({ a: both, b: both, c: holds(NEW) });
    expect(on.names()).toEqual(['list-keys', 'remove-key']);
    on.answer({ a: YES, b: YES, c: YES });
    const report = on.report(id);
    expect(report).toMatchObject({ numNodes: 3, numResp: 3, numErr: 0, keys: new Map() });
    expect(report).not.toHaveProperty('error');
  });

  it.each<[string, KeyResponseMessage | undefined, string]>([
    ['lacks it', holds(OLD), 'lacks the primary key'],
    ['still encrypts with the old one', holds(OLD, NEW), 'still encrypts with the key to be removed'],
    ['is silent', undefined, 'did not answer, so its keys are unknown'],
    [
      'has no keyring',
      no('Keyring is empty (encryption not enabled)'),
      'Keyring is empty (encryption not enabled)',
    ],
    ['fails without a word', no(''), 'cannot list its keys'],
    [
      'names no primary key, as old versions do, and encrypts with the old one',
      { ...holds(OLD, NEW), primaryKey: '' },
      'still encrypts with the key to be removed',
    ],
    [
      'shows too few of its keys',
      { ...holds(OLD), message: 'truncated key list response, showing first 1 of 2 keys' },
      'may lack the primary key: truncated key list response, showing first 1 of 2 keys',
    ],
  ])('is refused while a member %s', (_what, listing, why) => {
    const on = rig();
    const id = on.start({ action: 'remove', key: OLD });
    on.answer({ a: both, b: both, ...(listing === undefined ? {} : { c: listing }) });
    on.expire();
    expect(on.names()).toEqual(['list-keys']);
    expect(on.report(id)).toMatchObject({ numNodes: 3, numErr: 1, numResp: listing === undefined ? 2 : 3 });
    expect(on.report(id)?.messages).toEqual(new Map([['c', why]]));
    expect(on.report(id)?.error).toBe(
      'key not removed: c could be locked out, not having confirmed the primary key; ' +
        'install and use it again, force-leave members that are gone, or override with -force',
    );
  });

  it('is refused while a failed member may come back with old keys, not for one that left', () => {
    const failed = rig({ members: { a: 'alive', b: 'failed', c: 'left' } });
    const id = failed.start({ action: 'remove', key: OLD });
    failed.answer({ a: both });
    expect(failed.report(id)?.messages).toEqual(new Map([['b', 'is failed, so its keys are unknown']]));
    const left = rig({ members: { a: 'alive', b: 'left', c: 'leaving' } });
    left.start({ action: 'remove', key: OLD });
    left.answer({ a: both });
    expect(left.names()).toEqual(['list-keys', 'remove-key']);
  });

  it('names ten members and the number of the others', () => {
    const names = Array.from({ length: 12 }, (_, i) => `n${String(i + 10)}`);
    const on = rig({ members: Object.fromEntries(names.map((name) => [name, 'alive'] as const)) });
    const id = on.start({ action: 'remove', key: OLD });
    on.expire();
    expect(on.report(id)?.error).toContain(
      'n10, n11, n12, n13, n14, n15, n16, n17, n18, n19 and 2 more could',
    );
  });

  it("of everybody's primary key gets the members' own refusals", () => {
    const on = rig();
    const id = on.start({ action: 'remove', key: NEW });
    on.answer({ a: both, b: both, c: both });
    expect(on.names()).toEqual(['list-keys', 'remove-key']);
    const refused = no('removing the primary key is not allowed');
    on.answer({ a: refused, b: refused, c: refused });
    expect(on.report(id)?.error).toBe('3/3 nodes reported failure');
  });

  it('of our primary key is refused while another member would drop it', () => {
    const on = rig();
    const id = on.start({ action: 'remove', key: NEW });
    on.answer({ a: both, b: holds(OLD, NEW), c: both });
    expect(on.report(id)?.messages).toEqual(new Map([['b', 'encrypts with another key']]));
  });

  it('by force asks nobody first', () => {
    const on = rig();
    on.start({ action: 'remove', key: OLD, force: true });
    expect(on.names()).toEqual(['remove-key']);
  });

  it("without a keyring of our own gets the members' answers", () => {
    const on = rig({ keyring: undefined });
    on.start({ action: 'remove', key: OLD });
    expect(on.names()).toEqual(['remove-key']);
  });

  it('lists no ring that old agents die of listing', () => {
    const keys = Array.from({ length: 18 }, (_, i) => key(i));
    const on = rig({ keyring: new Keyring(keys, keys[0]) });
    const id = on.start({ action: 'remove', key: OLD });
    expect(on.asked).toEqual([]);
    expect(on.report(id)?.error).toContain('key not removed: the keyring holds 18 keys');
    on.start({ action: 'remove', key: OLD, force: true });
    expect(on.names()).toEqual(['remove-key']);
  });

  it('is one operation: nothing else runs between listing and removing', () => {
    const on = rig();
    on.start({ action: 'remove', key: OLD });
    on.start({ action: 'use', key: OLD });
    on.answer({ a: both, b: both, c: both });
    expect(on.names()).toEqual(['list-keys', 'remove-key']);
    on.answer({ a: YES, b: YES, c: YES });
    expect(on.names()).toEqual(['list-keys', 'remove-key', 'use-key']);
  });
});

describe('in a cluster', () => {
  function cluster() {
    const world = new World(5);
    const files = new Map<string, readonly Uint8Array[]>();
    let fault: string | undefined;
    const rings = [1, 2, 3].map(() => new Keyring([], key(1)));
    const nodes = rings.map((keyring, i) => {
      const name = `n${i + 1}`;
      const persistKeyring = (keys: readonly Uint8Array[]): string | undefined => {
        if (name === 'n2' && fault !== undefined) return fault;
        files.set(name, keys);
        return undefined;
      };
      return addSerf(world, name, i + 1, { swim: { keyring }, persistKeyring });
    });
    for (const node of nodes.slice(1)) node.join(nodes[0]!);
    world.run(5_000);
    const run = (node: SerfNode, request: KeyRequest): { report: KeyReport; tookMs: number } => {
      const id = node.run((now, operation) => node.serf.keys(now, operation, request));
      const tookMs = world.runUntil(() => node.outcomes.has(id), 30_000) ?? Number.NaN;
      const outcome = node.outcomes.get(id);
      if (outcome?.type !== 'keys') throw new Error('no report');
      return { report: outcome.report, tookMs };
    };
    return {
      world,
      rings,
      files,
      nodes,
      run,
      breakDisk: (why: string) => {
        fault = why;
      },
    };
  }

  it('a whole rotation takes far less than the query timeout and writes every file', () => {
    const { nodes, rings, files, run } = cluster();
    const [a, b, c] = nodes as [SerfNode, SerfNode, SerfNode];
    for (const [node, request] of [
      [a, { action: 'install', key: NEW }],
      [b, { action: 'use', key: NEW }],
      [c, { action: 'remove', key: OLD }],
    ] as const) {
      const { report, tookMs } = run(node, request);
      expect(report).not.toHaveProperty('error');
      expect(tookMs).toBeLessThan(node.serf.defaultQueryTimeoutMs / 2);
    }
    for (const ring of rings) expect(ring.list()).toEqual([key(2)]);
    expect([...files.values()]).toEqual([[key(2)], [key(2)], [key(2)]]);
    const { report } = run(a, { action: 'list' });
    expect(report.keys).toEqual(new Map([[NEW, 3]]));
    expect(report.primaryKeys).toEqual(new Map([[NEW, 3]]));
  });

  it('a silent node costs the whole timeout and fails the change', () => {
    const { world, nodes, run } = cluster();
    world.pause(nodes[2]!.address);
    const { report, tookMs } = run(nodes[0]!, { action: 'install', key: NEW });
    expect(report.error).toBe('2/3 nodes reported success');
    expect(tookMs).toBeGreaterThanOrEqual(nodes[0]!.serf.defaultQueryTimeoutMs - 1);
  });

  it('a key of the wrong size is refused by each node', () => {
    const { nodes, run } = cluster();
    const { report } = run(nodes[0]!, { action: 'install', key: text(1, 5) });
    expect(report.error).toBe('3/3 nodes reported failure');
    expect(new Set(report.messages.values())).toEqual(new Set(['key size must be 16, 24 or 32 bytes']));
  });

  it('a file that cannot be written fails the change there, and the change stays', () => {
    const { nodes, rings, run, breakDisk } = cluster();
    breakDisk('no space left on device');
    const { report } = run(nodes[0]!, { action: 'install', key: NEW });
    expect(report.error).toBe('1/3 nodes reported failure');
    expect(report.messages).toEqual(new Map([['n2', 'no space left on device']]));
    expect(rings[1]!.list()).toEqual([key(1), key(2)]);
  });

  it('a ring that grows beyond what can surely be listed warns asker and holder, and grows', () => {
    const { nodes, rings, run } = cluster();
    for (let i = 2; i <= 17; i += 1) {
      expect(run(nodes[0]!, { action: 'install', key: text(i) }).report.messages.size).toBe(0);
    }
    const { report } = run(nodes[0]!, { action: 'install', key: text(18) });
    const warning = 'keyring now holds 18 keys; listing more than 17 may end Serf 0.9.4 agents';
    expect(report).not.toHaveProperty('error');
    expect([...report.messages.values()]).toEqual([warning, warning, warning]);
    expect(nodes[2]!.texts()).toContain(warning);
    expect(rings[2]!.size).toBe(18);
  });

  it('truncated listings are counted as far as they go, and each member says so', () => {
    const { nodes, rings, run } = cluster();
    for (const ring of rings) for (let i = 2; i <= 25; i += 1) ring.add(key(i));
    const { report } = run(nodes[0]!, { action: 'list' });
    expect(report).not.toHaveProperty('error');
    expect([...report.keys.values()]).toEqual(new Array(17).fill(3));
    const message = 'truncated key list response, showing first 17 of 25 keys';
    expect([...report.messages.values()]).toEqual([message, message, message]);
  });

  it('a stop of the node aborts what runs', () => {
    const { world, nodes } = cluster();
    const node = nodes[0]!;
    const id = node.run((now, operation) => node.serf.keys(now, operation, { action: 'install', key: NEW }));
    node.run((now) => node.serf.shutdown(now));
    world.run(10_000);
    expect(node.outcomes.get(id)).toEqual({ type: 'aborted' });
  });
});
