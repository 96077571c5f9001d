import { describe, expect, it } from 'vitest';
import { BroadcastQueue } from '../../../src/swim/broadcasts.ts';
import { Packer } from '../../../src/swim/packer.ts';

const bytes = (length: number, tag = 0): Uint8Array => new Uint8Array(length).fill(tag);

/** One datagram's worth of messages, by their first byte. */
function take(queue: BroadcastQueue, budget: number, limit: number, maxParts = 127): number[] {
  const packer = new Packer(budget, maxParts);
  queue.fill(packer, limit, 'message');
  return packer.parts.map((part) => part[0] as number);
}

describe('BroadcastQueue', () => {
  it('sends the longest first, the newest of equal length first', () => {
    const queue = new BroadcastQueue();
    queue.enqueue(bytes(10, 1));
    queue.enqueue(bytes(20, 2));
    queue.enqueue(bytes(10, 3));
    expect(take(queue, 1000, 9)).toEqual([2, 3, 1]);
  });

  it('prefers messages sent fewer times, whatever their length', () => {
    const queue = new BroadcastQueue();
    queue.enqueue(bytes(50, 1));
    expect(take(queue, 1000, 9)).toEqual([1]);
    queue.enqueue(bytes(5, 2));
    expect(take(queue, 1000, 9)).toEqual([2, 1]);
  });

  it('takes the largest that fits and leaves the rest', () => {
    const queue = new BroadcastQueue();
    queue.enqueue(bytes(60, 1));
    queue.enqueue(bytes(30, 2));
    queue.enqueue(bytes(20, 3));
    expect(take(queue, 52, 9)).toEqual([2]);
    expect(take(queue, 54, 9)).toEqual([3, 2]);
  });

  it('a message larger than every budget stays', () => {
    const queue = new BroadcastQueue();
    queue.enqueue(bytes(2000, 1));
    expect(take(queue, 1400, 2)).toEqual([]);
    expect(queue.size).toBe(1);
  });

  it('four 18-byte messages: four fit 80 bytes as membership messages, three as user messages', () => {
    const queue = new BroadcastQueue();
    for (let i = 0; i < 4; i += 1) queue.enqueue(bytes(18, i));
    expect(take(queue, 80, 9)).toHaveLength(4);
    const packer = new Packer(80, 127);
    queue.fill(packer, 9, 'user');
    expect(packer.parts).toHaveLength(3);
    expect(packer.parts.every((part) => part[0] === 8 && part.length === 19)).toBe(true);
  });

  it('an entry leaves after its limit: limit 2 gives 3, 3, 2, 0', () => {
    const queue = new BroadcastQueue();
    for (let i = 0; i < 4; i += 1) queue.enqueue(bytes(18, i));
    const counts = [1, 2, 3, 4].map(() => {
      const packer = new Packer(80, 127);
      queue.fill(packer, 2, 'user');
      return packer.parts.length;
    });
    expect(counts).toEqual([3, 3, 2, 0]);
    expect(queue.size).toBe(0);
  });

  it('limit 0 still sends once', () => {
    const queue = new BroadcastQueue();
    queue.enqueue(bytes(4, 1));
    expect(take(queue, 100, 0)).toEqual([1]);
    expect(queue.size).toBe(0);
  });

  it('one datagram never carries an entry twice', () => {
    const queue = new BroadcastQueue();
    queue.enqueue(bytes(4, 1));
    expect(take(queue, 1000, 5)).toEqual([1]);
  });

  it('a name replaces its older entry, which is then finished', () => {
    const queue = new BroadcastQueue();
    const finished: string[] = [];
    queue.enqueue(bytes(4, 1), { name: 'a', finished: () => finished.push('old') });
    queue.enqueue(bytes(4, 2), { name: 'a', finished: () => finished.push('new') });
    expect(finished).toEqual(['old']);
    expect(queue.size).toBe(1);
    expect(take(queue, 1000, 1)).toEqual([2]);
    expect(finished).toEqual(['old', 'new']);
  });

  it('superseding without end keeps the queue small', () => {
    const queue = new BroadcastQueue();
    for (let i = 0; i < 10_000; i += 1) queue.enqueue(bytes(4, i & 0xff), { name: `n${i % 3}` });
    expect(queue.size).toBe(3);
    expect(take(queue, 1000, 1)).toHaveLength(3);
  });

  it('prune drops the most sent, then the shortest, then the oldest', () => {
    const queue = new BroadcastQueue();
    const finished: number[] = [];
    const add = (length: number, tag: number): void =>
      queue.enqueue(bytes(length, tag), { finished: () => finished.push(tag) });
    add(30, 1);
    take(queue, 1000, 9);
    add(10, 2);
    add(10, 3);
    add(20, 4);
    expect(queue.prune(2)).toBe(2);
    expect(finished).toEqual([1, 2]);
    expect(take(queue, 1000, 9)).toEqual([4, 3]);
  });

  it('what a finished entry queues is not lost, and is not sent in the same datagram', () => {
    const queue = new BroadcastQueue();
    queue.enqueue(bytes(4, 1), { finished: () => queue.enqueue(bytes(4, 2)) });
    expect(take(queue, 1000, 1)).toEqual([1]);
    expect(take(queue, 1000, 1)).toEqual([2]);
  });

  it('respects the number of parts a compound may hold', () => {
    const queue = new BroadcastQueue();
    for (let i = 0; i < 300; i += 1) queue.enqueue(bytes(1, 7));
    expect(take(queue, 1400, 1, 127)).toHaveLength(127);
  });
});
