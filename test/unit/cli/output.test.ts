import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { textOfBytes } from '../../../src/base/bytes.ts';
import { streamOutput } from '../../../src/cli/output.ts';

/** A stream whose writes are finished by hand. */
function heldStream() {
  const chunks: Buffer[] = [];
  const finish: ((error?: Error) => void)[] = [];
  const stream = new Writable({
    highWaterMark: 4,
    write: (chunk: Buffer, _encoding, done) => {
      chunks.push(chunk);
      finish.push(done);
    },
  });
  return { stream, chunks, finish };
}

describe('output', () => {
  it('keeps data and errors apart and writes bytes that are not UTF-8 as they were', async () => {
    const [out, err] = [heldStream(), heldStream()];
    const output = streamOutput(out.stream, err.stream);
    output.line(textOfBytes(Uint8Array.of(0x61, 0xff)));
    output.error('oops');
    expect(out.chunks).toEqual([Buffer.from([0x61, 0xff, 0x0a])]);
    expect(err.chunks).toEqual([Buffer.from('oops\n')]);
  });

  it('flush waits until everything is handed over', async () => {
    const [out, err] = [heldStream(), heldStream()];
    const output = streamOutput(out.stream, err.stream);
    output.line('a');
    let flushed = false;
    const flush = output.flush().then(() => {
      flushed = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(flushed).toBe(false);
    out.finish[0]?.();
    await flush;
    expect(flushed).toBe(true);
  });

  it('a reader that has gone ends writing, not the program', async () => {
    const [out, err] = [heldStream(), heldStream()];
    const output = streamOutput(out.stream, err.stream);
    output.line('a');
    output.line('b');
    out.finish[0]?.(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    await output.flush();
    await new Promise((resolve) => setImmediate(resolve));
    expect(output.broken.aborted).toBe(true);
    expect(output.fault).toBeUndefined();
    output.line('c');
    await output.flush();
    expect(out.chunks).toHaveLength(1);
  });

  it('a full disk is told', async () => {
    const [out, err] = [heldStream(), heldStream()];
    const output = streamOutput(out.stream, err.stream);
    output.line('a');
    out.finish[0]?.(Object.assign(new Error('write ENOSPC'), { code: 'ENOSPC' }));
    await output.flush();
    await new Promise((resolve) => setImmediate(resolve));
    expect(output.fault?.message).toBe('write ENOSPC');
  });

  it('what happens to the writes of others is none of its faults', async () => {
    const [out, err] = [heldStream(), heldStream()];
    const output = streamOutput(out.stream, err.stream);
    out.stream.write('a log line');
    out.finish[0]?.(Object.assign(new Error('write ENOSPC'), { code: 'ENOSPC' }));
    await new Promise((resolve) => setImmediate(resolve));
    output.line('a');
    await output.flush();
    expect([output.broken.aborted, output.fault]).toEqual([true, undefined]);
  });

  it('ready waits only while the reader is behind', async () => {
    const [out, err] = [heldStream(), heldStream()];
    const output = streamOutput(out.stream, err.stream);
    await output.ready();
    output.line('more than four bytes');
    let isReady = false;
    const ready = output.ready().then(() => {
      isReady = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(isReady).toBe(false);
    out.finish[0]?.();
    await ready;
    expect(isReady).toBe(true);
  });
});
