import { describe, expect, it } from 'vitest';
import { WireError } from '../../../src/base/errors.ts';
import { seededRandom } from '../../../src/base/random.ts';
import * as m from '../../../src/swim/messages.ts';
import { MAX_SMALL_STREAM_BYTES, StreamDecoder, type StreamRole } from '../../../src/swim/stream-decoder.ts';
import { compressMessage, MAX_STREAM_PLAINTEXT } from '../../../src/wire/compress.ts';
import { type EnvelopeConfig, labelHeader, sealStream } from '../../../src/wire/envelope.ts';
import { envelope, hex, ring, unhex } from '../../vectors/load.ts';

const random = seededRandom(5);
const label = Uint8Array.from(Buffer.from('blue'));
const keyring = ring('11'.repeat(16));
const ping = m.encodePing({
  seqNo: 7,
  node: 'b',
  sourceAddr: new Uint8Array(0),
  sourcePort: 0,
  sourceNode: '',
});
const node: m.PushPullNode = {
  name: 'n'.repeat(40),
  addr: new Uint8Array(16),
  port: 1,
  meta: new Uint8Array(300),
  incarnation: 1,
  state: 0,
  vsn: Uint8Array.of(1, 5, 2, 2, 5, 5),
};
const state = m.encodePushPull({ join: true, nodes: [node, node, node], userState: random.bytes(500) });
const user = m.encodeUserStream(random.bytes(70));

function whole(config: EnvelopeConfig, message: Uint8Array): Uint8Array {
  return Buffer.concat([labelHeader(config), sealStream(message, config, random)]);
}

/** What became of a stream: its error's code, and whether the peer gets an error reply. */
function verdict(bytes: Uint8Array, config: EnvelopeConfig, role: StreamRole = 'accepting'): string {
  const decoder = new StreamDecoder(config, role);
  try {
    decoder.push(bytes);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return `${error.code}, ${decoder.answersError ? 'answer' : 'close'}`;
  }
  return decoder.phase;
}

describe('a stream decoder finds the message', () => {
  const configs: readonly (readonly [string, EnvelopeConfig])[] = [
    ['plain', envelope()],
    ['compressed', envelope({ compression: true })],
    ['labelled', envelope({ label })],
    ['encrypted', envelope({ keyring })],
    ['encrypted with padding', envelope({ keyring, protocolVersion: 1 })],
    ['wrapped in everything', envelope({ keyring, label, compression: true })],
  ];
  for (const [name, config] of configs) {
    it.each([
      ['ping', ping],
      ['push/pull', state],
      ['user message', user],
      ['empty user message', m.encodeUserStream(new Uint8Array(0))],
    ])(`${name} %s, at the very byte it is whole, in any chunks`, (_, message) => {
      const bytes = whole(config, message);
      for (const size of [1, 5, bytes.length]) {
        const decoder = new StreamDecoder(config, 'accepting');
        for (let at = 0; at < bytes.length; at += size) {
          expect(decoder.take()).toBeUndefined();
          decoder.push(bytes.subarray(at, at + size));
        }
        expect(hex(decoder.take() as Uint8Array)).toBe(hex(message));
        expect(decoder.take()).toBeUndefined();
      }
    });
  }

  it('and ignores what follows', () => {
    const decoder = new StreamDecoder(envelope(), 'accepting');
    decoder.push(Buffer.concat([ping, ping]));
    decoder.push(ping);
    expect(hex(decoder.take() as Uint8Array)).toBe(hex(ping));
  });

  it('and keeps no view of what was pushed', () => {
    const bytes = Uint8Array.from(ping);
    const decoder = new StreamDecoder(envelope(), 'accepting');
    decoder.push(bytes);
    bytes.fill(0xff);
    expect(hex(decoder.take() as Uint8Array)).toBe(hex(ping));
  });

  it('in a reply, which has no label header but a block bound to the label', () => {
    const config = envelope({ keyring, label, compression: true });
    const ack = m.encodeAck({ seqNo: 7, payload: null });
    const decoder = new StreamDecoder(config, 'dialling');
    decoder.push(sealStream(ack, config, random));
    expect(hex(decoder.take() as Uint8Array)).toBe(hex(ack));
    expect(verdict(whole(config, ack), config, 'dialling')).toBe('stream-not-encrypted, answer');
  });

  it('plain or encrypted while migrating', () => {
    const lenient = envelope({ keyring, verifyIncoming: false });
    expect(verdict(ping, lenient)).toBe('done');
    expect(verdict(whole(envelope({ keyring }), ping), lenient)).toBe('done');
  });
});

describe('a stream decoder tells what is missing', () => {
  it.each([
    ['', 'label'],
    ['f404', 'label'],
    ['f404626c7565', 'type'],
    ['f404626c75650a0000', 'encrypted'],
    ['f404626c7565098182', 'compressed'],
    ['f404626c75650682', 'message'],
  ])('after %j: %s', (bytes, phase) => {
    const config = envelope({ label, keyring, verifyIncoming: false });
    expect(verdict(unhex(bytes), config)).toBe(phase);
  });
});

describe('a stream decoder refuses', () => {
  const encrypted = envelope({ keyring });
  const block = sealStream(ping, encrypted, random);
  const header = (nodes: string, bytes: string): Uint8Array =>
    unhex(`0683a44a6f696ec2a54e6f646573${nodes}ac5573657253746174654c656e${bytes}`);

  it('labels that are not ours, silently', () => {
    expect(verdict(ping, envelope({ label }))).toBe('label-mismatch, close');
    expect(verdict(whole(envelope({ label }), ping), envelope())).toBe('label-mismatch, close');
    expect(verdict(unhex('f400'), envelope({ label }))).toBe('label-empty, close');
    const skipping = envelope({ label, skipInboundLabelCheck: true });
    expect(verdict(whole(envelope({ label }), ping), skipping)).toBe('label-double, close');
    expect(verdict(ping, skipping)).toBe('done');
  });

  it('encryption we did not configure, and its absence where we did, with an answer', () => {
    expect(verdict(block, envelope())).toBe('stream-encrypted, answer');
    expect(verdict(ping, encrypted)).toBe('stream-not-encrypted, answer');
  });

  it('blocks that no key opens, that are too short or too long, with an answer', () => {
    expect(verdict(block, envelope({ keyring: ring('22'.repeat(16)) }))).toBe('cipher-key, answer');
    expect(verdict(block, envelope({ keyring, label, skipInboundLabelCheck: true }))).toBe(
      'cipher-key, answer',
    );
    expect(verdict(unhex('0a0000001c'), encrypted)).toBe('cipher-short, answer');
    expect(verdict(unhex('0a01400001'), encrypted)).toBe('stream-too-large, answer');
    expect(verdict(unhex('0a01400000'), encrypted)).toBe('encrypted');
    expect(verdict(sealStream(new Uint8Array(0), encrypted, random), encrypted)).toBe(
      'message-empty, answer',
    );
  });

  it('compression that cannot be read, with an answer', () => {
    expect(verdict(unhex('0982a4416c676f00a3427566a3000302'), envelope())).toBe('compress-empty, answer');
    expect(verdict(unhex('0982a4416c676f07a3427566a400c30404'), envelope())).toBe(
      'compress-algorithm, answer',
    );
    expect(verdict(unhex('0901'), envelope())).toBe('msgpack-type, answer');
    const bomb = compressMessage(new Uint8Array(MAX_STREAM_PLAINTEXT + 1)) as Uint8Array;
    expect(verdict(bomb, envelope())).toBe('compress-too-large, answer');
  });

  it('layers in a wrong order or twice, silently', () => {
    const twice = compressMessage(compressMessage(ping) as Uint8Array) as Uint8Array;
    expect(verdict(twice, envelope())).toBe('stream-type, close');
    expect(verdict(compressMessage(block) as Uint8Array, { ...encrypted, verifyIncoming: false })).toBe(
      'stream-type, close',
    );
    expect(verdict(sealStream(block, encrypted, random), encrypted)).toBe('stream-type, close');
  });

  it.each([1, 2, 3, 4, 5, 7, 11, 12, 13, 14, 99, 255])('requests of type %i, silently', (type) => {
    expect(verdict(Uint8Array.of(type, 0x80), envelope())).toBe('stream-type, close');
  });

  it.each([0, 1, 3, 8, 12, 244])('replies of type %i', (type) => {
    expect(verdict(Uint8Array.of(type, 0x80), envelope(), 'dialling')).toBe('stream-type, close');
  });

  it('counts and lengths beyond the limits as soon as they are announced, silently', () => {
    expect(verdict(header('ce77359400', '00'), envelope())).toBe('push-pull-nodes, close');
    expect(verdict(header('ff', '00'), envelope())).toBe('push-pull-nodes, close');
    expect(verdict(header('00', 'ce01400001'), envelope())).toBe('push-pull-state, close');
    expect(verdict(unhex('0881aa557365724d73674c656ece01400001'), envelope())).toBe('user-length, close');
    expect(verdict(unhex('0681a178dbffffffff'), envelope())).toBe('stream-too-large, close');
    expect(verdict(unhex('0982a178dbffffffff'), envelope())).toBe('stream-too-large, answer');
    expect(verdict(unhex('0081a178dbffffffff'), envelope())).toBe('stream-too-large, close');
  });

  it('a plain ping that goes on for ever', () => {
    const decoder = new StreamDecoder(envelope(), 'accepting');
    decoder.push(unhex('00dfffffffff'));
    const filler = new Uint8Array(1000).fill(0xc0);
    expect(() => {
      for (let sent = 0; sent <= MAX_SMALL_STREAM_BYTES + 2000; sent += filler.length) decoder.push(filler);
    }).toThrow('larger than limit');
  });

  it('nesting without end', () => {
    const nested = new Uint8Array(3000).fill(0x91);
    for (const type of [0, 6, 8, 9]) {
      nested[0] = type;
      expect(verdict(nested, envelope())).toMatch(/^msgpack-depth/);
    }
  });
});
