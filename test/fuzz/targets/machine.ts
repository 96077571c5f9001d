import type { Address, StreamId } from '../../../src/base/machine.ts';
import { seededRandom } from '../../../src/base/random.ts';
import { Serf } from '../../../src/serf/serf.ts';
import { encodeAlive, encodePing } from '../../../src/swim/messages.ts';
import { serfConfig } from '../../support/serf-node.ts';
import { loadVectors, unhex } from '../../vectors/load.ts';
import { hold, type Target } from '../target.ts';

/** The whole machine: bytes, streams and time come in, in any order. */

const HERE: Address = { ip: '10.0.0.1', port: 7946 };
const PEERS: readonly Address[] = [2, 3, 4, 99].map((host) => ({ ip: `10.0.0.${host}`, port: 7946 }));
const WAITS = [1, 100, 501, 1_000, 5_000, 40_000];
/** Steps of one input; more only repeats. */
const STEPS_MAX = 64;
const DATAGRAM_MAX = 65_507;

interface Node {
  readonly serf: Serf;
  /** Open streams, those it opened and those opened to it. */
  readonly streams: Set<StreamId>;
  now: number;
  sent: number;
}

function start(): Node {
  const streams = new Set<StreamId>();
  let next = 1;
  const node = { streams, now: 0, sent: 0 } as { -readonly [K in keyof Node]: Node[K] };
  node.serf = new Serf({
    config: serfConfig('a', HERE),
    random: seededRandom(1),
    effects: {
      sendDatagram: (_to, bytes) => {
        node.sent += 1;
        hold(bytes.length <= DATAGRAM_MAX, 'no datagram is larger than UDP carries');
      },
      openStream: () => {
        next += 1;
        streams.add(next);
        return next;
      },
      writeStream: () => undefined,
      closeStream: (id) => void streams.delete(id),
      publish: () => undefined,
      settle: () => undefined,
      answer: () => undefined,
      record: () => undefined,
      evict: () => undefined,
    },
    trace: undefined,
  });
  node.serf.start(0);
  return node;
}

function pass(node: Node, ms: number): void {
  const until = node.now + ms;
  for (let at = node.serf.nextDeadline(); at <= until; at = node.serf.nextDeadline()) {
    node.now = Math.max(node.now, at);
    node.serf.tick(node.now);
  }
  node.now = until;
}

/** Reads an input as steps: a byte says what, two bytes how long the bytes are that go with it. */
function play(node: Node, input: Uint8Array): void {
  let at = 0;
  let accepted = 1_000_000;
  for (let step = 0; step < STEPS_MAX && at + 3 <= input.length; step += 1) {
    const [kind = 0, high = 0, low = 0] = input.subarray(at, at + 3);
    const bytes = input.slice(at + 3, at + 3 + high * 256 + low);
    at += 3 + bytes.length;
    const peer = PEERS[(kind >> 4) % PEERS.length] ?? HERE;
    const stream = [...node.streams][kind % Math.max(1, node.streams.size)];
    switch (kind & 7) {
      case 0:
      case 1:
        node.serf.datagram(node.now, peer, bytes);
        break;
      case 2:
        accepted += 1;
        node.streams.add(accepted);
        node.serf.stream(node.now, accepted, { type: 'accepted', from: peer });
        if (node.streams.has(accepted)) node.serf.stream(node.now, accepted, { type: 'data', bytes });
        break;
      case 3:
        if (stream !== undefined) node.serf.stream(node.now, stream, { type: 'data', bytes });
        break;
      case 4:
        if (stream !== undefined)
          node.serf.stream(node.now, stream, high % 2 === 0 ? { type: 'opened' } : { type: 'ended' });
        break;
      case 5:
        if (stream === undefined) break;
        node.streams.delete(stream);
        node.serf.stream(node.now, stream, { type: 'failed', why: 'reset' });
        break;
      case 6:
        node.serf.undeliverable(node.now, peer, 'refused');
        break;
      default:
        pass(node, WAITS[low % WAITS.length] ?? 1);
    }
    for (const { what, size, limit } of node.serf.loads())
      hold(size <= limit, `${what} stays within its limit`);
  }
}

function survives(input: Uint8Array): void {
  const node = start();
  play(node, input);
  pass(node, 1);
  if (node.serf.state !== 'alive') return;
  const before = node.sent;
  const nobody = new Uint8Array(0);
  node.serf.datagram(
    node.now,
    PEERS[0] ?? HERE,
    encodePing({ seqNo: 1, node: 'a', sourceAddr: nobody, sourcePort: 0, sourceNode: '' }),
  );
  hold(node.sent === before + 1, 'a ping is answered');
  hold(node.serf.localMember().status === 'alive', 'it holds itself for alive');
  hold(
    Number.isFinite(node.serf.nextDeadline()) && node.serf.nextDeadline() > node.now,
    'it wants to be woken later',
  );
}

const framed = (kind: number, bytes: Uint8Array): Uint8Array =>
  Uint8Array.from([kind, bytes.length >> 8, bytes.length & 255, ...bytes]);

function seeds(): Uint8Array[] {
  const packets = ['gossip-packets', 'captured-gossip', 'serf-messages'].flatMap((file) =>
    loadVectors(file).map(({ hex }) => unhex(hex)),
  );
  const streams = loadVectors('tcp-streams').map(({ client }) => unhex(client));
  const alive = encodeAlive({
    node: 'b',
    incarnation: 1,
    addr: Uint8Array.of(10, 0, 0, 2),
    port: 7946,
    meta: new Uint8Array(0),
    vsn: Uint8Array.of(1, 5, 2, 2, 5, 5),
  });
  const meet = framed(0, alive);
  const wait = Uint8Array.of(7, 0, 3);
  return [
    ...packets.map((packet) => Uint8Array.from([...meet, ...framed(0, packet), ...wait])),
    ...streams.map((stream) => Uint8Array.from([...meet, ...framed(2, stream), ...wait])),
  ].filter(({ length }) => length <= 4096);
}

export const MACHINE_TARGETS: readonly Target[] = [{ name: 'machine', seeds, run: survives }];
