import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Counters } from '../../src/base/counters.ts';
import { seededRandom } from '../../src/base/random.ts';
import { CoordinateClient } from '../../src/coordinates/client.ts';
import { COORDINATE_DEFAULTS } from '../../src/coordinates/config.ts';
import { type Coordinate, distance, isCompatible } from '../../src/coordinates/coordinate.ts';
import { decodePingPayload, encodePingPayload } from '../../src/serf/ping-payload.ts';
import { hex, loadVectors, unhex } from './load.ts';

interface GoCoordinate {
  readonly Vec: readonly number[];
  readonly Error: number;
  readonly Adjustment: number;
  readonly Height: number;
}

/** One update of serf's own client, version 0.9.4, and where it was afterwards. */
interface Step {
  readonly node: string;
  readonly rttNs: number;
  readonly other: GoCoordinate;
  readonly refused?: string;
  readonly own: GoCoordinate;
  readonly distanceNs: number;
}

function coordinateOf(go: GoCoordinate): Coordinate {
  return { vec: go.Vec, error: go.Error, adjustment: go.Adjustment, height: go.Height };
}

describe("eighty updates of Serf's client: four peers, spikes, zero, refused ones", () => {
  const steps: readonly Step[] = JSON.parse(
    readFileSync(new URL('./data/coordinates.json', import.meta.url), 'utf8'),
  );

  it('are reproduced bit for bit', () => {
    const counters = new Counters();
    const client = new CoordinateClient({ config: COORDINATE_DEFAULTS, random: seededRandom(1), counters });
    for (const [index, step] of steps.entries()) {
      const other = coordinateOf(step.other);
      const refused = client.update(step.node, other, step.rttNs / 1e6);
      // Serf's text about a round trip ends in a blank.
      expect([index, refused]).toEqual([index, step.refused?.trimEnd()]);
      expect([index, client.coordinate]).toEqual([index, coordinateOf(step.own)]);
      if (!isCompatible(client.coordinate, other)) continue;
      expect([index, Math.round(distance(client.coordinate, other) * 1e9)]).toEqual([index, step.distanceNs]);
    }
    const refusals = steps.filter((step) => step.refused !== undefined);
    expect(refusals.length).toBeGreaterThan(10);
    expect(counters.get('serf.coordinate.rejected')).toBe(refusals.length);
    expect(counters.get('serf.coordinate.zero-rtt')).toBe(steps.filter((step) => step.rttNs === 0).length);
  });
});

describe('the payload of an ack', () => {
  it('has the bytes that Serf writes', () => {
    const own = { vec: [0, 1, 2, 3, 4, 5, 6, 7], error: 1.5, adjustment: 0, height: 1e-5 };
    const bytes =
      '0184aa41646a7573746d656e74cb0000000000000000a54572726f72cb3ff8000000000000a6486569676874cb3ee4f8b588e368f1' +
      'a356656398cb0000000000000000cb3ff0000000000000cb4000000000000000cb4008000000000000' +
      'cb4010000000000000cb4014000000000000cb4018000000000000cb401c000000000000';
    expect(hex(encodePingPayload(own))).toBe(bytes);
    expect(encodePingPayload(own)).toHaveLength(130);
    expect(decodePingPayload(unhex(bytes))).toEqual(own);
  });

  const recorded = ['captured-gossip', 'captured-encrypted-packets', 'gossip-packets'].flatMap((file) =>
    loadVectors(file).flatMap(({ name, decoded }) =>
      acksIn(decoded).map((ack, index) => ({ ...ack, title: `${file} ${name} ${index}` })),
    ),
  );

  it('was recorded often enough', () => expect(recorded.length).toBeGreaterThan(5));

  it.each(recorded)('$title reads as recorded and gives the same bytes', ({ payload, coordinate }) => {
    const decoded = decodePingPayload(payload);
    expect(decoded).toEqual(coordinateOf(coordinate));
    expect(hex(encodePingPayload(decoded))).toBe(hex(payload));
  });
});

interface RecordedAck {
  readonly payload: Uint8Array;
  readonly coordinate: GoCoordinate;
}

/** Every ack with a coordinate, however deep in its packet; captures have the meaning beside the fields. */
function acksIn(value: unknown): RecordedAck[] {
  if (typeof value !== 'object' || value === null) return [];
  const record = value as Readonly<Record<string, unknown>>;
  const inner = Object.values(record).flatMap(acksIn);
  if (!('coordinate' in record)) return inner;
  const fields = (record['fields'] ?? record) as { readonly Payload: { readonly $hex: string } };
  return [
    { payload: unhex(fields.Payload.$hex), coordinate: record['coordinate'] as GoCoordinate },
    ...inner,
  ];
}
