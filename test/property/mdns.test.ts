import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type DnsMessage, type DnsRecord, DnsType } from '../../src/agent/mdns/dns.ts';
import { decodeDns } from '../../src/agent/mdns/dns-reader.ts';
import { encodeDns } from '../../src/agent/mdns/dns-writer.ts';
import { agentsIn } from '../../src/agent/mdns/found.ts';
import { createZone, pollQuery, responsesTo } from '../../src/agent/mdns/zone.ts';
import { textOfBytes } from '../../src/base/bytes.ts';
import { WireError } from '../../src/base/errors.ts';

const RUNS = 2_000;

/** A label of any bytes but the dot, which only separates. */
const label = fc
  .uint8Array({ minLength: 1, maxLength: 20 })
  .map((bytes) => textOfBytes(bytes.map((byte) => (byte === 0x2e ? 0x2d : byte))));
const name = fc.array(label, { minLength: 1, maxLength: 8 }).map((labels) => labels.join('.'));
const ip = fc.oneof(fc.ipV4(), fc.constantFrom('::1', 'fd00::1:2', 'fe80::1'));

const record: fc.Arbitrary<DnsRecord> = fc.oneof(
  fc.record({ type: fc.constant('ptr' as const), name, target: name }),
  fc.record({ type: fc.constant('srv' as const), name, target: name, port: fc.nat(0xffff) }),
  fc.record({ type: fc.constant('address' as const), name, ip }),
  fc.record({ type: fc.constant('txt' as const), name, texts: fc.array(label, { maxLength: 3 }) }),
);
const question = fc.record({
  name: fc.oneof(name, fc.constantFrom('_serf_x._tcp.local', 'n._serf_x._tcp.local', 'h')),
  type: fc.constantFrom(...Object.values(DnsType)),
  directPreferred: fc.boolean(),
});
const message: fc.Arbitrary<DnsMessage> = fc.record({
  id: fc.nat(0xffff),
  response: fc.boolean(),
  opcode: fc.nat(15),
  rcode: fc.nat(15),
  truncated: fc.boolean(),
  questions: fc.array(question, { maxLength: 5 }),
  records: fc.array(record, { maxLength: 5 }),
});

const zone = createZone({
  cluster: 'x',
  nodeName: 'n',
  hostName: 'h',
  address: { ip: '10.0.0.1', port: 7946 },
});

/** Everything the agent does with a datagram, short of sending and joining. */
function handle(bytes: Uint8Array): void {
  let read: DnsMessage;
  try {
    read = decodeDns(bytes);
  } catch (error) {
    if (error instanceof WireError) return;
    throw error;
  }
  for (const response of responsesTo(zone, read)) expect(encodeDns(response).length).toBeLessThan(512);
  for (const { port } of agentsIn(read, zone.service)) expect(port).toBeGreaterThan(0);
}

describe('DNS messages', () => {
  it('survive writing and reading', () => {
    fc.assert(
      fc.property(message, (original) => {
        expect(decodeDns(encodeDns(original))).toEqual(original);
      }),
      { numRuns: RUNS },
    );
  });

  it('of any bytes do no harm', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 600 }), handle), { numRuns: RUNS });
  });

  it('cut short or changed in any place do no harm', () => {
    const valid = fc.oneof(
      message.map(encodeDns),
      fc.constant(encodeDns(pollQuery(zone.service))),
      fc.constant(encodeDns(responsesTo(zone, pollQuery(zone.service))[0] as DnsMessage)),
    );
    const changes = fc.array(fc.tuple(fc.nat(2_000), fc.oneof(fc.nat(255), fc.constantFrom(0, 0xc0, 0xff))), {
      maxLength: 6,
    });
    fc.assert(
      fc.property(valid, changes, fc.nat(2_000), (bytes, edits, length) => {
        const changed = Uint8Array.from(bytes);
        for (const [at, value] of edits) if (changed.length > 0) changed[at % changed.length] = value;
        handle(changed);
        handle(changed.subarray(0, length % (changed.length + 1)));
      }),
      { numRuns: RUNS },
    );
  });
});
