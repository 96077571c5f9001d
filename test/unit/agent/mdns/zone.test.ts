import { describe, expect, it } from 'vitest';
import { type DnsMessage, type DnsQuestion, DnsType } from '../../../../src/agent/mdns/dns.ts';
import { decodeDns } from '../../../../src/agent/mdns/dns-reader.ts';
import { encodeDns } from '../../../../src/agent/mdns/dns-writer.ts';
import { agentsIn } from '../../../../src/agent/mdns/found.ts';
import { createZone, pollQuery, responsesTo, serviceName } from '../../../../src/agent/mdns/zone.ts';

const WEB = {
  cluster: 'web',
  nodeName: 'n1',
  hostName: 'box',
  address: { ip: '10.0.0.1', port: 7946 },
} as const;
const SERVICE = '_serf_web._tcp.local';
const INSTANCE = `n1.${SERVICE}`;
const zone = createZone(WEB);

const asking = (...questions: readonly DnsQuestion[]): DnsMessage => ({
  ...pollQuery(SERVICE),
  id: 77,
  questions,
});
const ask = (name: string, type: number, directPreferred = false): DnsQuestion => ({
  name,
  type,
  directPreferred,
});

/** Types of the records in the one response to one question. */
const answered = (name: string, type: number) =>
  responsesTo(zone, asking(ask(name, type))).flatMap(({ records }) => records.map((record) => record.type));

describe('an answer', () => {
  it('has the pointer, the location, the address and the description of the agent, in this order', () => {
    expect(responsesTo(zone, pollQuery(SERVICE))).toEqual([
      {
        id: 0,
        response: true,
        opcode: 0,
        rcode: 0,
        truncated: false,
        questions: [],
        records: [
          { type: 'ptr', name: SERVICE, target: INSTANCE },
          { type: 'srv', name: INSTANCE, port: 7946, target: 'box' },
          { type: 'address', name: 'box', ip: '10.0.0.1' },
          { type: 'txt', name: INSTANCE, texts: ["Serf 'web' cluster"] },
        ],
      },
    ]);
  });

  it.each([
    [SERVICE, DnsType.ptr, ['ptr', 'srv', 'address', 'txt']],
    [SERVICE, DnsType.any, ['ptr', 'srv', 'address', 'txt']],
    [SERVICE, DnsType.srv, []],
    ['_services._dns-sd._udp.local', DnsType.ptr, ['ptr']],
    ['_services._dns-sd._udp.local', DnsType.a, []],
    [INSTANCE, DnsType.any, ['srv', 'address', 'txt']],
    [INSTANCE, DnsType.srv, ['srv', 'address']],
    [INSTANCE, DnsType.txt, ['txt']],
    [INSTANCE, DnsType.a, ['address']],
    [INSTANCE, DnsType.aaaa, []],
    [INSTANCE, DnsType.ptr, []],
    ['box', DnsType.a, ['address']],
    ['box', DnsType.any, []],
    ['_serf_Web._tcp.local', DnsType.ptr, []],
    ['_serf_other._tcp.local', DnsType.ptr, []],
    ['', DnsType.any, []],
  ])('to %j type %i has %j', (name, type, types) => {
    expect(answered(name, type)).toEqual(types);
  });

  it('has the id of the query where its class prefers a direct answer, and 0 elsewhere', () => {
    const both = asking(ask(SERVICE, DnsType.ptr), ask(INSTANCE, DnsType.txt, true));
    expect(responsesTo(zone, both).map(({ id, records }) => [id, records.length])).toEqual([
      [0, 4],
      [77, 1],
    ]);
  });

  it('says a record once however often it is asked for', () => {
    const many = Array.from({ length: 50 }, () => ask(SERVICE, DnsType.any));
    expect(responsesTo(zone, asking(...many))[0]?.records).toHaveLength(4);
  });

  it.each([{ opcode: 1 }, { rcode: 3 }, { truncated: true }, { response: true }])(
    'is not given to %j',
    (odd) => {
      expect(responsesTo(zone, { ...pollQuery(SERVICE), ...odd })).toEqual([]);
    },
  );

  it('gives an IPv6 address as such', () => {
    const v6 = createZone({ ...WEB, address: { ip: 'fd00::1', port: 1 } });
    expect(responsesTo(v6, asking(ask('box', DnsType.aaaa)))[0]?.records).toHaveLength(1);
    expect(responsesTo(v6, asking(ask('box', DnsType.a)))).toEqual([]);
  });
});

describe('names', () => {
  it('longer than a label allows are cut in pieces, and stay different', () => {
    const long = 'ä'.repeat(60);
    const [a, b] = [`${long}a`, `${long}b`].map((nodeName) => createZone({ ...WEB, nodeName }));
    expect(a?.instance).not.toBe(b?.instance);
    for (const each of [a, b]) {
      if (each === undefined) throw new Error('a zone is missing');
      const [response] = responsesTo(each, pollQuery(SERVICE));
      if (response === undefined) throw new Error('no response');
      expect(decodeDns(encodeDns(response))).toEqual(response);
    }
  });

  it.each(['x'.repeat(58), 'a..b', 'a.'])(
    'of clusters that DNS has no room for are refused: %j',
    (cluster) => {
      expect(() => serviceName(cluster)).toThrow(expect.objectContaining({ code: 'ERR_MDNS_NAME' }));
    },
  );

  it('of clusters may fill a label, and have dots', () => {
    expect(serviceName('x'.repeat(57))).toHaveLength(63 + '._tcp.local'.length);
    expect(serviceName('a.b')).toBe('_serf_a.b._tcp.local');
  });

  it.each(['x'.repeat(240), '.'])('of nodes that DNS has no room for are refused: %j', (nodeName) => {
    expect(() => createZone({ ...WEB, nodeName })).toThrow(
      expect.objectContaining({ code: 'ERR_MDNS_NAME' }),
    );
  });
});

describe('agents in a response', () => {
  const response = responsesTo(zone, pollQuery(SERVICE))[0] as DnsMessage;
  const without = (type: string): DnsMessage => ({
    ...response,
    records: response.records.filter((record) => record.type !== type),
  });
  const at = (ip: string): DnsMessage => ({
    ...response,
    records: response.records.map((record) => (record.type === 'address' ? { ...record, ip } : record)),
  });

  it('are found in the answer of an agent, in any order of its records', () => {
    expect(agentsIn(response, SERVICE)).toEqual([WEB.address]);
    expect(agentsIn({ ...response, records: [...response.records].reverse() }, SERVICE)).toEqual([
      WEB.address,
    ]);
  });

  it('may be several, on one host too', () => {
    const second = responsesTo(
      createZone({ ...WEB, nodeName: 'n2', address: { ip: '10.0.0.1', port: 8000 } }),
      pollQuery(SERVICE),
    )[0] as DnsMessage;
    const records = [...response.records, ...second.records];
    expect(agentsIn({ ...response, records }, SERVICE).map(({ port }) => port)).toEqual([7946, 8000]);
  });

  it.each(['srv', 'address', 'txt'])('need the record %s', (type) => {
    expect(agentsIn(without(type), SERVICE)).toEqual([]);
  });

  it('are not those of another cluster, whose name may even end alike', () => {
    expect(agentsIn(response, '_serf_other._tcp.local')).toEqual([]);
    expect(agentsIn(response, '_serf_WEB._tcp.local')).toEqual([]);
    expect(agentsIn(response, 'b._tcp.local')).toEqual([]);
  });

  it.each([{ response: false }, { opcode: 1 }, { rcode: 1 }])(
    'are not looked for in a message with %j',
    (odd) => {
      expect(agentsIn({ ...response, ...odd }, SERVICE)).toEqual([]);
    },
  );

  it.each(['0.0.0.0', '::', '224.0.0.1', '255.255.255.255', 'ff02::1'])('cannot be at %s', (ip) => {
    expect(agentsIn(at(ip), SERVICE)).toEqual([]);
  });

  it('cannot be at port 0', () => {
    const portless = createZone({ ...WEB, address: { ip: '10.0.0.1', port: 0 } });
    expect(agentsIn(responsesTo(portless, pollQuery(SERVICE))[0] as DnsMessage, SERVICE)).toEqual([]);
  });
});
