import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type DnsMessage, DnsType } from '../../../../src/agent/mdns/dns.ts';
import { decodeDns } from '../../../../src/agent/mdns/dns-reader.ts';
import { encodeDns } from '../../../../src/agent/mdns/dns-writer.ts';
import { QUIET_MS } from '../../../../src/agent/mdns/joiner.ts';
import {
  MAX_ANSWERS_PER_SECOND,
  Mdns,
  type MdnsOptions,
  POLL_INTERVAL_MS,
  POLL_LISTEN_MS,
} from '../../../../src/agent/mdns/mdns.ts';
import { createZone, pollQuery, responsesTo } from '../../../../src/agent/mdns/zone.ts';
import { type FakeNetwork, type FakeSocket, fakeNetwork } from './fake-network.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const SERVICE = '_serf_web._tcp.local';
const ASKER = { ip: '10.0.0.9', port: 40_000 };
const US = { cluster: 'web', nodeName: 'us', hostName: 'box', address: { ip: '10.0.0.1', port: 7946 } };

/** What an agent of cluster `web` at `ip` answers. */
function answerFrom(ip: string): Uint8Array {
  const zone = createZone({ ...US, nodeName: ip, address: { ip, port: 7946 } });
  return encodeDns(responsesTo(zone, pollQuery(SERVICE))[0] as DnsMessage);
}

interface Setup {
  readonly mdns: Mdns;
  readonly network: FakeNetwork;
  readonly joins: (readonly string[])[];
  readonly lines: string[];
}

async function start(options: Partial<MdnsOptions> = {}, network = fakeNetwork()): Promise<Setup> {
  const joins: (readonly string[])[] = [];
  const lines: string[] = [];
  const mdns = await Mdns.start({
    announcement: US,
    families: ['IPv4', 'IPv6'],
    network,
    join: async (addresses) => joins.push(addresses),
    log: (level, text) => void lines.push(`${level} ${text}`),
    alone: () => false,
    ...options,
  });
  await vi.advanceTimersByTimeAsync(0);
  return { mdns, network, joins, lines };
}

const only = (sockets: readonly FakeSocket[]): FakeSocket => {
  expect(sockets).toHaveLength(1);
  return sockets[0] as FakeSocket;
};

describe('a poll', () => {
  it('asks both groups at once for the service, with the class bit clear', async () => {
    const { network } = await start();
    const asked = network.open('ask').flatMap(({ sent }) => sent);
    expect(asked.map(({ to }) => to)).toEqual([
      { ip: '224.0.0.251', port: 5353 },
      { ip: 'ff02::fb', port: 5353 },
    ]);
    for (const { bytes } of asked) {
      const { questions, response, records } = decodeDns(bytes);
      expect([response, questions, records]).toEqual([
        false,
        [{ name: SERVICE, type: DnsType.ptr, directPreferred: false }],
        [],
      ]);
    }
  });

  it('listens for one second and is repeated after sixty', async () => {
    const { network } = await start();
    await vi.advanceTimersByTimeAsync(POLL_LISTEN_MS - 1);
    expect(network.open('ask')).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(1);
    expect(network.open('ask')).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(POLL_INTERVAL_MS - POLL_LISTEN_MS - 1);
    expect(network.open('ask')).toHaveLength(0);
    await vi.advanceTimersByTimeAsync(1);
    expect(network.open('ask')).toHaveLength(2);
    expect(network.sockets.filter(({ kind }) => kind === 'ask')).toHaveLength(4);
  });

  it('takes answers on its own port and on the port of the group, and joins them', async () => {
    const { network, joins, lines } = await start();
    only(network.open('ask', 'IPv4')).receive(ASKER, answerFrom('10.0.0.2'));
    only(network.open('listen', 'IPv6')).receive(ASKER, answerFrom('fd00::3'));
    only(network.open('ask', 'IPv4')).receive(ASKER, answerFrom('10.0.0.1'));
    await vi.advanceTimersByTimeAsync(QUIET_MS);
    expect(joins).toEqual([['10.0.0.2:7946', '[fd00::3]:7946', '10.0.0.1:7946']]);
    expect(lines).toEqual(['INFO Joined 1 hosts']);
  });

  it('leaves alone what is announced when nobody asked', async () => {
    const { network, joins } = await start();
    await vi.advanceTimersByTimeAsync(POLL_LISTEN_MS);
    only(network.open('listen', 'IPv4')).receive(ASKER, answerFrom('10.0.0.2'));
    await vi.advanceTimersByTimeAsync(QUIET_MS);
    expect(joins).toEqual([]);
  });

  it('goes on with the family that works', async () => {
    const network = fakeNetwork();
    network.failures.set('send IPv6', 'no route').set('listen IPv6', 'no IPv6');
    const { lines, joins } = await start({}, network);
    expect(network.open('ask').map(({ family }) => family)).toEqual(['IPv4']);
    only(network.open('ask')).receive(ASKER, answerFrom('10.0.0.2'));
    await vi.advanceTimersByTimeAsync(QUIET_MS);
    expect(joins).toHaveLength(1);
    expect(lines).toEqual(['INFO Joined 1 hosts']);
  });

  it('that reaches no group says so, leaves no socket, and is tried again', async () => {
    const network = fakeNetwork();
    network.failures.set('send IPv4', 'down').set('ask IPv6', 'odd');
    const { lines } = await start({}, network);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^ERR Failed to poll for new hosts: IPv[46]: \w+, IPv[46]: \w+$/);
    expect(network.open('ask')).toHaveLength(0);
    network.failures.clear();
    await vi.advanceTimersByTimeAsync(POLL_INTERVAL_MS);
    expect(network.open('ask')).toHaveLength(2);
    expect(lines).toHaveLength(1);
  });
});

describe('a question', () => {
  it('is answered where it came from, by the socket that heard it', async () => {
    const { network } = await start();
    const listener = only(network.open('listen', 'IPv6'));
    const from = { ip: 'fe80::1%eth0', port: 5353 };
    listener.receive(from, encodeDns(pollQuery(SERVICE)));
    expect(listener.sent.map(({ to }) => to)).toEqual([from]);
    const { response, records } = decodeDns(listener.sent[0]?.bytes ?? new Uint8Array());
    expect(response).toBe(true);
    expect(records.map(({ type }) => type)).toEqual(['ptr', 'srv', 'address', 'txt']);
  });

  it('for another cluster is not answered', async () => {
    const { network } = await start();
    const listener = only(network.open('listen', 'IPv4'));
    listener.receive(ASKER, encodeDns(pollQuery('_serf_other._tcp.local')));
    expect(listener.sent).toEqual([]);
  });

  it('is not answered on the port of a poll', async () => {
    const { network } = await start();
    const asking = only(network.open('ask', 'IPv4'));
    const before = asking.sent.length;
    asking.receive(ASKER, encodeDns(pollQuery(SERVICE)));
    expect(asking.sent).toHaveLength(before);
  });

  it('too many in one second are not answered, and counted', async () => {
    const { mdns, network } = await start();
    const listener = only(network.open('listen', 'IPv4'));
    const flood = () => {
      for (let i = 0; i < MAX_ANSWERS_PER_SECOND + 7; i += 1)
        listener.receive(ASKER, encodeDns(pollQuery(SERVICE)));
    };
    flood();
    expect(listener.sent).toHaveLength(MAX_ANSWERS_PER_SECOND);
    expect(mdns.counters.get('drop:mdns-answer')).toBe(7);
    await vi.advanceTimersByTimeAsync(1_000);
    flood();
    expect(listener.sent).toHaveLength(2 * MAX_ANSWERS_PER_SECOND);
  });

  it('whose asker cannot be reached is counted', async () => {
    const { mdns, network } = await start();
    network.failures.set('send IPv4', 'port 0');
    only(network.open('listen', 'IPv4')).receive({ ip: '10.0.0.9', port: 0 }, encodeDns(pollQuery(SERVICE)));
    await vi.advanceTimersByTimeAsync(0);
    expect(mdns.counters.get('drop:mdns-send')).toBe(1);
  });

  it('that is no DNS is counted by its fault', async () => {
    const { mdns, network } = await start();
    for (const socket of network.sockets) socket.receive(ASKER, Buffer.from('nonsense'));
    expect(mdns.counters.get('drop:dns-truncated')).toBe(4);
  });
});

describe('multicast DNS', () => {
  it('uses the families it is told to', async () => {
    const { network } = await start({ families: ['IPv6'] });
    expect(network.sockets.map(({ kind, family }) => `${kind} ${family}`)).toEqual([
      'listen IPv6',
      'ask IPv6',
    ]);
  });

  it('does not start when no family can listen, and says why', async () => {
    const network = fakeNetwork();
    network.failures.set('listen IPv4', 'first').set('listen IPv6', 'second');
    await expect(start({}, network)).rejects.toMatchObject({
      code: 'ERR_START_MDNS',
      message: 'No multicast listeners could be started (IPv4: first, IPv6: second)',
    });
    expect(network.sockets).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('ends with no socket and no timer, any number of times, and hears nothing after', async () => {
    const { mdns, network, joins } = await start();
    const [socket] = network.open('ask');
    socket?.receive(ASKER, answerFrom('10.0.0.2'));
    await mdns.close();
    await mdns.close();
    socket?.receive(ASKER, answerFrom('10.0.0.3'));
    await vi.advanceTimersByTimeAsync(2 * POLL_INTERVAL_MS);
    expect(network.sockets.filter(({ open }) => open)).toEqual([]);
    expect(joins).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('ended while a poll opens its sockets closes those too', async () => {
    const { mdns, network } = await start();
    await vi.advanceTimersByTimeAsync(POLL_INTERVAL_MS - 1);
    vi.advanceTimersByTime(1);
    await mdns.close();
    await vi.advanceTimersByTimeAsync(2 * POLL_INTERVAL_MS);
    expect(network.sockets.filter(({ open }) => open)).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
