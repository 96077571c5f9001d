import type { Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { isDeepStrictEqual } from 'node:util';
import { WireError } from '../../../src/base/errors.ts';
import { fieldsOf, integerField, textField, textMapField, textsField } from '../../../src/rpc/fields.ts';
import { CLIENT_LIMITS, FrameReader } from '../../../src/rpc/framing.ts';
import { Session } from '../../../src/rpc/session.ts';
import { FakeBackend } from '../../unit/rpc/fake-backend.ts';
import { loadVectors, unhex } from '../../vectors/load.ts';
import { hold, refusable, type Target } from '../target.ts';

/** The RPC port: frames, fields, and a whole session. */

/** A leave waits a second for its answer to reach the system. */
const ENDED_WITHIN_MS = 1_500;

interface Captured {
  readonly chunks: readonly { readonly from: string; readonly hex: string }[];
}

const seeds = (): Uint8Array[] =>
  (loadVectors('rpc-sessions') as unknown as readonly Captured[]).map(({ chunks }) =>
    Uint8Array.from(
      chunks
        .filter(({ from }) => from === 'client')
        .flatMap(({ hex }) => [...unhex(hex.replaceAll(' ', ''))]),
    ),
  );

/** Every value of a stream cut at these places; the last entry says whether it was refused. */
function values(input: Uint8Array, cuts: readonly number[]): unknown[] {
  const reader = new FrameReader(CLIENT_LIMITS);
  const found: unknown[] = [];
  let from = 0;
  try {
    for (const cut of [...cuts, input.length]) {
      reader.push(input.subarray(from, cut));
      from = cut;
      for (let value = reader.next(); value !== undefined; value = reader.next()) found.push(value);
    }
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    found.push(error.code);
  }
  return found;
}

/** A connection in memory: what the client says is `input`, what it is told is thrown away. */
function socketOf(input: Uint8Array): Socket {
  const socket = new Duplex({
    read() {
      this.push(Buffer.from(input));
      this.push(null);
    },
    write: (_chunk, _encoding, done) => done(),
  });
  return Object.assign(socket, {
    destroySoon: () => socket.destroy(),
    setNoDelay: () => socket,
  }) as unknown as Socket;
}

async function session(input: Uint8Array): Promise<void> {
  const one = new Session({
    socket: socketOf(input),
    name: 'fuzz',
    backend: new FakeBackend(),
    authKey: '',
    local: true,
    log: () => undefined,
    now: () => 0,
    handshakeTimeoutMs: 1_000,
    onDropped: () => undefined,
    onCommand: () => undefined,
  });
  // The client has said all and hung up: however slow the agent, nothing may keep the connection.
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => {
    timer = setTimeout(resolve, ENDED_WITHIN_MS, 'late');
  });
  const ended = await Promise.race([one.run().then(() => 'ended'), late]);
  clearTimeout(timer);
  one.close();
  hold(ended === 'ended', 'a session ends when its client has');
}

export const RPC_TARGETS: readonly Target[] = [
  {
    name: 'rpc-frames',
    seeds,
    run: (input) => {
      const cut = input.length >> 1;
      hold(
        isDeepStrictEqual(values(input, []), values(input, [Math.min(1, cut), cut])),
        'frames mean the same in pieces',
      );
    },
  },
  {
    name: 'rpc-fields',
    seeds,
    run: (input) => {
      for (const value of values(input, [])) {
        refusable(() => {
          const fields = fieldsOf(value, 'body');
          textField(fields, 'Command');
          integerField(fields, 'Seq', 0, 1e9);
          textMapField(fields, 'Tags');
          textsField(fields, 'Existing');
        });
      }
    },
  },
  { name: 'rpc-session', seeds, run: session },
];
