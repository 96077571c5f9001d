import { describe, expect, test } from 'vitest';
import { EventBus } from '../../../src/events/bus.ts';
import type { ClusterEvent } from '../../../src/events/event.ts';
import type { SubscribeOptions } from '../../../src/events/subscription.ts';
import { query, user } from './samples.ts';

const DEFAULTS: SubscribeOptions = { capacity: 2, overflow: 'drop-oldest' };
const DONE = { done: true, value: undefined };

async function rest(events: AsyncIterable<ClusterEvent>): Promise<string[]> {
  const names: string[] = [];
  for await (const event of events) names.push('name' in event ? event.name : event.type);
  return names;
}

function named(result: IteratorResult<ClusterEvent, undefined>): string {
  return result.value !== undefined && 'name' in result.value ? result.value.name : 'done';
}

describe('EventBus', () => {
  test('a subscriber gets every event from subscribe on, read or not, in order', async () => {
    const bus = new EventBus();
    bus.publish(user('before', 1));
    const events = bus.subscribe(DEFAULTS);
    bus.publish(user('a', 1));
    bus.publish(user('b', 2));
    bus.close();
    expect(await rest(events)).toEqual(['a', 'b']);
  });

  test('a reader that waits is handed the event at once and nothing is buffered', async () => {
    const bus = new EventBus();
    const events = bus.subscribe(DEFAULTS);
    const waiting = events.next();
    const second = events.next();
    bus.publish(user('a', 1));
    bus.publish(user('b', 1));
    expect(events.buffered).toBe(0);
    expect([named(await waiting), named(await second)]).toEqual(['a', 'b']);
  });

  test.each([
    ['drop-oldest', ['b', 'c'], 'a'],
    ['drop-newest', ['a', 'b'], 'c'],
  ] as const)('a full buffer does %s, tells whom it lost and counts', async (overflow, kept, lost) => {
    const bus = new EventBus();
    const dropped: ClusterEvent[] = [];
    const events = bus.subscribe({ ...DEFAULTS, overflow, onDrop: (event) => dropped.push(event) });
    for (const name of ['a', 'b', 'c']) bus.publish(user(name, 1));
    expect(bus.stats).toEqual({ published: 3, dropped: 1, subscribers: 1 });
    bus.close();
    expect(await rest(events)).toEqual(kept);
    expect(dropped).toEqual([user(lost, 1)]);
    expect(bus.stats.dropped).toBe(1);
  });

  test('one slow reader costs another nothing', async () => {
    const bus = new EventBus();
    bus.subscribe({ ...DEFAULTS, capacity: 1 });
    const events = bus.subscribe({ ...DEFAULTS, capacity: 5 });
    for (const name of ['a', 'b', 'c']) bus.publish(user(name, 1));
    bus.close();
    expect(await rest(events)).toEqual(['a', 'b', 'c']);
  });

  test('a filter keeps other events out of the buffer', async () => {
    const bus = new EventBus();
    const events = bus.subscribe({ ...DEFAULTS, filter: [{ type: 'query', name: 'load' }] });
    for (const event of [user('load', 1), query('other'), query('load')]) bus.publish(event);
    bus.close();
    expect(await rest(events)).toEqual(['load']);
    expect(events.dropped).toBe(0);
  });

  test('abort ends a waiting reader, discards the buffer and leaves the bus', async () => {
    const bus = new EventBus();
    const abort = new AbortController();
    const waiting = bus.subscribe({ ...DEFAULTS, signal: abort.signal });
    const pending = [waiting.next(), waiting.next()];
    const buffered = bus.subscribe({
      ...DEFAULTS,
      signal: abort.signal,
      filter: [{ type: 'user', name: '' }],
    });
    bus.publish(user('a', 1));
    abort.abort();
    bus.publish(user('b', 1));
    expect(named((await pending[0])!)).toBe('a');
    expect(await pending[1]).toEqual(DONE);
    expect(await waiting.next()).toEqual(DONE);
    expect(await buffered.next()).toEqual(DONE);
    expect(bus.stats.subscribers).toBe(0);
  });

  test('a signal that has aborted already gives an ended subscription', async () => {
    const bus = new EventBus();
    const events = bus.subscribe({ ...DEFAULTS, signal: AbortSignal.abort() });
    expect(bus.stats.subscribers).toBe(0);
    expect(await events.next()).toEqual(DONE);
  });

  test('return releases a reader that waits elsewhere', async () => {
    const bus = new EventBus();
    const events = bus.subscribe(DEFAULTS);
    const pending = events.next();
    await events.return();
    expect(await pending).toEqual(DONE);
    expect(bus.stats.subscribers).toBe(0);
  });

  test('subscribing to a closed bus ends at once', async () => {
    const bus = new EventBus();
    bus.close();
    expect(await rest(bus.subscribe(DEFAULTS))).toEqual([]);
  });
});
