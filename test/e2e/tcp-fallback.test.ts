import { afterEach, expect, it } from 'vitest';
import { NetTransport } from '../../src/runtime/net-transport.ts';
import { Pump } from '../../src/runtime/pump.ts';
import { systemClock, systemRandom } from '../../src/runtime/system.ts';
import type { Transport } from '../../src/runtime/transport.ts';
import { PROFILES } from '../../src/swim/config.ts';
import type { SwimDelegate } from '../../src/swim/delegate.ts';
import { Swim } from '../../src/swim/swim.ts';
import { swimConfig } from '../support/swim-node.ts';

/** A real network that can lose every datagram while streams still work, as a firewall does that forgets UDP. */
function lossyTransport(ip: string) {
  const inner = new NetTransport({ ip, port: 7946 });
  const state = { blocked: false, lost: 0 };
  const transport: Transport = {
    start: (ingress, signal) => inner.start(ingress, signal),
    stopped: () => inner.stopped(),
    get localPort() {
      return inner.localPort;
    },
    get counters() {
      return inner.counters;
    },
    sendDatagram(to, bytes) {
      if (state.blocked) state.lost += 1;
      else inner.sendDatagram(to, bytes);
    },
    openStream: (to) => inner.openStream(to),
    writeStream: (id, bytes) => inner.writeStream(id, bytes),
    closeStream: (id) => inner.closeStream(id),
  };
  return { transport, state };
}

const ending: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ending.splice(0)) await end();
});

async function node(name: string, ip: string, disableTcpPings: boolean) {
  const { transport, state } = lossyTransport(ip);
  const stories: string[] = [];
  const delegate: SwimDelegate = {
    meta: () => new Uint8Array(0),
    receive() {},
    hasBroadcasts: () => false,
    contribute() {},
    localState: () => new Uint8Array(0),
    mergeRemoteState() {},
    ackPayload: () => undefined,
    admit: () => undefined,
    notice: (_now, notice) => {
      if (notice.type !== 'rtt' && notice.type !== 'conflict')
        stories.push(`${notice.member.facts.name} ${notice.type}`);
    },
    settled() {},
  };
  const address = { ip, port: 7946 };
  const options = { ...PROFILES.local, probeIntervalMs: 500, probeTimeoutMs: 100, disableTcpPings };
  const controller = new AbortController();
  const pump = new Pump<Swim>({
    transport,
    clock: systemClock,
    onFatal: (error) => {
      throw error;
    },
  });
  const config = swimConfig(name, address, options);
  await pump.start(
    () => new Swim({ config, random: systemRandom(), effects: transport, delegate }),
    controller.signal,
  );
  ending.push(() => {
    controller.abort();
    return transport.stopped();
  });
  const status = (other: string) => pump.machine?.members.get(other)?.status;
  const count = (counter: string): number => pump.machine?.counters.get(counter) ?? 0;
  return { address, network: state, stories, pump, status, count };
}

async function pair(group: number, disableTcpPings: boolean) {
  const one = await node('one', `127.96.${group}.1`, disableTcpPings);
  const two = await node('two', `127.96.${group}.2`, disableTcpPings);
  one.pump.run((now, swim) => swim.join(now, 1, [{ address: two.address, label: 'two' }]));
  await expect
    .poll(() => [one.status('two'), two.status('one')], { timeout: 5000 })
    .toEqual(['alive', 'alive']);
  for (const { network } of [one, two]) network.blocked = true;
  return [one, two] as const;
}

it('two nodes between which no datagram passes keep each other alive over streams', async () => {
  const both = await pair(60, false);
  const before = both.map(({ count }) => count('probe:indirect'));
  await expect
    .poll(() => both.every(({ count }, i) => count('probe:indirect') >= (before[i] ?? 0) + 5), {
      timeout: 20_000,
    })
    .toBe(true);
  const [one, two] = both;
  expect([one.status('two'), two.status('one')]).toEqual(['alive', 'alive']);
  expect([...one.stories, ...two.stories].filter((story) => story.endsWith('failed'))).toEqual([]);
  for (const { count, network } of both) {
    expect(count('probe:failed')).toBe(0);
    expect(network.lost).toBeGreaterThan(5);
  }
});

it('without pings over streams they declare each other dead', async () => {
  const [one, two] = await pair(61, true);
  await expect
    .poll(() => [one.status('two'), two.status('one')], { timeout: 20_000 })
    .toEqual(['dead', 'dead']);
});
