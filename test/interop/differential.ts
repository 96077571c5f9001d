import { expect } from 'vitest';
import { type Daemon, startReeve, startSerf } from './helpers.ts';
import { HANDSHAKE, type Heard, RawRpc } from './raw-rpc.ts';

/** The same input to a real agent and to ours, each alone on loopback addresses of its own, and their answers compared. */

/** A real agent and ours of the same name and settings. */
export interface Twins {
  readonly real: Daemon;
  readonly ours: Daemon;
}

/** Starts both, at `.1` of two networks such as `127.98.1.`. */
export async function startTwins(
  networks: readonly [string, string],
  args: readonly string[],
): Promise<Twins> {
  const [real, ours] = await Promise.all([
    startSerf({ name: 'node-a', ip: `${networks[0]}1`, args }),
    startReeve({ name: 'node-a', ip: `${networks[1]}1`, args }),
  ]);
  return { real, ours };
}

/** Kills both and waits until their addresses are free. */
export async function killTwins({ real, ours }: Twins): Promise<void> {
  for (const daemon of [real, ours]) daemon.kill('SIGKILL');
  await Promise.all([real.gone, ours.gone]);
}

/** Runs the same script against both and expects the same outcome, whatever network they live in. */
export async function expectSame(twins: Twins, script: (ip: string) => Promise<unknown>): Promise<unknown> {
  const [real, ours] = await Promise.all(
    [twins.real, twins.ours].map(async ({ ip }) => withoutNetwork(await script(ip), ip)),
  );
  expect(ours).toEqual(real);
  return real;
}

/** A connection that has had its handshake. */
export async function connected(ip: string): Promise<RawRpc> {
  const client = await RawRpc.open(ip);
  client.send(HANDSHAKE);
  await client.fenced();
  return client;
}

/** Sends each request on one connection, waits for its answers, and returns them all. */
export function conversation(...requests: readonly Uint8Array[]): (ip: string) => Promise<Heard[][]> {
  return async (ip) => {
    const client = await connected(ip);
    const heard: Heard[][] = [];
    for (const bytes of requests) {
      client.send(bytes);
      heard.push(await client.fenced());
    }
    client.close();
    return heard;
  };
}

/** The same for a connection without a handshake: silence ends an answer. */
export function stranger(...requests: readonly Uint8Array[]): (ip: string) => Promise<Heard[][]> {
  return async (ip) => {
    const client = await RawRpc.open(ip);
    const heard: Heard[][] = [];
    for (const bytes of requests) {
      client.send(bytes);
      heard.push(await client.listen());
    }
    client.close();
    return heard;
  };
}

/** Addresses of the agent's own network, as text and as bytes, made the same for both. */
function withoutNetwork(outcome: unknown, ip: string): unknown {
  const network = ip.slice(0, ip.lastIndexOf('.') + 1);
  const bytes = network
    .split('.')
    .slice(0, 3)
    .map((part) => Number(part).toString(16).padStart(2, '0'))
    .join('');
  return JSON.parse(JSON.stringify(outcome).replaceAll(network, 'NET.').replaceAll(bytes, 'NET'));
}
