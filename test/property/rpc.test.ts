import fc, { type Arbitrary, assert, asyncProperty, constantFrom, property } from 'fast-check';
import { describe, expect, it } from 'vitest';
import { WireError } from '../../src/base/errors.ts';
import { encodeFrame, wireInteger, wireText } from '../../src/rpc/codec.ts';
import { FrameReader } from '../../src/rpc/framing.ts';
import { COMMANDS, type WireValue } from '../../src/rpc/protocol.ts';
import { member } from '../unit/rpc/fake-backend.ts';
import { ok, rig, until } from '../unit/rpc/harness.ts';

const LIMITS = { depth: 8, bytes: 4096, items: 500 };

/** Reads everything, in the given cuts; an error ends it. */
function read(bytes: Uint8Array, cuts: readonly number[]): { values: unknown[]; error: string | undefined } {
  const reader = new FrameReader(LIMITS);
  const values: unknown[] = [];
  let at = 0;
  let turn = 0;
  try {
    while (at < bytes.length) {
      const size = cuts[turn % cuts.length] ?? 1;
      turn += 1;
      reader.push(bytes.subarray(at, at + size));
      at += size;
      for (let value = reader.next(); value !== undefined; value = reader.next()) values.push(value);
    }
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return { values, error: error.message };
  }
  return { values, error: undefined };
}

const cuts = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1, maxLength: 10 });

const header = fc.record({
  Command: constantFrom(...Object.keys(COMMANDS), 'bogus', ''),
  Seq: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
});

const scalar: Arbitrary<unknown> = fc.oneof(
  fc.string({ maxLength: 8 }),
  fc.integer(),
  fc.boolean(),
  fc.constant(null),
  fc.double(),
  fc.uint8Array({ maxLength: 8 }),
);

const FIELDS = [
  'Version',
  'AuthKey',
  'Name',
  'Payload',
  'Existing',
  'Tags',
  'Type',
  'LogLevel',
  'Stop',
  'ID',
  'Status',
];

const body = fc.dictionary(
  constantFrom(...FIELDS, 'FilterNodes', 'FilterTags', 'Timeout', 'RelayFactor', 'Key', 'Node', 'Odd'),
  fc.oneof(
    scalar,
    fc.array(scalar, { maxLength: 4 }),
    fc.dictionary(fc.string({ maxLength: 4 }), scalar, { maxKeys: 3 }),
  ),
);

/** Frames that are nearly right: whole requests, some of them damaged. */
const requests = fc.array(
  fc.record({
    header,
    body: fc.option(body, { nil: undefined }),
    flip: fc.option(fc.nat(), { nil: undefined }),
    drop: fc.option(fc.nat(), { nil: undefined }),
  }),
  { maxLength: 6 },
);

interface Request {
  readonly header: { readonly Command: string; readonly Seq: bigint };
  readonly body: object | undefined;
  readonly flip: number | undefined;
  readonly drop: number | undefined;
}

function bytesOf(list: readonly Request[]): Buffer {
  return Buffer.concat(
    list.map(({ header, body, flip, drop }) => {
      const { Command, Seq } = header;
      const frame = Buffer.from(
        encodeFrame({ Command, Seq: wireInteger(Seq) }, body as WireValue | undefined),
      );
      if (flip !== undefined)
        frame[flip % frame.length] = (frame[flip % frame.length] as number) ^ (1 << (flip % 8));
      return drop === undefined ? frame : frame.subarray(0, drop % frame.length);
    }),
  );
}

describe('frames', () => {
  it('however a stream is cut, it means the same', () => {
    assert(
      property(fc.oneof(requests.map(bytesOf), fc.uint8Array({ maxLength: 200 })), cuts, (bytes, pieces) => {
        const whole = read(bytes, [bytes.length || 1]);
        expect(read(bytes, pieces)).toEqual(whole);
        expect(read(bytes, [1])).toEqual(whole);
      }),
      { numRuns: 500 },
    );
  });

  it('what is written is read back, text of any bytes included', () => {
    const text = fc.oneof(fc.string(), fc.string({ unit: 'grapheme' }), fc.constant('\udcff\udc80x'));
    assert(
      property(
        text,
        fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }),
        fc.uint8Array(),
        (name, number, bytes) => {
          const frame = encodeFrame({ Seq: wireInteger(number) }, { Bytes: bytes, Name: wireText(name) });
          const { values } = read(frame, [7]);
          expect(BigInt((values[0] as Map<string, bigint>).get('Seq') as bigint)).toBe(number);
          const fields = values[1] as Map<string, unknown>;
          expect(fields.get('Bytes')).toEqual(bytes);
          const read_ = fields.get('Name');
          if (typeof read_ === 'string') expect(read_).toBe(Buffer.from(name).toString());
          else expect(Buffer.from(read_ as Uint8Array).toString('hex')).toBe('ff8078');
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('server', () => {
  it('no bytes crash it, hang it, or leave a listener or a subscription behind', async () => {
    await using rigged = await rig({ handshakeTimeoutMs: 60_000 });
    rigged.backend.memberList = [member('a'), member('b', { tags: new Map([['role', 'web']]) })];
    const start = fc.boolean();
    await assert(
      asyncProperty(
        start,
        fc.oneof(requests.map(bytesOf), fc.uint8Array({ maxLength: 300 })),
        cuts,
        async (greet, bytes, pieces) => {
          const client = await rigged.client({ handshake: greet });
          let turn = 0;
          for (let at = 0; at < bytes.length; turn += 1) {
            const size = pieces[turn % pieces.length] as number;
            client.socket.write(bytes.subarray(at, at + size));
            at += size;
          }
          client.socket.end();
          await client.rest();
          client.socket.destroy();
        },
      ),
      { numRuns: 300 },
    );
    await until(() => rigged.server.summary.clients === 0);
    expect(rigged.backend.eventFeed.readers).toBe(0);
    expect(rigged.backend.logFeed.readers).toBe(0);
    const client = await rigged.client();
    expect(await client.ask('stop', 1, { Stop: 0 })).toEqual([ok(1)]);
  });
});
