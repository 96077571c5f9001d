import { afterAll, describe, expect, it } from 'vitest';
import { connect, sleep, startAgent, statuses, stopAll, until, usage } from '../bench/fleet.ts';
import { hostileConnections, hostilePackets } from '../fuzz/hostile.ts';

/** Rounds, of which the first half warms the heap; together 100,000 packets and streams. */
const ROUNDS = 4;
const PACKETS = 21_250;
const STREAMS = 3_750;
/** The captured conversations hold 4.8 frames each, some of which mutation cuts off; in all about 100,000. */
const RPC_CONNECTIONS = 6_250;
/** A heap this small ends an agent that keeps a tenth of what it is sent; sockets and buffers are outside it. */
const HEAP_MIB = 96;
/** What the garbage collector and the allocator may owe between two equal halves of the attack. */
const GROWTH_MIB = 150;

afterAll(stopAll);

describe('an agent under hostile input', () => {
  it('stays up, keeps its cluster and its memory, and counts what it dropped', {
    timeout: 400_000,
  }, async () => {
    const heap = [`--max-old-space-size=${HEAP_MIB}`];
    const one = startAgent('reeve', 'one', '127.91.0.1', ['-profile=local', '-log-level=err'], heap);
    await until('the first agent answers', async () => (await statuses(one)).size === 1, 20_000);
    const two = startAgent('reeve', 'two', '127.91.0.2', ['-profile=local', '-join=127.91.0.1']);
    await until('both see both', async () => (await statuses(one)).size === 2, 20_000);
    let warm = 0;
    for (let round = 1; round <= ROUNDS; round += 1) {
      await hostilePackets(one.ip, 7946, PACKETS, round);
      await hostileConnections({ ip: one.ip, port: 7946, kind: 'stream' }, STREAMS, round);
      await hostileConnections({ ip: one.ip, port: 7373, kind: 'rpc' }, RPC_CONNECTIONS, round);
      if (round === ROUNDS / 2) warm = usage(one.pid).residentMiB;
    }
    await sleep(2_000);

    expect(one.process.exitCode, one.output).toBeNull();
    await until('the cluster is as it was', async () => (await statuses(one)).get('two') === 'alive', 20_000);
    await until('the other agrees', async () => (await statuses(two)).get('one') === 'alive', 20_000);
    expect(usage(one.pid).residentMiB - warm).toBeLessThan(GROWTH_MIB);
    await using client = await connect(one);
    const drops = (await client.stats()).get('drops');
    expect(drops?.size ?? 0).toBeGreaterThan(10);
    process.stdout.write(
      `hostile input, drops by reason: ${JSON.stringify(Object.fromEntries(drops ?? []))}\n`,
    );
    process.stdout.write(
      `resident ${warm.toFixed(0)} MiB before, ${usage(one.pid).residentMiB.toFixed(0)} MiB after\n`,
    );
  });
});
