import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, it } from 'vitest';
import { leaveCodec } from '../../src/serf/messages.ts';
import { encodeDead } from '../../src/swim/messages.ts';
import { describeWithSerf } from '../support/interop.ts';
import { connected, expectSame, killTwins, startTwins, stranger, type Twins } from './differential.ts';
import { stopAll, waitFor } from './helpers.ts';
import { EMPTY_STATE, RawPeer } from './raw-peer.ts';
import { HANDSHAKE, RawRpc, request } from './raw-rpc.ts';

/** Both agents under settings only a configuration file has. */

/** Serf looks for members to forget every 15 s, whatever the configuration. */
const REAPED_WITHIN_MS = 40_000;

const folder = mkdtempSync(join(tmpdir(), 'differential-'));
let twins: Twins;

async function configured(config: object): Promise<Twins> {
  const path = join(folder, 'agent.json');
  writeFileSync(path, JSON.stringify(config));
  twins = await startTwins(['127.98.31.', '127.98.32.'], ['-config-file', path]);
  return twins;
}

afterEach(() => killTwins(twins));
afterAll(async () => {
  await stopAll();
  rmSync(folder, { recursive: true });
});

describeWithSerf('configuration, a real agent and ours', () => {
  it('with an RPC key nothing goes before it, and a wrong one after it takes nothing back', async () => {
    const both = await configured({ rpc_auth: 'secret' });
    const auth = (seq: number, AuthKey: unknown): Buffer => request('auth', seq, { AuthKey });
    await expectSame(
      both,
      stranger(
        HANDSHAKE,
        request('members', 1),
        request('bogus', 2),
        request('handshake', 3, { Version: 1 }),
        auth(4, 'Secret'),
        auth(5, ''),
        auth(6, null),
        request('members', 7),
        auth(8, 'secret'),
        request('members-filtered', 9, { Name: 'zz' }),
        auth(10, 'wrong'),
        request('members-filtered', 11, { Name: 'zz' }),
      ),
    );
    await expectSame(both, stranger(auth(1, 'secret')));
    await expectSame(
      both,
      stranger(Buffer.concat([HANDSHAKE, auth(1, 'secret'), request('members-filtered', 2, { Name: 'zz' })])),
    );
  });

  it('failed and left members are forgotten each after its own timeout', async () => {
    const both = await configured({
      reconnect_timeout: '1s',
      tombstone_timeout: '24h',
    });
    await expectSame(both, async (ip) => {
      const network = ip.slice(0, -1);
      const peer = await RawPeer.open({ name: 'p', ip: `${network}2` });
      const failing = await RawPeer.open({ name: 'failing', ip: `${network}3` });
      const rpc = await connected(ip);
      const stream = await RawRpc.open(ip);
      stream.send(HANDSHAKE);
      stream.send(request('stream', 1, { Type: 'member-reap' }));
      await stream.listen();
      const statuses = async (): Promise<Record<string, string>> => {
        const [, listed] = (await rpc.ask('members')) as [
          unknown,
          { Members: { Name: string; Status: string }[] },
        ];
        const entries = listed.Members.map((member) => [member.Name, member.Status] as const);
        return Object.fromEntries(entries.sort());
      };
      const settled = async (name: string, status: string | undefined, within = 10_000): Promise<void> => {
        await waitFor(`${name} to be ${status}`, async () => (await statuses())[name] === status, within);
      };
      await peer.exchange(ip, EMPTY_STATE);
      await failing.exchange(ip, EMPTY_STATE);
      peer.announce(ip, { name: 'leaving', ip: `${network}90` });
      await settled('leaving', 'alive');
      peer.say(ip, leaveCodec.encode({ ltime: 9, node: 'leaving', prune: false }));
      await settled('leaving', 'leaving');
      peer.raw(ip, encodeDead({ incarnation: 99, node: 'leaving', from: 'leaving' }));
      failing.silent = true;
      peer.raw(ip, encodeDead({ incarnation: 99, node: 'failing', from: 'p' }));
      await settled('leaving', 'left');
      await settled('failing', 'failed');
      await settled('failing', undefined, REAPED_WITHIN_MS);
      const after = await statuses();
      const records = (await stream.listen(4_000)).filter((item) => item !== 'closed');
      for (const open of [peer, failing, rpc, stream]) open.close();
      return { after, records };
    });
  });
});
