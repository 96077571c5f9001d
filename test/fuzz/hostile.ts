import { createSocket } from 'node:dgram';
import { readFileSync } from 'node:fs';
import { createConnection } from 'node:net';
import { type Random, seededRandom } from '../../src/base/random.ts';
import { encodeCompound } from '../../src/wire/compound.ts';
import { compressMessage } from '../../src/wire/compress.ts';

/** Hostile bytes for a gossip port and an RPC port: captured ones mutated and cut, random ones, and known killers. */

const vectors = (file: string): Record<string, unknown>[] =>
  JSON.parse(readFileSync(new URL(`../vectors/data/${file}.json`, import.meta.url), 'utf8')) as Record<
    string,
    unknown
  >[];

const hex = (text: string): Uint8Array => Buffer.from(text.replaceAll(' ', ''), 'hex');

function packetSeeds(): Uint8Array[] {
  const files = [
    'gossip-packets',
    'serf-messages',
    'captured-gossip',
    'captured-encrypted-packets',
    'encrypted-packets',
  ];
  return files.flatMap((file) => vectors(file).map((entry) => hex(entry['hex'] as string)));
}

const streamSeeds = (): Uint8Array[] => vectors('tcp-streams').map((entry) => hex(entry['client'] as string));

/** Client sides of captured conversations, but for those that ask the agent to leave, which it would rightly do. */
function rpcSeeds(): Uint8Array[] {
  const leave = Buffer.from('a56c65617665', 'hex');
  const sessions = vectors('rpc-sessions').map((entry) => {
    const chunks = entry['chunks'] as { from: string; hex: string }[];
    return Buffer.concat(chunks.filter((chunk) => chunk.from === 'client').map((chunk) => hex(chunk.hex)));
  });
  return sessions.filter((session) => !Buffer.from(session).includes(leave));
}

/** A message of type 7 holding itself, `depth` times. */
function nested(depth: number): Uint8Array {
  let message: Uint8Array = hex('0b81a55365714e6f2a');
  for (let i = 0; i < depth; i += 1) message = encodeCompound([message]);
  return message;
}

const deepArrays = (depth: number): Uint8Array => Buffer.concat([Buffer.alloc(depth, 0x91), hex('c0')]);

/** Compressed zeros: small on the wire, huge inside. */
function bomb(bytes: number): Uint8Array {
  return compressMessage(new Uint8Array(bytes)) ?? new Uint8Array(0);
}

/** Packets that kill or stall a careless implementation (memberlist.md 8, serf.md 22). */
export function killerPackets(): Uint8Array[] {
  const query = (rest: string): string =>
    `08048ba441646472a47f000001a746696c74657273${rest}a5466c61677300a24944ce12345678a54c54696d6507a44e616d65`;
  const tail = 'a4506f7274cd1f0aab52656c6179466163746f7200aa536f757263654e6f6465a178a754696d656f757400';
  return [
    new Uint8Array(0),
    hex('07'),
    hex('07ff'),
    hex('07010000'),
    hex('0780'),
    hex('0982a4416c676f00a3427566a3000302'),
    bomb(30 * 1024 * 1024),
    nested(200),
    Buffer.concat([hex('00'), deepArrays(5000)]),
    Buffer.concat([hex('0081a178'), deepArrays(60_000)]),
    hex(
      '0486a441646472a47f000001ab496e6361726e6174696f6e01a44d657461c0a44e6f6465a178a4506f727401a356736ea3010502',
    ),
    hex('08'),
    hex(`${query('91a0')}a178a75061796c6f6164c0${tail}`),
    hex(`${query('91c0')}a178a75061796c6f6164c0${tail}`),
    hex(`${query('c0')}b15f736572665f696e7374616c6c2d6b6579a75061796c6f6164c0${tail}`),
    hex(`${query('c0')}ad5f736572665f7573652d6b6579a75061796c6f6164a0${tail}`),
    hex(`${query('c0')}b05f736572665f72656d6f76652d6b6579a75061796c6f6164a107${tail}`),
    hex('080182a54c54696d65cfffffffffffffffffa44e6f6465a161'),
    hex('08038144'),
    hex('0808'),
    hex('0809c0'),
    hex('0cdeadbeef00'),
    hex('f400'),
    hex('f4ff78'),
  ];
}

/** Streams of the same kind. */
export function killerStreams(): Uint8Array[] {
  return [
    new Uint8Array(0),
    hex('0683a44a6f696ec3a54e6f646573ce77359400ac5573657253746174654c656e00'),
    hex('0683a44a6f696ec3a54e6f646573ffac5573657253746174654c656e00'),
    hex('0683a44a6f696ec3a54e6f64657300ac5573657253746174654c656ece77359400'),
    hex('0683a44a6f696ec2a54e6f64657300ac5573657253746174654c656e00'),
    hex('0881aa557365724d73674c656ece77359400'),
    hex('0a77359400'),
    hex('0a00000000'),
    hex('0982a4416c676f00a3427566dbffffffff'),
    hex('0982a4416c676f00a3427566a3000302'),
    Buffer.concat([hex('06'), deepArrays(100_000)]),
    bomb(50 * 1024 * 1024),
    hex('f4046772656e'),
    hex('07'),
    hex('0d81a54572726f72a3454f46'),
  ];
}

/** Frames of the same kind for the RPC port. */
export function killerFrames(): Uint8Array[] {
  const shake = hex('82a7436f6d6d616e64a968616e647368616b65a3536571cfffffffffffffffff81a756657273696f6e01');
  return [
    deepArrays(100_000),
    hex('dfffffffff'),
    hex('ddffffffff'),
    hex('dbffffffff'),
    hex('c6ffffffff'),
    hex('d40100'),
    Buffer.concat([shake, hex('82a7436f6d6d616e64a66265676f6e65a353657102')]),
    Buffer.concat([shake, shake, hex('82a7436f6d6d616e64a67374726561 6da35365710181a454797065a13d')]),
    Buffer.concat([
      shake,
      hex(
        '82a7436f6d6d616e64b06d656d626572732d66696c7465726564a35365710283a44e616d65a228 28a6537461747573a0a45461677380',
      ),
    ]),
  ];
}

/** One seed, changed: bytes flipped, cut, doubled, or all new. */
function mutate(seed: Uint8Array, random: Random): Uint8Array {
  const choice = random.below(5);
  if (choice === 0) return random.bytes(random.below(300));
  if (choice === 1) return seed.subarray(0, random.below(seed.length + 1));
  const copy = Uint8Array.from(seed);
  if (choice === 2) return Buffer.concat([copy, random.bytes(random.below(40))]);
  const flips = 1 + random.below(4);
  for (let i = 0; i < flips && copy.length > 0; i += 1) copy[random.below(copy.length)] = random.below(256);
  return choice === 3 ? copy : Buffer.concat([copy, copy.subarray(random.below(copy.length + 1))]);
}

const pick = <T>(items: readonly T[], random: Random): T => items[random.below(items.length)] as T;

/** Sends `count` datagrams, the killers first. */
export async function hostilePackets(ip: string, port: number, count: number, seed = 1): Promise<void> {
  const random = seededRandom(seed, 'packets');
  const seeds = packetSeeds();
  const killers = killerPackets();
  const socket = createSocket('udp4');
  const send = (bytes: Uint8Array): Promise<void> =>
    new Promise((resolve) => socket.send(bytes, port, ip, () => resolve()));
  for (let i = 0; i < count; i += 1) {
    await send(killers[i] ?? mutate(pick(seeds, random), random));
  }
  await new Promise<void>((resolve) => socket.close(() => resolve()));
}

/** Opens `count` connections and sends each one hostile text; half of them half-close, the rest just vanish. */
export async function hostileConnections(
  target: { readonly ip: string; readonly port: number; readonly kind: 'stream' | 'rpc' },
  count: number,
  seed = 1,
): Promise<void> {
  const random = seededRandom(seed, target.kind);
  const seeds = target.kind === 'stream' ? streamSeeds() : rpcSeeds();
  const killers = target.kind === 'stream' ? killerStreams() : killerFrames();
  const one = (i: number): Promise<void> =>
    new Promise((resolve) => {
      const bytes = killers[i] ?? mutate(pick(seeds, random), random);
      const localAddress = `127.201.${1 + (i % 200)}.1`;
      const socket = createConnection({ host: target.ip, port: target.port, localAddress });
      const timer = setTimeout(() => socket.destroy(), 250);
      socket.on('error', () => undefined);
      socket.on('data', () => undefined);
      socket.once('close', () => {
        clearTimeout(timer);
        resolve();
      });
      const cut = random.below(bytes.length + 1);
      const polite = random.below(2) === 0;
      socket.once('connect', () => {
        socket.write(bytes.subarray(0, cut));
        socket.write(bytes.subarray(cut));
        if (polite) socket.end();
        else setTimeout(() => socket.resetAndDestroy(), 5);
      });
    });
  const WORKERS = 32;
  let next = 0;
  const worker = async (): Promise<void> => {
    for (let i = next++; i < count; i = next++) await one(i);
  };
  await Promise.all(Array.from({ length: WORKERS }, worker));
}
