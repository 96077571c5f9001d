import fc from 'fast-check';
import { Packr, Unpackr } from 'msgpackr';
import { describe, expect, it } from 'vitest';
import { WireError } from '../../src/base/errors.ts';
import { seededRandom } from '../../src/base/random.ts';
import * as m from '../../src/swim/messages.ts';
import { StreamDecoder } from '../../src/swim/stream-decoder.ts';
import { decodeCompound, encodeCompound } from '../../src/wire/compound.ts';
import { compressMessage, decompressMessage } from '../../src/wire/compress.ts';
import { openPacket, sealPacket, sealStream } from '../../src/wire/envelope.ts';
import { Keyring } from '../../src/wire/keyring.ts';
import { lzwDecode, lzwEncode } from '../../src/wire/lzw.ts';
import * as k from '../../src/wire/msgpack.ts';
import { ValueScan } from '../../src/wire/scan.ts';
import { unpackMessage } from '../../src/wire/unpack.ts';
import { envelope, hex } from '../vectors/load.ts';

const bytes = fc.uint8Array({ maxLength: 300 });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const u16 = fc.integer({ min: 0, max: 0xffff });
const name = fc.oneof(fc.string({ maxLength: 40 }), fc.string({ unit: 'binary', maxLength: 10 }));
const claim = fc.record({ incarnation: u32, node: name, from: name });
const source = { sourceAddr: bytes, sourcePort: u16, sourceNode: name };
const node = fc.record({
  name,
  addr: bytes,
  port: u16,
  meta: bytes,
  incarnation: u32,
  state: fc.integer({ min: 0, max: 3 }),
  vsn: bytes,
});
/** Bytes that compress: few values, long runs. */
const dull = fc
  .array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.nat(200)), { maxLength: 40 })
  .map((runs) => Uint8Array.from(runs.flatMap(([value, length]) => new Array<number>(length).fill(value))));
const payload = fc.oneof(bytes, dull, fc.uint8Array({ maxLength: 6000, minLength: 4000 }));

function roundTrips<T>(
  title: string,
  arbitrary: fc.Arbitrary<T>,
  encode: (value: T) => Uint8Array,
  decode: (body: Uint8Array) => T,
): void {
  it(title, () => {
    fc.assert(
      fc.property(arbitrary, (value) => {
        expect(decode(encode(value).subarray(1))).toEqual(value);
      }),
    );
  });
}

describe('every message reads back as it was written', () => {
  roundTrips('ping', fc.record({ seqNo: u32, node: name, ...source }), m.encodePing, m.decodePing);
  roundTrips(
    'indirect ping',
    fc.record({ seqNo: u32, target: bytes, port: u16, node: name, nack: fc.boolean(), ...source }),
    m.encodeIndirectPing,
    m.decodeIndirectPing,
  );
  roundTrips('ack', fc.record({ seqNo: u32, payload: fc.option(bytes) }), m.encodeAck, m.decodeAck);
  roundTrips('nack', fc.record({ seqNo: u32 }), m.encodeNack, m.decodeNack);
  roundTrips('error', fc.record({ error: name }), m.encodeErrorReply, m.decodeErrorReply);
  roundTrips('suspect', claim, m.encodeSuspect, m.decodeSuspect);
  roundTrips('dead', claim, m.encodeDead, m.decodeDead);
  roundTrips(
    'alive',
    fc.record({ incarnation: u32, node: name, addr: bytes, port: u16, meta: bytes, vsn: bytes }),
    m.encodeAlive,
    m.decodeAlive,
  );
  roundTrips(
    'push/pull',
    fc.record({ join: fc.boolean(), nodes: fc.array(node, { maxLength: 8 }), userState: bytes }),
    m.encodePushPull,
    m.decodePushPull,
  );
  roundTrips('stream user message', payload, m.encodeUserStream, m.decodeUserStream);
});

describe('every layer gives back what it was given', () => {
  it('LZW', () => {
    fc.assert(
      fc.property(payload, (input) => {
        const output = lzwEncode(input) as Uint8Array;
        expect(hex(lzwDecode(output, input.length))).toBe(hex(input));
      }),
    );
  });

  it('LZW gives up within a limit exactly where the whole reaches it, however alike the bytes are', () => {
    const alike = fc
      .integer({ min: 1, max: 256 })
      .chain((letters) =>
        fc.uint8Array({ maxLength: 600 }).map((bytes) => bytes.map((byte) => byte % letters)),
      );
    fc.assert(
      fc.property(alike, fc.nat(20), fc.integer({ min: -3, max: 3 }), (input, prefix, more) => {
        const whole = (lzwEncode(input, Number.POSITIVE_INFINITY, prefix) as Uint8Array).length;
        expect(lzwEncode(input, whole + more, prefix)?.length).toBe(more > 0 ? whole : undefined);
      }),
      { numRuns: 2000 },
    );
  });

  it('compress messages', () => {
    fc.assert(
      fc.property(payload, fc.nat(400), (input, limit) => {
        const output = compressMessage(input) as Uint8Array;
        const bounded = compressMessage(input, limit);
        expect(bounded === undefined ? 'longer' : hex(bounded)).toBe(
          output.length < limit ? hex(output) : 'longer',
        );
        if (input.length > 0) {
          expect(hex(decompressMessage(output.subarray(1), input.length))).toBe(hex(input));
        }
      }),
    );
  });

  it('compounds, also when cut', () => {
    fc.assert(
      fc.property(fc.array(bytes, { maxLength: 127 }), fc.nat(100), (parts, cut) => {
        const whole = encodeCompound(parts);
        expect(decodeCompound(whole.subarray(1))).toEqual({ parts, truncated: 0 });
        const kept = Math.max(2 + 2 * parts.length, whole.length - cut);
        const rest = decodeCompound(whole.subarray(1, kept));
        expect(rest.parts.length + rest.truncated).toBe(parts.length);
        expect(rest.parts).toEqual(parts.slice(0, rest.parts.length));
      }),
    );
  });

  const config = fc.record({
    label: fc.uint8Array({ maxLength: 255 }),
    keySize: fc.constantFrom(0, 16, 24, 32),
    compression: fc.boolean(),
    protocolVersion: fc.integer({ min: 1, max: 5 }),
  });
  const made = (options: { keySize: number }): ReturnType<typeof envelope> => {
    const key = new Uint8Array(options.keySize).fill(7);
    const keyring = options.keySize === 0 ? undefined : new Keyring([], key);
    return envelope({ ...options, keyring });
  };

  it('packets', () => {
    fc.assert(
      fc.property(payload, config, fc.boolean(), fc.integer(), (message, options, crc, seed) => {
        fc.pre(message.length > 0 && message[0] !== 12 && message[0] !== 244);
        const sealed = sealPacket(message, made(options), { crc }, seededRandom(seed));
        const opened = openPacket(sealed, made(options));
        const compressed = hex(opened) !== hex(message);
        if (compressed) expect(opened.length).toBeLessThan(message.length);
        const inner = compressed ? decompressMessage(opened.subarray(1), message.length) : opened;
        expect(hex(inner)).toBe(hex(message));
      }),
    );
  });

  it('streams, in any chunks', () => {
    fc.assert(
      fc.property(
        payload,
        config,
        fc.array(fc.integer({ min: 1, max: 900 }), { minLength: 1 }),
        (state, options, cuts) => {
          const message = m.encodePushPull({ join: true, nodes: [], userState: state });
          const sealed = sealStream(message, made(options), seededRandom(1));
          const decoder = new StreamDecoder(made(options), 'dialling');
          for (let at = 0, i = 0; at < sealed.length; i += 1) {
            expect(decoder.phase).not.toBe('done');
            const end = at + (cuts[i % cuts.length] as number);
            decoder.push(sealed.subarray(at, end));
            at = end;
          }
          expect(hex(decoder.take() as Uint8Array)).toBe(hex(message));
        },
      ),
    );
  });
});

describe('msgpackr agrees with our codec where the dialects do', () => {
  interface Everything {
    readonly text: string;
    readonly flag: boolean;
    readonly big: number;
    readonly small: number;
    readonly float: number;
    readonly blob: Uint8Array;
    readonly list: readonly string[];
    readonly map: ReadonlyMap<string, number>;
  }
  const kind = k.struct<Everything>({
    text: ['text', k.text],
    flag: ['flag', k.bool],
    big: ['big', k.u64],
    small: ['small', k.i64],
    float: ['float', k.f64],
    blob: ['blob', k.bytes],
    list: ['list', k.arrayOf(k.text)],
    map: ['map', k.mapOf(k.u32)],
  });
  const everything = fc.record({
    text: fc.string({ maxLength: 300 }),
    flag: fc.boolean(),
    big: fc.oneof(fc.maxSafeNat(), fc.nat(70_000)),
    small: fc.oneof(fc.integer(), fc.integer({ min: -200, max: 200 })),
    // It writes negative zero as the integer 0.
    float: fc.double({ noNaN: true }).map((value) => value + 0),
    blob: bytes,
    list: fc.array(fc.string({ maxLength: 40 }), { maxLength: 20 }),
    map: fc.dictionary(fc.string(), u32).map((entries) => new Map(Object.entries(entries))),
  });
  const options = { useRecords: false, mapsAsObjects: false, variableMapSize: true };

  it('we read what it writes: str8, bin and every integer', () => {
    const packr = new Packr(options);
    fc.assert(
      fc.property(everything, (value) => {
        const { big, blob } = value;
        const wide = big > 0xffff_ffff ? BigInt(big) : big;
        const packed = packr.pack(new Map(Object.entries({ ...value, big: wide, blob: Buffer.from(blob) })));
        expect(k.decode(kind, packed)).toEqual(value);
        expect(k.decodeFirst(kind, packed).end).toBe(packed.length);
      }),
    );
  });

  it('it reads what we write, bytes aside, which it takes for text', () => {
    const unpackr = new Unpackr({ ...options, int64AsType: 'number' });
    fc.assert(
      fc.property(everything, (value) => {
        const encoded = k.encode(kind, { ...value, blob: new Uint8Array(0) });
        const list = value.list.length === 0 ? null : value.list;
        expect(unpackr.unpack(encoded)).toEqual(new Map(Object.entries({ ...value, blob: '', list })));
      }),
    );
  });

  it('a scan ends where its values end', () => {
    const packr = new Packr(options);
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const packed = Buffer.concat([packr.pack(value), Buffer.of(0xc1)]);
        const scan = new ValueScan(0);
        for (let length = 0; length < packed.length - 1; length += 1) {
          expect(scan.advance(packed, length)).toBe(false);
        }
        expect(scan.advance(packed, packed.length)).toBe(true);
        expect(scan.at).toBe(packed.length - 1);
      }),
    );
  });
});

describe('hostile bytes give WireErrors and nothing else', () => {
  const readers: Readonly<Record<string, (input: Uint8Array) => unknown>> = {
    ping: m.decodePing,
    indirectPing: m.decodeIndirectPing,
    ack: m.decodeAck,
    nack: m.decodeNack,
    error: m.decodeErrorReply,
    suspect: m.decodeSuspect,
    dead: m.decodeDead,
    alive: m.decodeAlive,
    pushPull: m.decodePushPull,
    user: m.decodeUserStream,
    compound: decodeCompound,
    compress: (input) => decompressMessage(input, 100_000),
    lzw: (input) => lzwDecode(input, 100_000),
    packet: (input) => openPacket(input, envelope()),
    encrypted: (input) => openPacket(input, envelope({ keyring: new Keyring([], new Uint8Array(16)) })),
    accepting: (input) => new StreamDecoder(envelope(), 'accepting').push(input),
    dialling: (input) => new StreamDecoder(envelope(), 'dialling').push(input),
  };

  function survive(run: () => unknown): void {
    try {
      run();
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      expect(error.stack?.includes('\n')).not.toBe(true);
    }
  }

  const sample = m.encodePushPull({
    join: true,
    nodes: [
      {
        name: 'a',
        addr: Uint8Array.of(127, 0, 0, 1),
        port: 7946,
        meta: new Uint8Array(40),
        incarnation: 70_000,
        state: 0,
        vsn: Uint8Array.of(1, 5, 2, 2, 5, 5),
      },
    ],
    userState: new Uint8Array(50),
  });
  const alive = m.encodeAlive({
    incarnation: 1,
    node: 'b',
    addr: Uint8Array.of(127, 0, 0, 1),
    port: 1,
    meta: new Uint8Array(40),
    vsn: new Uint8Array(6),
  });
  const seeds = [sample, alive, compressMessage(sample) as Uint8Array, encodeCompound([alive, sample])];
  /** Real messages with bytes changed, cut out and cut off. */
  const mutated = fc
    .tuple(
      fc.constantFrom(...seeds),
      fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 6 }),
      fc.nat(400),
    )
    .map(([seed, changes, keep]) => {
      const out = Uint8Array.from(seed);
      for (const [at, value] of changes) out[at % out.length] = value;
      return out.subarray(0, Math.max(1, keep % (2 * out.length)));
    });
  const heads = fc.constantFrom(0xc1, 0xdd, 0xdf, 0xdb, 0xc6, 0xc9, 0x9f, 0x8f, 0xff, 0x91, 0x81, 0xdc, 0xde);
  const vicious = fc
    .array(fc.oneof(heads, fc.nat(255)), { maxLength: 200 })
    .map((list) => Uint8Array.from(list));
  const hostile = fc.oneof(mutated, vicious, fc.uint8Array({ maxLength: 500 }));

  for (const [title, read] of Object.entries(readers)) {
    it(title, () => {
      fc.assert(
        fc.property(hostile, (input) => {
          survive(() => read(input));
          survive(() => read(input.subarray(1)));
        }),
        { numRuns: 1000 },
      );
    });
  }

  it('unpacking drops and never throws', () => {
    fc.assert(
      fc.property(hostile, (input) => {
        let count = 0;
        const sink = { message: () => (count += 1), dropped: () => (count += 1) };
        unpackMessage(input, sink);
        unpackMessage(encodeCompound([input, Uint8Array.of(9, ...input)]), sink);
        expect(count).toBeGreaterThan(0);
      }),
      { numRuns: 1000 },
    );
  });

  it('no input makes a decoder allocate far more than it brought', () => {
    const announcing = ['dd7fffffff', 'df7fffffff', 'db7fffffff', 'c67fffffff'];
    const before = process.memoryUsage().arrayBuffers;
    let peak = 0;
    for (const head of announcing) {
      for (const read of Object.values(readers)) {
        for (const prefix of [
          '',
          '81a44e6f6465',
          '82a4416c676f00a3427566',
          '06',
          '0681a54e6f646573',
          '09',
          '08',
          '00',
        ]) {
          survive(() => read(Buffer.from(prefix + head + '00'.repeat(20), 'hex')));
          peak = Math.max(peak, process.memoryUsage().arrayBuffers - before);
        }
      }
    }
    expect(peak).toBeLessThan(64 * 1024 * 1024);
  });
});
