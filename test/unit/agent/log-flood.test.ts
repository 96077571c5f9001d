import { describe, expect, it } from 'vitest';
import { LogFlood } from '../../../src/agent/log-flood.ts';
import type { TraceRecord } from '../../../src/base/trace.ts';

const complaint = (text: string): TraceRecord => ({
  level: 'ERR',
  source: 'serf',
  message: 'Error decoding',
  text,
});

describe('LogFlood', () => {
  it('writes twenty complaints of a kind per window and counts the rest', () => {
    const flood = new LogFlood();
    const written = Array.from({ length: 100 }, (_, i) => flood.admits(i, complaint(`nr ${i}`))).filter(
      Boolean,
    );
    expect(written).toHaveLength(20);
    expect(flood.takeSuppressed(9_999)).toEqual([]);
    expect(flood.takeSuppressed(10_000)).toEqual([{ record: complaint('nr 0'), count: 80 }]);
    expect(flood.takeSuppressed(30_000)).toEqual([]);
    expect(flood.admits(10_001, complaint('again'))).toBe(true);
  });

  it('kinds do not silence each other', () => {
    const flood = new LogFlood();
    for (let i = 0; i < 100; i += 1) flood.admits(0, complaint('x'));
    expect(flood.admits(0, { level: 'ERR', source: 'serf', message: 'Another', text: 'y' })).toBe(true);
    expect(flood.admits(0, { level: 'ERR', source: 'agent.ipc', message: 'bad request' })).toBe(true);
  });

  it('a slow trickle is always written', () => {
    const flood = new LogFlood();
    for (let i = 0; i < 200; i += 1) expect(flood.admits(i * 1000, complaint('x'))).toBe(true);
  });

  it('what members do is always written', () => {
    const flood = new LogFlood();
    const join: TraceRecord = {
      level: 'INFO',
      source: 'serf',
      message: 'EventMemberJoin',
      text: 'EventMemberJoin: a',
    };
    for (let i = 0; i < 5000; i += 1) expect(flood.admits(0, join)).toBe(true);
  });
});
