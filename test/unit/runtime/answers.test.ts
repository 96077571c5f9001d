import { describe, expect, it } from 'vitest';
import { AnswerStream } from '../../../src/runtime/answers.ts';
import { Operations } from '../../../src/runtime/operations.ts';
import { systemClock, systemRandom } from '../../../src/runtime/system.ts';

const response = (from: string) => ({ type: 'response', from, payload: Uint8Array.of(1) }) as const;

describe('AnswerStream', () => {
  it('hands over what came before and after the reader asked, in order, then ends', async () => {
    const stream = new AnswerStream();
    stream.push({ type: 'ack', from: 'a', payload: null });
    stream.push(response('a'));
    const seen: unknown[] = [];
    const reading = (async () => {
      for await (const reply of stream) seen.push(reply);
    })();
    stream.push(response('b'));
    stream.end();
    stream.push(response('too late'));
    await reading;
    expect(seen).toEqual([{ type: 'ack', from: 'a' }, response('a'), response('b')]);
  });

  it('leaves no reader waiting when it ends', async () => {
    const stream = new AnswerStream();
    const pending = [stream.next(), stream.next()];
    stream.end();
    expect(await Promise.all(pending)).toEqual([
      { done: true, value: undefined },
      { done: true, value: undefined },
    ]);
  });

  it('keeps nothing for a reader that has gone', async () => {
    const stream = new AnswerStream();
    stream.push(response('a'));
    await stream.return();
    stream.push(response('b'));
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });
});

describe('Operations', () => {
  it('resolves with the outcome, also when it comes during the call', async () => {
    const operations = new Operations();
    expect(await operations.run((id) => operations.settle(id, { type: 'done' }))).toEqual({ type: 'done' });
    let later = 0;
    const pending = operations.run((id) => {
      later = id;
    });
    operations.settle(later, { type: 'timeout' });
    operations.settle(later, { type: 'done' });
    expect(await pending).toEqual({ type: 'timeout' });
  });

  it('rejects with what the start threw, and with what broke the node', async () => {
    const operations = new Operations();
    const refuse = (): never => {
      throw new Error('refused');
    };
    await expect(operations.run(refuse)).rejects.toThrow('refused');
    const pending = operations.run(() => {});
    operations.failAll(new Error('broken'));
    await expect(pending).rejects.toThrow('broken');
  });
});

describe('systemRandom', () => {
  it('draws bytes that never repeat, of any length', () => {
    const random = systemRandom();
    const nonces = new Set(
      Array.from({ length: 2_000 }, () => Buffer.from(random.bytes(12)).toString('hex')),
    );
    expect(nonces.size).toBe(2_000);
    expect(random.bytes(10_000)).toHaveLength(10_000);
    expect(random.bytes(4_096)).toHaveLength(4_096);
    expect(random.bytes(0)).toHaveLength(0);
  });

  it('gives bytes that later draws leave alone', () => {
    const random = systemRandom();
    const first = random.bytes(32);
    const copy = Uint8Array.from(first);
    for (let i = 0; i < 500; i += 1) random.bytes(32);
    expect(first).toEqual(copy);
  });

  it('keeps within bounds', () => {
    const random = systemRandom();
    const drawn = new Set(Array.from({ length: 500 }, () => random.below(3)));
    expect([...drawn].sort()).toEqual([0, 1, 2]);
    expect(random.float()).toBeLessThan(1);
  });
});

describe('systemClock', () => {
  it('never goes back', () => {
    const first = systemClock();
    expect(systemClock()).toBeGreaterThanOrEqual(first);
  });
});
