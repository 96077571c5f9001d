import { describe, expect, it } from 'vitest';
import { World } from '../../../src/sim/world.ts';
import { Keyring } from '../../../src/wire/keyring.ts';
import { addSerf, type SerfNode, type SerfSettings } from '../../support/serf-node.ts';

const KEY = Buffer.from('0123456789abcdef');
const OTHER_KEY = Buffer.from('fedcba9876543210');
const keyed = (key: Uint8Array): SerfSettings => ({ swim: { keyring: new Keyring([], key) } });
const labelled = (label: string): SerfSettings => ({ swim: { label: Buffer.from(label) } });

/** What the asker of a join is told. */
function failureOf(node: SerfNode, operation: number): string {
  const outcome = node.outcomes.get(operation);
  if (outcome?.type !== 'joined') throw new Error('the join is not over');
  expect(outcome.contacted).toBe(0);
  return outcome.failures.map(({ text }) => text).join();
}

describe('a join that fails says why', () => {
  it.each<[string, SerfSettings, SerfSettings, RegExp]>([
    [
      'another key',
      keyed(KEY),
      keyed(OTHER_KEY),
      /^no installed keys .* \(the two nodes have different encrypt/i,
    ],
    [
      'a key at the peer alone',
      {},
      keyed(KEY),
      /^remote state is encrypted .* \(the peer has an encrypt key and this node has none\)$/,
    ],
    [
      'a key here alone',
      keyed(KEY),
      {},
      /not encrypted \(this node has an encrypt key and the peer has none\)$/,
    ],
    ['another label', labelled('one'), labelled('two'), /^EOF: .* its cluster label may differ from ours/],
    ['a label at the peer alone', {}, labelled('two'), /^EOF: .* its cluster label may differ from ours/],
    ['a label here alone', labelled('one'), {}, /^EOF: .* its cluster label may differ from ours/],
    ['a refusal by the hook', { admit: () => 'not you' }, {}, /^not you$/],
  ])('%s', (_title, ours, theirs, text) => {
    const world = new World(3);
    const [peer, node] = [addSerf(world, 'n1', 1, theirs), addSerf(world, 'n2', 2, ours)];
    const operation = node.join(peer);
    world.run(15_000);
    expect(failureOf(node, operation)).toMatch(text);
  });

  it('a closed port', () => {
    const world = new World(3);
    const [peer, node] = [addSerf(world, 'n1', 1), addSerf(world, 'n2', 2)];
    world.kill(peer.address);
    const operation = node.join(peer);
    world.run(15_000);
    expect(failureOf(node, operation)).toBe('dial tcp 127.0.0.1:7946: connect: connection refused');
  });

  it('a host that cannot be reached', () => {
    const world = new World(3);
    const [peer, node] = [addSerf(world, 'n1', 1), addSerf(world, 'n2', 2)];
    world.partition(() => true);
    const operation = node.join(peer);
    world.run(15_000);
    expect(failureOf(node, operation)).toBe('dial tcp 127.0.0.1:7946: i/o timeout');
  });
});

describe('a join that succeeds into trouble says so in the log', () => {
  it('datagrams that do not pass: a warning with the address within seconds, and a count for agent info', () => {
    const world = new World(3);
    const [peer, node] = [addSerf(world, 'n1', 1), addSerf(world, 'n2', 2)];
    world.weather.loss = 1;
    node.join(peer);
    world.run(5_000);
    expect(node.texts()).toContain(
      'Was able to connect to n1 over TCP but UDP probes failed, network may be misconfigured: let UDP through to and from 127.0.0.1:7946',
    );
    expect(node.serf.counters.get('drop:udp-blocked')).toBeGreaterThan(0);
  });

  it('a name that a live member has: its address, and that names must be unique', () => {
    const world = new World(3);
    const [seed, owner] = [addSerf(world, 'n1', 1), addSerf(world, 'twin', 2)];
    owner.join(seed);
    world.run(5_000);
    const late = addSerf(world, 'twin', 3);
    late.join(seed);
    world.run(100);
    expect(late.texts()).toContain(
      'Node name conflicts with another node at 127.0.0.2:7946. Names must be unique! (Resolution enabled: true)',
    );
    world.run(20_000);
    expect(late.evictions).toEqual([
      expect.stringMatching(/^minority in name conflict resolution, quitting \[0 \/ \d\]$/),
    ]);
    expect(owner.evictions).toEqual([]);
  });
});
