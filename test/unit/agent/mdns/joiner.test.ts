import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Joiner, MAX_BATCH, MAX_SEEN, QUIET_MS } from '../../../../src/agent/mdns/joiner.ts';
import { Counters } from '../../../../src/base/counters.ts';
import { deferred } from '../fakes.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const OWN_PORT = 9;
const at = (port: number, ip = '10.0.0.1') => ({ ip, port });

function joiner(join: (addresses: readonly string[]) => Promise<number> = async (all) => all.length) {
  const joins: (readonly string[])[] = [];
  const lines: string[] = [];
  const counters = new Counters();
  const state = { alone: false };
  const made = new Joiner({
    again: ({ port }) => state.alone && port !== OWN_PORT,
    join: (addresses) => {
      joins.push(addresses);
      return join(addresses);
    },
    log: (level, text) => void lines.push(`${level} ${text}`),
    counters,
  });
  return { joiner: made, joins, lines, counters, state };
}

describe('found addresses', () => {
  it('are joined in one batch once nothing new came for 100 ms', async () => {
    const { joiner: j, joins, lines } = joiner();
    j.offer(at(1));
    await vi.advanceTimersByTimeAsync(QUIET_MS - 1);
    j.offer(at(2, 'fd00::1'));
    await vi.advanceTimersByTimeAsync(QUIET_MS - 1);
    expect(joins).toEqual([]);
    await vi.advanceTimersByTimeAsync(1);
    expect(joins).toEqual([['10.0.0.1:1', '[fd00::1]:2']]);
    expect(lines).toEqual(['INFO Joined 2 hosts']);
  });

  it('that are known do not prolong the wait', async () => {
    const { joiner: j, joins } = joiner();
    j.offer(at(1));
    await vi.advanceTimersByTimeAsync(QUIET_MS - 1);
    j.offer(at(1));
    await vi.advanceTimersByTimeAsync(1);
    expect(joins).toEqual([['10.0.0.1:1']]);
  });

  it('are tried again by an agent that has become alone, but for its own', async () => {
    const { joiner: j, joins, state } = joiner();
    for (const port of [1, OWN_PORT]) j.offer(at(port));
    await vi.advanceTimersByTimeAsync(QUIET_MS);
    state.alone = true;
    for (const port of [1, OWN_PORT, 1]) j.offer(at(port));
    await vi.advanceTimersByTimeAsync(QUIET_MS);
    expect(joins).toEqual([['10.0.0.1:1', '10.0.0.1:9'], ['10.0.0.1:1']]);
  });

  it('are tried once, whether that worked or not', async () => {
    let fail = true;
    const {
      joiner: j,
      joins,
      lines,
    } = joiner(() => (fail ? Promise.reject(new Error('nobody there')) : Promise.resolve(1)));
    j.offer(at(1));
    await vi.advanceTimersByTimeAsync(QUIET_MS);
    expect(lines).toEqual(['ERR Failed to join: nobody there']);
    fail = false;
    j.offer(at(1));
    j.offer(at(2));
    await vi.advanceTimersByTimeAsync(QUIET_MS);
    j.offer(at(2));
    await vi.advanceTimersByTimeAsync(QUIET_MS);
    expect(joins).toEqual([['10.0.0.1:1'], ['10.0.0.1:2']]);
  });

  it('that come during a join are joined after it', async () => {
    const first = deferred<number>();
    const { joiner: j, joins } = joiner((all) =>
      all.includes('10.0.0.1:1') ? first.promise : Promise.resolve(1),
    );
    j.offer(at(1));
    await vi.advanceTimersByTimeAsync(QUIET_MS);
    j.offer(at(2));
    await vi.advanceTimersByTimeAsync(10 * QUIET_MS);
    expect(joins).toHaveLength(1);
    first.resolve(1);
    await vi.advanceTimersByTimeAsync(0);
    expect(joins).toEqual([['10.0.0.1:1'], ['10.0.0.1:2']]);
    j.offer(at(3));
    await vi.advanceTimersByTimeAsync(QUIET_MS);
    expect(joins).toHaveLength(3);
  });

  it('beyond the largest batch wait for the next poll and are counted; a stream of them delays nothing', async () => {
    const { joiner: j, joins, counters } = joiner();
    for (let port = 1; port <= MAX_BATCH + 5; port += 1) {
      j.offer(at(port));
      if (port > MAX_BATCH) await vi.advanceTimersByTimeAsync(QUIET_MS / 5);
    }
    expect(joins.map((batch) => batch.length)).toEqual([MAX_BATCH]);
    expect(counters.get('drop:mdns-batch')).toBe(5);
    j.offer(at(MAX_BATCH + 1));
    await vi.advanceTimersByTimeAsync(QUIET_MS);
    expect(joins[1]).toEqual([`10.0.0.1:${MAX_BATCH + 1}`]);
  });

  it('are forgotten when too many others were seen since', async () => {
    const { joiner: j, joins } = joiner();
    for (let port = 1; port <= MAX_SEEN; port += 1) {
      j.offer(at(port));
      if (port % MAX_BATCH === 0) await vi.advanceTimersByTimeAsync(QUIET_MS);
    }
    const before = joins.length;
    j.offer(at(1));
    j.offer(at(MAX_SEEN + 1));
    await vi.advanceTimersByTimeAsync(QUIET_MS);
    // Port 1 was just seen again, so 2 had to go.
    j.offer(at(1));
    j.offer(at(2));
    await vi.advanceTimersByTimeAsync(QUIET_MS);
    expect(joins.slice(before)).toEqual([[`10.0.0.1:${MAX_SEEN + 1}`], ['10.0.0.1:2']]);
  });

  it('are let go when it ends, and the end of a join under way is not told', async () => {
    const running = deferred<number>();
    const { joiner: j, joins, lines } = joiner(() => running.promise);
    j.offer(at(1));
    await vi.advanceTimersByTimeAsync(QUIET_MS);
    j.offer(at(2));
    j.close();
    j.offer(at(3));
    running.reject(new Error('shut down'));
    await vi.advanceTimersByTimeAsync(10 * QUIET_MS);
    expect(joins).toEqual([['10.0.0.1:1']]);
    expect(lines).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });
});
