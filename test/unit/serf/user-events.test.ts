import { describe, expect, it } from 'vitest';
import { userEventCodec } from '../../../src/serf/messages.ts';
import { EVENT_RING_BYTES, EVENTS_PER_SLOT } from '../../../src/serf/user-events.ts';
import { bench, userEventsOn } from '../../support/serf-parts.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);

function event(ltime: number, name = 'deploy', payload: Uint8Array | null = null) {
  return { ltime, name, payload, coalesce: false };
}

describe('receiving a user event', () => {
  it('the same name and payload at one time is delivered once, whatever its coalesce flag', () => {
    const on = bench();
    const events = userEventsOn(on);
    expect(events.receive(0, event(5, 'a', bytes('x')))).toBe(true);
    expect(events.receive(0, { ...event(5, 'a', bytes('x')), coalesce: true })).toBe(false);
    expect(on.story()).toEqual(['a']);
    expect(on.counters.get('drop:event-duplicate')).toBe(1);
  });

  it('nil and empty payloads are the same', () => {
    const events = userEventsOn(bench());
    expect(events.receive(0, event(5, 'a', null))).toBe(true);
    expect(events.receive(0, event(5, 'a', new Uint8Array(0)))).toBe(false);
  });

  it('another name, payload or time is another event', () => {
    const events = userEventsOn(bench());
    for (const message of [event(5, 'a'), event(5, 'b'), event(5, 'a', bytes('x')), event(6, 'a')]) {
      expect(events.receive(0, message)).toBe(true);
    }
  });

  it('the clock moves past every event seen, also ignored ones', () => {
    const on = bench();
    const events = userEventsOn(on, { eventMinTime: 100 });
    expect(events.receive(0, event(50))).toBe(false);
    expect(on.clock.time).toBe(51);
    expect(on.counters.get('drop:event-before-minimum')).toBe(1);
    expect(events.receive(0, event(100))).toBe(true);
  });

  it.each([
    [488, true],
    [487, false],
  ])('with the clock at 1000 an event of time %i is new enough: %s', (ltime, accepted) => {
    const on = bench();
    const events = userEventsOn(on);
    events.receive(0, event(999));
    expect(events.receive(0, event(ltime))).toBe(accepted);
    expect(on.texts()).toEqual(accepted ? [] : ['received old event deploy from time 487 (current: 1000)']);
  });

  it('a slot is taken over by an event of another time', () => {
    const events = userEventsOn(bench());
    events.receive(0, event(3, 'old'));
    events.receive(0, event(515, 'new'));
    expect(events.slots()).toEqual([
      { ltime: 515, events: [{ name: 'new', payload: null }], bytes: expect.any(Number) },
    ]);
  });

  it('a join that ignores the past raises the minimum and never lowers it', () => {
    const events = userEventsOn(bench());
    events.ignoreBefore(10);
    events.ignoreBefore(4);
    expect(events.receive(0, event(9))).toBe(false);
    expect(events.receive(0, event(10))).toBe(true);
  });

  it('the largest events any configuration allows fit, one in each slot', () => {
    const on = bench();
    const events = userEventsOn(on);
    const largest = new Uint8Array(9_216);
    for (let ltime = 1; ltime <= 512; ltime += 1)
      expect(events.receive(0, event(ltime, 'large', largest))).toBe(true);
  });

  it('a flood of one time or of great size is refused and counted', () => {
    const on = bench();
    const events = userEventsOn(on);
    for (let i = 0; i <= EVENTS_PER_SLOT; i += 1) events.receive(0, event(1, `e${i}`));
    expect(on.counters.get('drop:event-ring-full')).toBe(1);
    const huge = new Uint8Array(EVENT_RING_BYTES / 4);
    for (let i = 0; i < 8; i += 1) events.receive(0, event(10 + i, 'huge', huge));
    expect(on.counters.get('drop:event-ring-full')).toBeGreaterThan(4);
    expect(events.receive(0, event(513, 'replaces the flooded slot'))).toBe(true);
  });
});

describe('sending a user event', () => {
  it('delivers it here first, consumes one time, and broadcasts it', () => {
    const on = bench();
    userEventsOn(on).send(0, 'deploy', bytes('v1'), true);
    expect(on.story()).toEqual(['deploy']);
    expect(on.clock.time).toBe(2);
    expect(on.sent.map((message) => userEventCodec.decode(message))).toEqual([
      { ltime: 1, name: 'deploy', payload: Uint8Array.from(bytes('v1')), coalesce: true },
    ]);
  });

  it('the same event twice is two events', () => {
    const on = bench();
    const events = userEventsOn(on);
    events.send(0, 'deploy', null, false);
    events.send(0, 'deploy', null, false);
    expect(on.story()).toEqual(['deploy', 'deploy']);
  });

  it.each([
    [512, 3, 510, 'user event exceeds configured limit of 512 bytes before encoding'],
    [512, 3, 480, 'encoded user event exceeds configured limit of 512 bytes after encoding'],
    [9216, 3, 9200, 'encoded user event exceeds configured limit of 9216 bytes after encoding'],
    [20_000, 3, 9300, 'user event exceeds sane limit of 9216 bytes before encoding'],
    [20_000, 3, 9200, 'encoded user event exceeds reasonable limit of 9216 bytes after encoding'],
  ])('limit %i, name of %i and payload of %i bytes: %s', (limit, name, payload, text) => {
    const on = bench();
    const events = userEventsOn(on, { userEventSizeLimit: limit });
    expect(() => events.send(0, 'n'.repeat(name), new Uint8Array(payload), false)).toThrow(text);
    expect(on.clock.time).toBe(1);
    expect(on.sent).toEqual([]);
  });

  it('the limits count bytes of the name, not characters, and what fits is sent', () => {
    const on = bench();
    const events = userEventsOn(on);
    expect(() => events.send(0, 'é'.repeat(257), null, false)).toThrow('before encoding');
    events.send(0, 'abc', new Uint8Array(479), false);
    expect(on.sent[0]).toHaveLength(512);
  });
});
