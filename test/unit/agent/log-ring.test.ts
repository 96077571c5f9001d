import { describe, expect, it } from 'vitest';
import { LOG_RING_LINES, LogRing } from '../../../src/agent/log-ring.ts';

async function take(lines: AsyncIterable<string>, count: number): Promise<string[]> {
  const out: string[] = [];
  if (count === 0) return out;
  for await (const line of lines) {
    out.push(line);
    if (out.length === count) break;
  }
  return out;
}

const options = (capacity: number, drops: { count: number } = { count: 0 }) => {
  const controller = new AbortController();
  const onDrop = () => {
    drops.count += 1;
  };
  return { controller, subscription: { signal: controller.signal, capacity, onDrop } };
};

describe('the log ring', () => {
  it('replays its lines in order, each once, then follows', async () => {
    const ring = new LogRing();
    ring.push('a');
    ring.push('b');
    const lines = ring.follow(options(8).subscription);
    ring.push('c');
    expect(await take(lines, 3)).toEqual(['a', 'b', 'c']);
  });

  it('forgets the oldest lines once it is full', async () => {
    const ring = new LogRing();
    for (let line = 0; line < LOG_RING_LINES + 3; line += 1) ring.push(String(line));
    const first = await take(ring.follow(options(LOG_RING_LINES).subscription), 1);
    expect(first).toEqual(['3']);
  });

  it('drops the oldest lines of a slow reader and tells it, without touching another', async () => {
    const ring = new LogRing();
    const drops = { count: 0 };
    const slow = ring.follow(options(2, drops).subscription);
    const fast = ring.follow(options(8).subscription);
    for (const line of ['a', 'b', 'c', 'd']) ring.push(line);
    expect(drops.count).toBe(2);
    expect(await take(slow, 2)).toEqual(['c', 'd']);
    expect(await take(fast, 4)).toEqual(['a', 'b', 'c', 'd']);
  });

  it('ends a reader that waits when its signal aborts', async () => {
    const ring = new LogRing();
    const { controller, subscription } = options(4);
    const all = take(ring.follow(subscription), 99);
    await Promise.resolve();
    controller.abort();
    expect(await all).toEqual([]);
  });

  it('wakes a reader that waits', async () => {
    const ring = new LogRing();
    const one = take(ring.follow(options(4).subscription), 1);
    await Promise.resolve();
    ring.push('late');
    expect(await one).toEqual(['late']);
  });

  it('gives nothing to a reader whose signal has aborted already', async () => {
    const ring = new LogRing();
    ring.push('a');
    const { controller, subscription } = options(4);
    controller.abort();
    expect(await take(ring.follow(subscription), 99)).toEqual([]);
  });
});
