import { seededRandom } from '../../../src/base/random.ts';
import { StreamDecoder, type StreamRole } from '../../../src/swim/stream-decoder.ts';
import { decryptBlock } from '../../../src/wire/cipher.ts';
import { decodeCompound, encodeCompound } from '../../../src/wire/compound.ts';
import { compressMessage, decompressMessage } from '../../../src/wire/compress.ts';
import { openPacket, sealPacket } from '../../../src/wire/envelope.ts';
import { encodeLabelHeader, findLabel } from '../../../src/wire/label.ts';
import { lzwDecode, lzwEncode } from '../../../src/wire/lzw.ts';
import { ValueScan } from '../../../src/wire/scan.ts';
import { unpackMessage } from '../../../src/wire/unpack.ts';
import { envelope, loadVectors, ring, unhex } from '../../vectors/load.ts';
import { hold, refusable, type Target } from '../target.ts';

/** What surrounds messages: label, cipher, checksum, compression, bundles, streams. */

const KEY = '30313233343536373839616263646566';
const CAP = 1 << 20;
const CONFIGS = [
  envelope(),
  envelope({ keyring: ring(KEY) }),
  envelope({ keyring: ring(KEY), verifyIncoming: false }),
  envelope({ label: Uint8Array.of(98, 108, 117, 101) }),
  envelope({ skipInboundLabelCheck: true }),
];

const packets = (): Uint8Array[] =>
  ['gossip-packets', 'captured-gossip', 'captured-encrypted-packets', 'encrypted-packets'].flatMap((file) =>
    loadVectors(file).map(({ hex }) => unhex(hex)),
  );
const streams = (): Uint8Array[] =>
  loadVectors('tcp-streams').flatMap(({ client, server }) => [unhex(client), unhex(server)]);
const PING = unhex('0082a55365714e6f01a44e6f6465a161');
const sealed = (): Uint8Array[] =>
  CONFIGS.map((config) => sealPacket(PING, config, { crc: true }, seededRandom(1)));

/** The outcome of a stream in pieces: the message, or the code of the error. */
function outcome(input: Uint8Array, cuts: readonly number[], role: StreamRole, encrypted: boolean): string {
  const decoder = new StreamDecoder(CONFIGS[encrypted ? 1 : 0] ?? envelope(), role);
  let from = 0;
  const message = refusable(() => {
    for (const cut of [...cuts, input.length]) {
      decoder.push(input.subarray(from, cut));
      from = cut;
    }
    return decoder.take() ?? new Uint8Array(0);
  });
  return message === undefined ? 'refused' : Buffer.from(message).toString('hex');
}

export const WIRE_TARGETS: readonly Target[] = [
  {
    name: 'envelope',
    seeds: () => [...packets(), ...sealed()],
    run: (input) => {
      for (const config of CONFIGS) {
        const message = refusable(() => openPacket(input, config));
        hold(
          message === undefined || (message.length > 0 && message.length <= input.length),
          'a packet holds no more than it is',
        );
      }
    },
  },
  {
    name: 'unpack',
    seeds: packets,
    run: (input) => {
      let bytes = 0;
      unpackMessage(input, {
        message: (message) => {
          hold(message.length > 0, 'no message is empty');
          bytes += message.length;
        },
        dropped: () => undefined,
      });
      hold(bytes <= CAP + input.length, 'what is unpacked is bounded');
    },
  },
  {
    name: 'compound',
    seeds: () => [encodeCompound([PING, PING]).subarray(1), ...packets().map((packet) => packet.subarray(1))],
    run: (input) => {
      const compound = refusable(() => decodeCompound(input));
      const total = compound?.parts.reduce((sum, part) => sum + part.length, 0) ?? 0;
      hold(total <= input.length, 'parts lie inside the bundle');
    },
  },
  {
    name: 'lzw',
    seeds: () =>
      [new Uint8Array(300), PING, new Uint8Array(5000).map((_, i) => i * i)].map(
        (text) => lzwEncode(text, 1e6, 0) ?? text,
      ),
    run: (input) => {
      const text = refusable(() => lzwDecode(input, 65_536));
      if (text === undefined) return;
      hold(text.length <= 65_536, 'the cap is kept');
      const packed = lzwEncode(text, 1e7, 0);
      hold(
        packed !== undefined && Buffer.from(lzwDecode(packed, 65_536)).equals(Buffer.from(text)),
        'LZW reads what it writes',
      );
    },
  },
  {
    name: 'compress',
    seeds: () =>
      [compressMessage(new Uint8Array(3000)) ?? PING, ...packets()].map((message) => message.subarray(1)),
    run: (input) => {
      const message = refusable(() => decompressMessage(input, 65_536));
      hold(message === undefined || (message.length > 0 && message.length <= 65_536), 'the cap is kept');
    },
  },
  {
    name: 'label',
    seeds: () => [encodeLabelHeader(Uint8Array.of(1, 2, 3)), ...packets()],
    run: (input) => {
      const found = refusable(() => findLabel(input));
      if (found === undefined) return;
      hold(found.end <= input.length && found.label.length <= 255, 'a label lies inside the packet');
    },
  },
  {
    name: 'cipher',
    seeds: () => [...sealed(), ...packets()],
    run: (input) => {
      const plain = refusable(() => decryptBlock(input, [unhex(KEY)], [new Uint8Array(0)]));
      hold(plain === undefined || plain.length < input.length, 'a block is longer than what it holds');
    },
  },
  {
    name: 'stream',
    seeds: streams,
    run: (input) => {
      const cut = input.length >> 1;
      for (const role of ['accepting', 'dialling'] as const) {
        const whole = outcome(input, [], role, false);
        hold(
          whole === outcome(input, [Math.min(1, cut), cut], role, false),
          'a stream means the same in pieces',
        );
        outcome(input, [cut], role, true);
      }
    },
  },
  {
    name: 'scan',
    seeds: () => [...streams(), PING].map((bytes) => bytes.subarray(1)),
    run: (input) => {
      const whole = refusable(() => {
        const scan = new ValueScan(0);
        return scan.advance(input, input.length) ? scan.at : -1;
      });
      const pieces = refusable(() => {
        const scan = new ValueScan(0);
        for (let length = 0; length <= input.length; length += 1)
          if (scan.advance(input, length)) return scan.at;
        return -1;
      });
      hold(whole === pieces, 'a value ends at the same place in pieces');
    },
  },
];
