import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { describeWithSerf } from '../support/interop.ts';
import { type Daemon, startReeve, startSerf, stopAll, waitFor } from './helpers.ts';

/** Metrics of a real agent and of ours in one cluster: the same keys and kinds for the same happenings. */

const folder = mkdtempSync(join(tmpdir(), 'metrics-'));
afterAll(async () => {
  await stopAll();
  rmSync(folder, { recursive: true });
});

/** Keys with their kinds, as `KEY|KIND`, that came over UDP and over TCP. */
async function listener(ip: string) {
  const udp = new Set<string>();
  const tcp = new Set<string>();
  const take = (text: string, into: Set<string>): void => {
    for (const line of text.split('\n').filter((one) => one !== '')) {
      expect(line).toMatch(/^[^\s:|]+:-?\d+\.\d{6}\|(c|g|ms)$/);
      into.add(line.replace(/:[^|]*\|/, '|'));
    }
  };
  const socket = createSocket('udp4');
  socket.on('message', (bytes) => take(bytes.toString(), udp));
  socket.bind(0, ip);
  await once(socket, 'listening');
  const server = createServer((stream) => {
    let rest = '';
    stream.setEncoding('utf8').on('data', (text: string) => {
      const whole = rest + text;
      const end = whole.lastIndexOf('\n') + 1;
      rest = whole.slice(end);
      take(whole.slice(0, end), tcp);
    });
  });
  server.listen(0, ip);
  await once(server, 'listening');
  const config = join(folder, `${ip}.json`);
  const ports = { statsd: socket.address().port, statsite: (server.address() as AddressInfo).port };
  const addresses = { statsd_addr: `${ip}:${ports.statsd}`, statsite_addr: `${ip}:${ports.statsite}` };
  writeFileSync(config, JSON.stringify({ ...addresses, snapshot_path: join(folder, `${ip}.snapshot`) }));
  const close = (): void => {
    socket.close();
    server.close();
  };
  return { udp, tcp, close, args: ['-config-file', config, '-event-handler=user:deploy=true'] };
}

/** Figures of Go's memory that Node.js has not. */
const OF_GO = ['runtime.malloc_count', 'runtime.free_count', 'runtime.heap_objects'];

/** What happens to both only sometimes, within the seconds this test takes. */
const SOMETIMES = [
  'queue',
  'gc_pause_ns',
  'degraded',
  'health.score',
  'node.instances',
  'size.',
  'tcp.',
  'zero-rtt',
  'compact',
  'refute',
];

const isCertain = (key: string): boolean => ![...OF_GO, ...SOMETIMES].some((part) => key.includes(part));

describeWithSerf('metrics, a real agent and ours', () => {
  it('have the same keys and kinds for the same happenings, over UDP and TCP', async () => {
    const real = await listener('127.118.0.8');
    const ours = await listener('127.118.0.9');
    // Four transmissions instead of two: its leave reaches both, who else would have it for failed first.
    const peer = await startSerf({ name: 'peer', ip: '127.118.0.1', args: ['-profile=lan'] });
    const join1 = `-join=${peer.ip}`;
    const [a, b] = await Promise.all([
      startSerf({ name: 'real', ip: '127.118.0.2', args: [...real.args, join1] }),
      startReeve({ name: 'ours', ip: '127.118.0.3', args: [...ours.args, join1] }),
    ]);
    const third = await startSerf({ name: 'third', ip: '127.118.0.4', args: [join1] });
    const sees = async (daemon: Daemon, name: string): Promise<string | undefined> =>
      (await daemon.members()).get(name)?.status;
    for (const daemon of [a, b])
      await waitFor('third to be seen', async () => (await sees(daemon, 'third')) === 'alive');
    for (const daemon of [a, b]) {
      await daemon.cli(['event', '-coalesce=false', 'deploy', 'x']);
      await daemon.cli(['query', '-timeout=1s', 'uptime']);
      await daemon.cli(['tags', '-set', 'x=y']);
    }
    third.kill('SIGKILL');
    for (const daemon of [a, b]) {
      await waitFor('third to have failed', async () => (await sees(daemon, 'third')) === 'failed', 30_000);
    }
    await peer.stop();
    for (const daemon of [a, b])
      await waitFor('peer to have left', async () => (await sees(daemon, 'peer')) === 'left');
    const wanted = 'serf-agent.serf.member.left|c';
    await waitFor('the last lines', () =>
      [real, ours].every(({ udp, tcp }) => udp.has(wanted) && tcp.has(wanted)),
    );
    const certain = (keys: ReadonlySet<string>): string[] => [...keys].filter(isCertain).sort();
    for (const over of ['udp', 'tcp'] as const) {
      expect(certain(real[over]).filter((key) => !ours[over].has(key))).toEqual([]);
      expect(certain(ours[over]).filter((key) => !real[over].has(key))).toEqual([]);
    }
    expect(certain(real.udp).length).toBeGreaterThan(20);
    expect([...ours.udp]).toContain('serf-agent.serf.coordinate.adjustment-ms|ms');
    real.close();
    ours.close();
  });
});
