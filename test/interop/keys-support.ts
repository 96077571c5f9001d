import { readFileSync, writeFileSync } from 'node:fs';
import { RpcClient } from '../../src/rpc/client.ts';
import { type Daemon, waitFor } from './helpers.ts';

const RPC_PORT = 7373;
/** One event every so often, from one member after another. */
const LOAD_INTERVAL_MS = 40;
const ARRIVAL_MS = 10_000;

/** A 32-byte key in base64. */
export function keyText(fill: number): string {
  return Buffer.alloc(32, fill).toString('base64');
}

/** Writes a keyring file as an operator does, for its owner alone. */
export function writeKeys(path: string, ...keys: readonly string[]): void {
  writeFileSync(path, JSON.stringify(keys), { mode: 0o600 });
}

/** The keys in a keyring file, the primary first. */
export function keysIn(path: string): string[] {
  return JSON.parse(readFileSync(path, 'utf8')) as string[];
}

/** What a member's event stream brought. */
interface Ear {
  readonly name: string;
  readonly client: RpcClient;
  readonly heard: string[];
  readonly losses: string[];
}

async function listen(daemon: Daemon): Promise<Ear> {
  const client = await RpcClient.connect({ address: { host: daemon.ip, port: RPC_PORT } });
  const events = await client.stream('user:load,member-failed,member-leave,member-reap');
  const ear: Ear = { name: daemon.name, client, heard: [], losses: [] };
  void (async () => {
    for await (const event of events) {
      if (event.type === 'user') ear.heard.push(Buffer.from(event.payload ?? []).toString());
      else if ('members' in event)
        ear.losses.push(`${event.type} ${event.members.map(({ name }) => name).join()}`);
    }
  })().catch((error: unknown) => ear.losses.push(String(error)));
  return ear;
}

/** User events from every member in turn, and what every member hears. */
export interface Load {
  /** Stops sending, waits for stragglers, and says what went wrong: nothing, if all is well. */
  stop(): Promise<{ readonly sent: number; readonly faults: readonly string[] }>;
}

/** Starts the load. `tag` keeps the events of several loads apart. */
export async function startLoad(daemons: readonly Daemon[], tag: string): Promise<Load> {
  const ears = await Promise.all(daemons.map(listen));
  const sent: string[] = [];
  const faults: string[] = [];
  let isOver = false;
  const sending = (async () => {
    for (let i = 0; !isOver; i += 1) {
      const payload = `${tag}-${i}`;
      const { client, name } = ears[i % ears.length] as Ear;
      sent.push(payload);
      await client.event('load', Buffer.from(payload), false).catch((error: unknown) => {
        faults.push(`${name} could not send: ${String(error)}`);
      });
      await new Promise((resolve) => setTimeout(resolve, LOAD_INTERVAL_MS));
    }
  })();
  return {
    async stop() {
      isOver = true;
      await sending;
      const complete = (): boolean => ears.every(({ heard }) => heard.length >= sent.length);
      await waitFor('every event everywhere', complete, ARRIVAL_MS).catch(() => undefined);
      for (const { name, heard, losses } of ears) {
        const missing = sent.filter((payload) => !heard.includes(payload));
        if (missing.length > 0) faults.push(`${name} missed ${missing.join()}`);
        if (new Set(heard).size !== heard.length) faults.push(`${name} heard an event twice`);
        faults.push(...losses.map((loss) => `${name} saw ${loss}`));
      }
      await Promise.all(ears.map(({ client }) => client.close()));
      return { sent: sent.length, faults };
    },
  };
}

/** What keeps members from hearing an event of each member once: nothing, if all is well. */
export async function allHearAll(daemons: readonly Daemon[], tag: string): Promise<readonly string[]> {
  const load = await startLoad(daemons, tag);
  await new Promise((resolve) => setTimeout(resolve, 2 * daemons.length * LOAD_INTERVAL_MS));
  return (await load.stop()).faults;
}
