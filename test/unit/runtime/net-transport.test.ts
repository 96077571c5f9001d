import { createSocket } from 'node:dgram';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from 'vitest';
import { Counters } from '../../../src/base/counters.ts';
import type { Address, DatagramFailure, StreamId, StreamInput } from '../../../src/base/machine.ts';
import { MAX_INBOUND_STREAMS, NetTransport } from '../../../src/runtime/net-transport.ts';
import { MAX_LINGERING_STREAMS, MAX_OUTBOUND_STREAMS } from '../../../src/runtime/stream-table.ts';
import { TcpListener } from '../../../src/runtime/tcp-listener.ts';
import { unmapped } from '../../../src/runtime/udp-socket.ts';

const IP = '127.83.2.1';

const cleanups: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function until(done: () => boolean): Promise<void> {
  const giveUpAt = performance.now() + 5_000;
  while (!done()) {
    if (performance.now() > giveUpAt) throw new Error('it did not happen within 5 s');
    await sleep(2);
  }
}

async function start(bind: Address) {
  const transport = new NetTransport(bind);
  const controller = new AbortController();
  const inputs: { id: StreamId; input: StreamInput }[] = [];
  const datagrams: { from: Address; bytes: Uint8Array }[] = [];
  const undelivered: { to: Address; why: DatagramFailure }[] = [];
  const ingress = {
    datagram: (from: Address, bytes: Uint8Array) => void datagrams.push({ from, bytes }),
    stream: (id: StreamId, input: StreamInput) => void inputs.push({ id, input }),
    undeliverable: (to: Address, why: DatagramFailure) => void undelivered.push({ to, why }),
  };
  await transport.start(ingress, controller.signal);
  cleanups.push(async () => {
    controller.abort();
    await transport.stopped();
  });
  return { transport, controller, inputs, datagrams, undelivered, port: transport.localPort };
}

async function dial(ip: string, port: number, allowHalfOpen = false): Promise<Socket> {
  const socket = connect({ host: ip, port, allowHalfOpen });
  socket.on('error', () => {});
  cleanups.push(() => void socket.destroy());
  await new Promise((resolve) => socket.once('connect', resolve));
  return socket;
}

describe('NetTransport: binding', () => {
  it('has one port for both protocols, also when the system chose it', async () => {
    const { port, datagrams, inputs } = await start({ ip: IP, port: 0 });
    const udp = createSocket('udp4');
    cleanups.push(() => void udp.close());
    udp.send('x', port, IP);
    await dial(IP, port);
    await until(() => datagrams.length === 1 && inputs.length === 1);
  });

  it("refuses an address in use in Serf's words and leaves nothing open", async () => {
    const { port } = await start({ ip: IP, port: 0 });
    const second = new NetTransport({ ip: IP, port });
    await expect(second.start(nobody(), new AbortController().signal)).rejects.toMatchObject({
      code: 'ERR_BIND',
      message: `Failed to start TCP listener on "${IP}" port ${port}: listen tcp ${IP}:${port}: bind: address already in use`,
    });
    expect(second.localPort).toBe(0);
  });

  it('refuses when only UDP is taken, and lets go of TCP', async () => {
    const udp = createSocket('udp4');
    await new Promise<void>((resolve) => udp.bind(0, IP, resolve));
    const { port } = udp.address();
    const transport = new NetTransport({ ip: IP, port });
    await expect(transport.start(nobody(), new AbortController().signal)).rejects.toThrow(
      `Failed to start UDP listener on "${IP}" port ${port}: listen udp ${IP}:${port}: bind: address already in use`,
    );
    udp.close();
    await start({ ip: IP, port });
  });

  it('refuses an address this host does not have', async () => {
    const transport = new NetTransport({ ip: '192.0.2.99', port: 0 });
    await expect(transport.start(nobody(), new AbortController().signal)).rejects.toThrow(
      'bind: cannot assign requested address',
    );
  });

  it('can be started again on the same port as soon as stopped() resolves', async () => {
    const first = await start({ ip: IP, port: 0 });
    await dial(IP, first.port);
    await until(() => first.inputs.length === 1);
    first.controller.abort();
    await first.transport.stopped();
    expect((await start({ ip: IP, port: first.port })).port).toBe(first.port);
  });

  it('hears IPv4 and IPv6 when bound to an unspecified address, and tells IPv4 as IPv4', async () => {
    for (const ip of ['0.0.0.0', '::']) {
      const { transport, port, datagrams, inputs } = await start({ ip, port: 0 });
      const four = await start({ ip: IP, port: 0 });
      const six = await start({ ip: '::1', port: 0 });
      four.transport.sendDatagram({ ip: IP, port }, Buffer.from('4'));
      six.transport.sendDatagram({ ip: '::1', port }, Buffer.from('6'));
      await dial(IP, port);
      await until(() => datagrams.length === 2 && inputs.length === 1);
      expect(datagrams.map(({ from }) => from.ip).sort()).toEqual([IP, '::1']);
      expect(inputs[0]?.input).toMatchObject({ type: 'accepted', from: { ip: '127.0.0.1' } });
      transport.sendDatagram({ ip: IP, port: four.port }, Buffer.from('back'));
      transport.sendDatagram({ ip: '::1', port: six.port }, Buffer.from('back'));
      await until(() => four.datagrams.length === 1 && six.datagrams.length === 1);
    }
  });
});

describe('NetTransport: failures', () => {
  it('reports a datagram that did not leave, in a later turn', async () => {
    const { transport, undelivered } = await start({ ip: IP, port: 0 });
    const otherFamily = { ip: '::1', port: 9 };
    const tooBig = { ip: IP, port: 9 };
    const noPort = { ip: IP, port: 0 };
    transport.sendDatagram(otherFamily, Buffer.from('x'));
    transport.sendDatagram(tooBig, new Uint8Array(70_000));
    transport.sendDatagram(noPort, Buffer.from('x'));
    expect(undelivered).toEqual([]);
    await until(() => undelivered.length === 3);
    expect(undelivered).toContainEqual({ to: otherFamily, why: 'unreachable' });
    expect(undelivered).toContainEqual({ to: tooBig, why: 'local' });
    expect(undelivered).toContainEqual({ to: noPort, why: 'local' });
  });

  it('fails a stream to a place that is none, without asking DNS', async () => {
    const { transport, inputs } = await start({ ip: IP, port: 0 });
    const ids = [
      transport.openStream({ ip: IP, port: 0 }),
      transport.openStream({ ip: 'localhost', port: 9 }),
    ];
    await until(() => inputs.length === 2);
    expect(inputs).toEqual(ids.map((id) => ({ id, input: { type: 'failed', why: 'unreachable' } })));
  });

  it('says reset when the peer cuts an open stream', async () => {
    const { port, inputs } = await start({ ip: IP, port: 0 });
    const socket = await dial(IP, port);
    await until(() => inputs.length === 1);
    socket.resetAndDestroy();
    await until(() => inputs.length === 2);
    expect(inputs[1]?.input).toEqual({ type: 'failed', why: 'reset' });
  });
});

describe('NetTransport: limits', () => {
  it('closes connections above its limit and counts them; others go on', async () => {
    const { transport, port, inputs } = await start({ ip: IP, port: 0 });
    const sockets = await Promise.all(Array.from({ length: MAX_INBOUND_STREAMS }, () => dial(IP, port)));
    await until(() => inputs.length === MAX_INBOUND_STREAMS);
    const extra = connect({ host: IP, port });
    extra.on('error', () => {});
    await new Promise((resolve) => extra.once('close', resolve));
    expect(transport.counters.get('drop:connection-limit')).toBe(1);
    expect(inputs).toHaveLength(MAX_INBOUND_STREAMS);
    sockets[0]?.write('still here');
    await until(() => inputs.length === MAX_INBOUND_STREAMS + 1);
  });

  it('has room again at once for what the machine closes, whether or not the peer does', async () => {
    const { transport, port, inputs } = await start({ ip: IP, port: 0 });
    const room = MAX_INBOUND_STREAMS - MAX_LINGERING_STREAMS;
    for (const [round, answer] of ['', 'no'].entries()) {
      const before = inputs.length;
      const sockets = await Promise.all(Array.from({ length: room }, () => dial(IP, port, true)));
      await until(() => inputs.length === (round + 1) * room);
      for (const { id } of inputs.slice(before)) {
        if (answer !== '') transport.writeStream(id, Buffer.from(answer));
        transport.closeStream(id);
      }
      const isTold = (socket: Socket): boolean => socket.bytesRead === answer.length && socket.readableEnded;
      for (const socket of sockets) socket.resume();
      await until(() => sockets.every(isTold));
    }
    expect(transport.counters.get('streams-cut')).toBe(2 * room - MAX_LINGERING_STREAMS);
    expect(transport.counters.get('drop:connection-limit')).toBeUndefined();
  });

  it('refuses to dial above its limit, and dials again once a stream is gone', async () => {
    const { transport, inputs } = await start({ ip: IP, port: 0 });
    const server = createServer((socket) => void socket.on('error', () => {}).resume());
    await new Promise<void>((resolve) => server.listen(0, IP, resolve));
    cleanups.push(() => void server.close());
    const to = { ip: IP, port: (server.address() as { port: number }).port };
    const ids = Array.from({ length: MAX_OUTBOUND_STREAMS }, () => transport.openStream(to));
    const refused = transport.openStream(to);
    await until(() => inputs.length === MAX_OUTBOUND_STREAMS + 1);
    expect(inputs.find(({ id }) => id === refused)?.input).toEqual({ type: 'failed', why: 'unreachable' });
    expect(transport.counters.get('drop:dial-limit')).toBe(1);
    transport.closeStream(ids[0] as StreamId);
    await sleep(50);
    const again = transport.openStream(to);
    await until(() => inputs.some(({ id, input }) => id === again && input.type === 'opened'));
  });

  it('cuts a peer that does not read', async () => {
    const { transport, port, inputs } = await start({ ip: IP, port: 0 });
    const socket = await dial(IP, port);
    socket.pause();
    await until(() => inputs.length === 1);
    const id = inputs[0]?.id as StreamId;
    for (let i = 0; i < 60; i += 1) transport.writeStream(id, new Uint8Array(1024 * 1024));
    await until(() => inputs.length === 2);
    expect(inputs[1]?.input).toEqual({ type: 'failed', why: 'reset' });
    expect(transport.counters.get('drop:write-buffer')).toBe(1);
  });
});

describe('TcpListener', () => {
  it('stops listening after a failed accept and listens again on the same port', async () => {
    const counters = new Counters();
    const servers: Server[] = [];
    const accepted: Socket[] = [];
    const listener = await TcpListener.bind(0, {
      ip: IP,
      family: 'v4',
      maxConnections: 10,
      counters,
      onConnection: (socket) => void accepted.push(socket),
      makeServer: (...args) => {
        const server = createServer(...(args as []));
        servers.push(server);
        return server;
      },
    });
    const { port } = listener;
    servers[0]?.emit('error', Object.assign(new Error('accept EMFILE'), { code: 'EMFILE' }));
    expect(servers[0]?.listening).toBe(false);
    expect(counters.get('accept-error:EMFILE')).toBe(1);
    await until(() => servers.length === 2 && servers[1]?.listening === true);
    expect(listener.port).toBe(port);
    await dial(IP, port);
    await until(() => accepted.length === 1);
    for (const socket of accepted) socket.destroy();
    await listener.close();
    await listener.close();
  });

  it('stays closed when it is closed during a pause', async () => {
    const servers: Server[] = [];
    const listener = await TcpListener.bind(0, {
      ip: IP,
      family: 'v4',
      maxConnections: 10,
      counters: new Counters(),
      onConnection: () => {},
      makeServer: (...args) => {
        const server = createServer(...(args as []));
        servers.push(server);
        return server;
      },
    });
    servers[0]?.emit('error', new Error('accept'));
    await listener.close();
    await sleep(30);
    expect(servers.some((server) => server.listening)).toBe(false);
  });
});

describe('unmapped', () => {
  it('reads a mapped address as IPv4 and leaves every other alone', () => {
    expect(unmapped('::ffff:10.0.0.1')).toBe('10.0.0.1');
    for (const ip of ['::1', '10.0.0.1', '::ffff:a00:1', 'fe80::1%eth0']) expect(unmapped(ip)).toBe(ip);
  });
});

function nobody() {
  return { datagram: () => {}, stream: () => {}, undeliverable: () => {} };
}
