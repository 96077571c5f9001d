import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ipText, isIpText, mayBeIpText } from '../../src/base/address.ts';
import { WireError } from '../../src/base/errors.ts';
import * as general from '../../src/swim/messages.ts';
import { decodeAck, encodeAck, encodePing, questionOf } from '../../src/swim/ping-codec.ts';

const FROM = { ip: '10.0.0.9', port: 7946 };
const u32 = fc.oneof(fc.nat({ max: 300 }), fc.nat({ max: 0xffff_ffff }));
const bytes = (maxLength: number) => fc.uint8Array({ maxLength });
const name = fc.oneof(
  { weight: 2, arbitrary: fc.constantFrom('me', '') },
  fc.constantFrom('n12', 'nöde', 'x'.repeat(40)),
  fc.string(),
);
const ping = fc.record<general.Ping>({
  seqNo: u32,
  node: name,
  sourceAddr: fc.oneof(fc.constantFrom(Uint8Array.of(10, 0, 0, 9), Uint8Array.of(10, 0, 0, 1)), bytes(16)),
  sourcePort: fc.constantFrom(0, 80, 7946, 65_535),
  sourceNode: name,
});
const ack = fc.record<general.Ack>({ seqNo: u32, payload: fc.option(bytes(300)) });
/** Some bytes of a body changed, and perhaps its end cut off. */
const damage = fc.record({
  flips: fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 3 }),
  cut: fc.oneof(fc.constant(0), fc.nat({ max: 60 })),
});

function damaged(body: Uint8Array, { flips, cut }: { flips: [number, number][]; cut: number }): Uint8Array {
  const out = body.slice(0, Math.max(0, body.length - cut));
  for (const [at, value] of flips) if (out.length > 0) out[at % out.length] = value;
  return out;
}

/** A message whose body is damaged. */
function typed(message: Uint8Array, harm: { flips: [number, number][]; cut: number }): Uint8Array {
  return Uint8Array.of(message[0] as number, ...damaged(message.subarray(1), harm));
}

function attempt<T>(read: () => T): T | string {
  try {
    return read();
  } catch (error) {
    if (error instanceof WireError) return error.code;
    throw error;
  }
}

/** What the general decoder makes of a ping for `me`. */
function plainQuestion(body: Uint8Array) {
  const read = attempt(() => general.decodePing(body));
  if (typeof read === 'string' || (read.node !== '' && read.node !== 'me')) return undefined;
  const ip = read.sourcePort === 0 ? undefined : ipText(read.sourceAddr);
  return { seqNo: read.seqNo, source: ip === undefined ? FROM : { ip, port: read.sourcePort } };
}

describe('pings and acks at known places', () => {
  it('are written as the tables write them', () => {
    fc.assert(
      fc.property(ping, ack, (asked, answered) => {
        expect(Buffer.from(encodePing(asked))).toEqual(Buffer.from(general.encodePing(asked)));
        expect(Buffer.from(encodeAck(answered))).toEqual(Buffer.from(general.encodeAck(answered)));
      }),
    );
  });

  it('are read as the tables read them, whole or damaged', () => {
    let quick = 0;
    fc.assert(
      fc.property(ping, ack, damage, (asked, answered, harm) => {
        const question = typed(general.encodePing(asked), harm);
        const found = questionOf(question, FROM, 'me');
        if (found !== undefined) expect(found).toEqual(plainQuestion(question.subarray(1)));
        quick += found === undefined ? 0 : 1;
        const answer = typed(general.encodeAck(answered), harm);
        const plain = attempt(() => general.decodeAck(answer.subarray(1)));
        const read = attempt(() => decodeAck(answer));
        expect(JSON.stringify(read)).toBe(JSON.stringify(plain));
      }),
      { numRuns: 2000 },
    );
    expect(quick).toBeGreaterThan(0);
  });

  it('of everyday pings are always read so', () => {
    const message = general.encodePing({
      seqNo: 70_000,
      node: 'me',
      sourceAddr: Uint8Array.of(10, 0, 0, 9),
      sourcePort: 7946,
      sourceNode: 'n1',
    });
    expect(questionOf(message, FROM, 'me')?.source).toBe(FROM);
    expect(questionOf(message, { ip: '10.0.0.8', port: 7946 }, 'me')?.source).toEqual(FROM);
    expect(questionOf(message, FROM, 'somebody-else')).toBeUndefined();
  });
});

describe('the text of an address', () => {
  it('is known without being made', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.nat({ max: 3 }), (addr, at) => {
        const text = ipText(addr) as string;
        expect([isIpText(text, addr, 0), mayBeIpText(text)]).toEqual([true, true]);
        const other = addr.slice();
        other[at] = (other[at] as number) ^ 1;
        expect(isIpText(text, other, 0)).toBe(false);
      }),
    );
    expect(isIpText('fe80::1', Uint8Array.of(0, 0, 0, 1), 0)).toBe(false);
    expect(['web-1', '', 'fe80::1', '1st'].map(mayBeIpText)).toEqual([false, false, true, true]);
  });
});
