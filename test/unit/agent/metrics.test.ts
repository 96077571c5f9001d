import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { describe, expect, it, vi } from 'vitest';
import { MetricsHub, type MetricsSink } from '../../../src/agent/metrics/hub.ts';
import { metricLine } from '../../../src/agent/metrics/line.ts';
import { startMetrics } from '../../../src/agent/metrics/start.ts';
import { StatsdSink } from '../../../src/agent/metrics/statsd.ts';
import { StatsiteSink } from '../../../src/agent/metrics/statsite.ts';

const lookup = (host: string) => Promise.resolve(host);

describe('a metric line', () => {
  it('has the key, the value with six decimals and the kind, as of Serf', () => {
    expect(metricLine('serf.member.join', 1, 'c', 'h')).toBe('serf-agent.serf.member.join:1.000000|c\n');
    expect(metricLine('memberlist.gossip', 0.0154, 'ms', 'h')).toBe(
      'serf-agent.memberlist.gossip:0.015400|ms\n',
    );
  });

  it('of a gauge has the name of the host in its key', () => {
    expect(metricLine('runtime.sys_bytes', 5, 'g', 'web-1')).toBe(
      'serf-agent.web-1.runtime.sys_bytes:5.000000|g\n',
    );
  });

  it('is one line of one key, whatever a peer calls its events', () => {
    expect(metricLine('serf.events.na me:x', 1, 'c', 'h')).toBe(
      'serf-agent.serf.events.na_me_x:1.000000|c\n',
    );
    const hostile = metricLine('serf.events.x\nother:5|c\n#@\u0007', 1, 'c', 'h');
    expect(hostile).toBe('serf-agent.serf.events.x_other_5_c____:1.000000|c\n');
    expect(metricLine('x'.repeat(5_000), 1, 'c', 'h').length).toBeLessThan(600);
  });
});

describe('the hub', () => {
  it('sends every measurement to every sink, and times what it is asked to', () => {
    const lines: string[] = [];
    const sink: MetricsSink = {
      line: (text) => void lines.push(text.trim()),
      dropped: 2,
      close: async () => undefined,
    };
    let now = 100;
    const hub = new MetricsHub([sink, sink], 'h', () => now);
    hub.count('c', 1);
    hub.timed('t', () => {
      now += 2.5;
    });
    expect(lines).toEqual(
      ['serf-agent.c:1.000000|c', 'serf-agent.t:2.500000|ms'].flatMap((line) => [line, line]),
    );
    expect(hub.dropped).toBe(4);
  });

  it('is not there where nobody asked for it', () => {
    const settings = { statsd: undefined, statsite: undefined };
    const until = new AbortController().signal;
    expect(startMetrics({ settings, hostName: 'h', lookup, log: () => undefined, until })).toBeUndefined();
  });
});

describe('statsd', () => {
  it('gets whole lines, many in a packet and none split', async () => {
    const server = createSocket('udp4');
    const packets: string[] = [];
    server.on('message', (bytes) => packets.push(bytes.toString()));
    server.bind(0, '127.0.0.1');
    await once(server, 'listening');
    const target = { host: '127.0.0.1', port: server.address().port };
    const sink = new StatsdSink({ target, lookup, onTrouble: () => undefined });
    await Promise.resolve();
    const lines = Array.from({ length: 100 }, (_, i) => `serf-agent.some.counter.${i}:1.000000|c\n`);
    for (const line of lines) sink.line(line);
    await vi.waitFor(() => expect(packets.join('')).toBe(lines.join('')), 5_000);
    expect(packets.length).toBeLessThan(5);
    for (const packet of packets) expect(packet.length).toBeLessThanOrEqual(1_400);
    await sink.close();
    server.close();
    expect(sink.dropped).toBe(0);
  });

  it('that has no address costs its lines, which are counted, and one complaint', async () => {
    const told: string[] = [];
    const sink = new StatsdSink({
      target: { host: 'nowhere', port: 8125 },
      lookup: () => Promise.reject(new Error('no such host')),
      onTrouble: (text) => told.push(text),
    });
    for (let i = 0; i < 100; i += 1) sink.line(`key.${i}:1.000000|c\n`);
    await sink.close();
    expect(sink.dropped).toBe(100);
    expect(told).toEqual([
      'metrics: cannot send to statsd at nowhere:8125: no such host; metrics are lost until it can',
    ]);
  });
});

describe('statsite', () => {
  it('gets lines over one connection, and again after that broke', async () => {
    let received = '';
    const sockets: Socket[] = [];
    const server = createServer((socket) => {
      sockets.push(socket);
      socket.setEncoding('utf8').on('data', (text: string) => {
        received += text;
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const told: string[] = [];
    const target = { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
    const onTrouble = (text: string): void => void told.push(text);
    const sink = new StatsiteSink({ target, lookup, onTrouble, firstPauseMs: 10 });
    sink.line('a:1.000000|c\n');
    await vi.waitFor(() => expect(received).toBe('a:1.000000|c\n'), 5_000);
    sockets[0]?.destroy();
    await vi.waitFor(() => expect(sockets).toHaveLength(2), 5_000);
    sink.line('b:1.000000|c\n');
    await sink.close();
    await vi.waitFor(() => expect(received).toBe('a:1.000000|c\nb:1.000000|c\n'), 5_000);
    server.close();
    expect(told).toHaveLength(2);
    expect(told[1]).toBe('metrics: statsite is connected again');
  });

  it('that is away costs a bounded memory, and what does not fit is counted', async () => {
    const target = { host: '127.0.0.1', port: 1 };
    const sink = new StatsiteSink({ target, lookup, onTrouble: () => undefined });
    const line = `${'k'.repeat(1_000)}:1.000000|c\n`;
    for (let i = 0; i < 1_000; i += 1) sink.line(line);
    expect(sink.dropped).toBeGreaterThan(700);
    expect(sink.dropped).toBeLessThan(1_000);
    await sink.close();
  });
});
