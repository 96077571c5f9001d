import { seededRandom } from '../../src/base/random.ts';
import { PROFILES, SWIM_DEFAULTS, type SwimConfig } from '../../src/swim/config.ts';
import type { SwimDelegate } from '../../src/swim/delegate.ts';
import { envelopeOf } from '../../src/swim/envelope-config.ts';
import { encodeAlive } from '../../src/swim/messages.ts';
import { frameUser } from '../../src/swim/packer.ts';
import { Swim } from '../../src/swim/swim.ts';
import { encodeCompound } from '../../src/wire/compound.ts';
import { sealPacket } from '../../src/wire/envelope.ts';
import { Keyring } from '../../src/wire/keyring.ts';

/** What one received datagram of about 1,400 bytes costs, plain, compressed and encrypted. Run: npm run bench:datagram */

const VSN = Uint8Array.of(1, 5, 2, 2, 5, 5);
const from = { ip: '127.0.0.2', port: 7946 };
const ROUNDS = 60_000;

const delegate: SwimDelegate = {
  meta: () => new Uint8Array(0),
  receive: () => undefined,
  hasBroadcasts: () => false,
  contribute: () => undefined,
  localState: () => new Uint8Array(0),
  mergeRemoteState: () => undefined,
  ackPayload: () => undefined,
  admit: () => undefined,
  notice: () => undefined,
  settled: () => undefined,
};

function config(options: Partial<SwimConfig>): SwimConfig {
  const addr = Uint8Array.of(127, 0, 0, 1);
  return { ...PROFILES.lan, ...SWIM_DEFAULTS, name: 'me', addr, port: 7946, bindPort: 7946, ...options };
}

/** Alives everybody already knows, and user messages: what a gossip datagram mostly holds. */
function payload(): Uint8Array {
  const parts: Uint8Array[] = [];
  for (let i = 0; i < 10; i += 1) {
    const addr = Uint8Array.of(127, 0, 1, i);
    const meta = Buffer.from('ff81a4726f6c65a3776562', 'hex');
    parts.push(encodeAlive({ node: `node-${i}.example`, incarnation: 1, addr, port: 7946, meta, vsn: VSN }));
    parts.push(frameUser(Buffer.from(`0384a24343c3 user event ${i} with some payload`)));
  }
  return encodeCompound(parts);
}

function measure(name: string, options: Partial<SwimConfig>): void {
  const random = seededRandom(1);
  const effects = { sendDatagram() {}, openStream: () => 1, writeStream() {}, closeStream() {} };
  const settings = config(options);
  const swim = new Swim({ config: settings, random, effects, delegate });
  swim.start(0);
  const packet = sealPacket(payload(), envelopeOf(settings), { crc: true }, random);
  for (let i = 0; i < ROUNDS / 4; i += 1) swim.datagram(i, from, packet);
  const start = process.cpuUsage();
  for (let i = 0; i < ROUNDS; i += 1) swim.datagram(i, from, packet);
  const used = process.cpuUsage(start);
  const micros = (used.user + used.system) / ROUNDS;
  process.stdout.write(
    `${name.padEnd(34)} ${String(packet.length).padStart(5)} bytes ${micros.toFixed(1).padStart(7)} µs\n`,
  );
}

measure('plain', { enableCompression: false });
measure('compressed', { enableCompression: true });
measure('encrypted', { enableCompression: false, keyring: new Keyring([], Buffer.alloc(32, 7)) });
measure('compressed, encrypted', { keyring: new Keyring([], Buffer.alloc(32, 7)) });
