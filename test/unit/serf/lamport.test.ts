import { describe, expect, it } from 'vitest';
import { LamportClock, MAX_LAMPORT_TIME } from '../../../src/serf/lamport.ts';

describe('a Lamport clock', () => {
  it('starts at zero and increments to the value it returns', () => {
    const clock = new LamportClock();
    expect(clock.time).toBe(0);
    expect(clock.increment()).toBe(1);
    expect(clock.time).toBe(1);
  });

  it.each([
    [41, 42],
    [42, 43],
    [43, 44],
    [100, 101],
    [0, 42],
  ])('at 42, witnessing %i gives %i', (seen, time) => {
    const clock = new LamportClock();
    clock.witness(41);
    clock.witness(seen);
    expect(clock.time).toBe(time);
  });

  it('never wraps: at the largest time it stays there', () => {
    const clock = new LamportClock();
    clock.witness(MAX_LAMPORT_TIME);
    expect(clock.time).toBe(MAX_LAMPORT_TIME);
    expect(clock.increment()).toBe(MAX_LAMPORT_TIME);
    clock.witness(MAX_LAMPORT_TIME);
    expect(clock.time).toBe(MAX_LAMPORT_TIME);
  });
});
