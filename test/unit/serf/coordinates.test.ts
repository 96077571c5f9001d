import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../src/base/random.ts';
import { COORDINATE_DEFAULTS } from '../../../src/coordinates/config.ts';
import { type Coordinate, distance, originCoordinate } from '../../../src/coordinates/coordinate.ts';
import { Coordinates } from '../../../src/serf/coordinates.ts';
import { decodePingPayload, encodePingPayload } from '../../../src/serf/ping-payload.ts';
import { World } from '../../../src/sim/world.ts';
import { addSerf, type SerfNode, serfCluster } from '../../support/serf-node.ts';
import { bench } from '../../support/serf-parts.ts';

const ORIGIN = originCoordinate(COORDINATE_DEFAULTS);
const THEIRS: Coordinate = { vec: [1, 2, 3, 4, 5, 6, 7, 8], error: 0.5, adjustment: 0.001, height: 0.002 };

function coordinatesOn(options: { disabled?: boolean; members?: readonly string[] } = {}) {
  const on = bench();
  const members = options.members ?? ['me', 'b', 'c'];
  const coordinates = new Coordinates({
    ...on,
    self: 'me',
    config: { disableCoordinates: options.disabled === true },
    random: seededRandom(1),
    knows: (name) => members.includes(name),
  });
  return { ...on, coordinates };
}

describe('what an ack brings', () => {
  it('our own coordinate is there from the start, at the origin, and goes out with acks', () => {
    const { coordinates } = coordinatesOn();
    expect(coordinates.get('me')).toEqual(ORIGIN);
    expect(decodePingPayload(coordinates.ackPayload()!)).toEqual(ORIGIN);
  });

  it('moves ours, is kept under the sender, and changes what acks say', () => {
    const { coordinates } = coordinatesOn();
    coordinates.measured('b', 20, encodePingPayload(THEIRS));
    expect(coordinates.get('b')).toEqual(THEIRS);
    expect(coordinates.get('c')).toBeUndefined();
    expect(coordinates.get('me')).not.toEqual(ORIGIN);
    expect(decodePingPayload(coordinates.ackPayload()!)).toEqual(coordinates.get('me'));
  });

  it.each<[string, Uint8Array, string, string]>([
    ['of another layout', Uint8Array.of(2, 0x80), 'Unsupported ping version: 2', 'drop:ping-version'],
    [
      'that ends early',
      encodePingPayload(THEIRS).subarray(0, 40),
      'Failed to decode coordinate from ping: ',
      'drop:msgpack-truncated',
    ],
    ['that is no map', Uint8Array.of(1, 7), 'Failed to decode coordinate from ping: ', 'drop:msgpack-type'],
  ])('a payload %s is ignored, counted and an error in the log', (_title, payload, text, counter) => {
    const { coordinates, counters, log, texts } = coordinatesOn();
    coordinates.measured('b', 20, payload);
    expect(coordinates.get('me')).toEqual(ORIGIN);
    expect(coordinates.get('b')).toBeUndefined();
    expect(counters.get(counter)).toBe(1);
    expect(log.map((record) => record.level)).toEqual(['ERR']);
    expect(texts()[0]).toContain(text);
  });

  it('no payload is no news', () => {
    const { coordinates, log, counters } = coordinatesOn();
    coordinates.measured('b', 20, new Uint8Array(0));
    expect(coordinates.get('me')).toEqual(ORIGIN);
    expect(log).toEqual([]);
    expect([...counters.values]).toEqual([]);
  });

  it.each<[string, Coordinate, number, string]>([
    ['sixteen dimensions', { ...THEIRS, vec: new Array(16).fill(0) }, 20, "dimensions aren't compatible"],
    ['NaN', { ...THEIRS, height: Number.NaN }, 20, 'coordinate is invalid'],
    ['no number as error', { ...THEIRS, error: Number.NaN }, 20, 'coordinate is invalid'],
    ['an infinite adjustment', { ...THEIRS, adjustment: Infinity }, 20, 'coordinate is invalid'],
    ['an infinite height', { ...THEIRS, height: -Infinity }, 20, 'coordinate is invalid'],
    [
      'an infinite place',
      { ...THEIRS, vec: [...THEIRS.vec.slice(1), Infinity] },
      20,
      'coordinate is invalid',
    ],
    [
      'eleven seconds',
      THEIRS,
      11_000,
      'round trip time not in valid range, duration 11s is not a positive value less than 10s',
    ],
  ])('a coordinate refused for %s leaves the one known before', (_title, other, rttMs, why) => {
    const { coordinates, counters, log } = coordinatesOn();
    coordinates.measured('b', 20, encodePingPayload(THEIRS));
    const before = coordinates.get('me');
    coordinates.measured('b', rttMs, encodePingPayload(other));
    expect(coordinates.get('b')).toEqual(THEIRS);
    expect(coordinates.get('me')).toBe(before);
    expect(counters.get('serf.coordinate.rejected')).toBe(1);
    expect(log).toMatchObject([{ level: 'TRACE', text: `Rejected coordinate from b: ${why}` }]);
  });

  it('nothing is kept of a node that is no member', () => {
    const { coordinates } = coordinatesOn({ members: ['me'] });
    coordinates.measured('b', 20, encodePingPayload(THEIRS));
    expect(coordinates.get('b')).toBeUndefined();
    expect(coordinates.get('me')).toEqual(ORIGIN);
  });

  it('a member that is forgotten takes its coordinate and its round trips along', () => {
    const { coordinates } = coordinatesOn();
    coordinates.measured('b', 20, encodePingPayload(THEIRS));
    coordinates.forget('b');
    expect(coordinates.get('b')).toBeUndefined();
  });

  it('disabled: nothing goes out, nothing comes in, and asking is an error', () => {
    const { coordinates, counters } = coordinatesOn({ disabled: true });
    expect(coordinates.ackPayload()).toBeUndefined();
    coordinates.measured('b', 20, Uint8Array.of(9));
    expect(coordinates.resets).toBeUndefined();
    expect([...counters.values]).toEqual([]);
    expect(() => coordinates.get('me')).toThrow(
      expect.objectContaining({ code: 'ERR_COORDINATES_DISABLED', message: 'Coordinates are disabled' }),
    );
  });
});

describe('a cluster', () => {
  const LAG_MS = 12;
  const lagging = (): World => {
    const world = new World(7);
    world.weather.latencyMs = LAG_MS;
    return world;
  };
  const where = (node: SerfNode, name: string): Coordinate | undefined => node.serf.coordinate(name);

  it('nodes learn where the others are, and estimates come near the true round trip', () => {
    const world = lagging();
    const nodes = serfCluster(world, 3);
    world.run(120_000);
    for (const [i, node] of nodes.entries()) {
      for (const other of nodes.filter((one) => one !== node)) {
        expect(where(node, other.name)).toBeDefined();
        const estimateMs = 1e3 * distance(where(node, node.name)!, where(node, other.name)!);
        expect(estimateMs, `n${i + 1} to ${other.name}`).toBeGreaterThan(2 * LAG_MS * 0.7);
        expect(estimateMs).toBeLessThan(2 * LAG_MS * 1.3);
      }
      expect(node.serf.stats().get('coordinate_resets')).toBe('0');
    }
  });

  it('a failed member keeps its coordinate, a reaped one loses it', () => {
    const world = lagging();
    const [a, b] = serfCluster(world, 2, { reconnectTimeoutMs: 40_000 });
    world.run(10_000);
    world.kill(b!.address);
    world.run(20_000);
    expect(a!.member('n2')?.status).toBe('failed');
    expect(where(a!, 'n2')).toBeDefined();
    world.run(60_000);
    expect(a!.member('n2')).toBeUndefined();
    expect(where(a!, 'n2')).toBeUndefined();
  });

  it('a pruned member loses its coordinate', () => {
    const world = lagging();
    const [a, b] = serfCluster(world, 2);
    world.run(10_000);
    world.kill(b!.address);
    world.run(20_000);
    a!.run((now, operation) => a!.serf.forceLeave(now, operation, 'n2', true));
    world.run(20_000);
    expect(where(a!, 'n2')).toBeUndefined();
    expect(where(a!, 'n1')).toBeDefined();
  });

  it('a node without coordinates takes part in everything else', () => {
    const world = lagging();
    const [a, b] = serfCluster(world, 2);
    const without = addSerf(world, 'n3', 3, { disableCoordinates: true });
    without.join(a!);
    world.run(30_000);
    expect(a!.view()).toEqual(['n1:alive', 'n2:alive', 'n3:alive']);
    expect(where(a!, 'n3')).toBeUndefined();
    expect(where(b!, 'n1')).toBeDefined();
    expect(without.serf.stats().has('coordinate_resets')).toBe(false);
    expect(() => without.serf.coordinate('n1')).toThrow('Coordinates are disabled');
  });
});
