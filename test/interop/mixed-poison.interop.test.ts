import { afterAll, afterEach, expect, it } from 'vitest';
import { ipBytes } from '../../src/base/address.ts';
import { type QueryMessage, queryCodec } from '../../src/serf/messages.ts';
import { stopAll, waitFor } from './helpers.ts';
import { describeMixed, startNode, succeed, waitForAll } from './mixed.ts';
import { RawPeer } from './raw-peer.ts';

const peers: RawPeer[] = [];
afterEach(() => {
  for (const peer of peers.splice(0)) peer.close();
});
afterAll(stopAll);

describeMixed('what ends a real agent', (real) => {
  it('is not passed on to it by ours, and what follows is', async () => {
    const ours = await startNode(real, 'reeve', {
      name: 'ours',
      ip: real.ip(95, 1),
      args: ['-profile=lan', '-event-handler=query:sound=echo heard'],
    });
    const theirs = await startNode(real, 'serf', {
      name: 'theirs',
      ip: real.ip(95, 2),
      args: ['-profile=lan', `-join=${ours.ip}`, '-event-handler=query:sound=echo heard'],
    });
    await waitForAll([ours, theirs], ['ours', 'theirs'], 'alive');
    const peer = await RawPeer.open({ name: 'stranger', ip: real.ip(95, 3) });
    peers.push(peer);
    const ask = (id: number, over: Partial<QueryMessage>): void =>
      peer.say(
        ours.ip,
        queryCodec.encode({
          ltime: 5,
          id,
          addr: ipBytes(peer.ip) ?? new Uint8Array(0),
          port: 7946,
          sourceNode: peer.name,
          filters: [],
          flags: 0,
          relayFactor: 0,
          timeoutNs: 1e9,
          name: 'poison',
          payload: null,
          ...over,
        }),
      );
    ask(1, { filters: [new Uint8Array(0)] });
    ask(6, { filters: [Uint8Array.of(0, 0xdd, 255, 255, 255, 255)] });
    for (const [i, name] of ['_serf_install-key', '_serf_use-key', '_serf_remove-key'].entries())
      ask(2 + i, { name });
    // Gossip keeps no order, but by the time this one has gone round everything before it has too.
    ask(9, { name: 'marker' });
    await waitFor('the marker', () => theirs.logs().includes('messageQueryType: marker'));
    const lines = (await succeed(ours, 'query', '-no-ack', 'sound')).split('\n');
    expect(lines.filter((line) => line.includes('heard'))).toHaveLength(2);
    expect(theirs.logs()).not.toContain('messageQueryType: poison');
    expect(theirs.logs()).not.toContain('panic');
  });
});
