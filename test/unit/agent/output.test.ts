import { PassThrough, Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { bannerLines } from '../../../src/agent/banner.ts';
import { announcer, lineWriter } from '../../../src/agent/output.ts';
import { inodesOf } from '../../../src/agent/processes.ts';
import { memoryWriter } from './fakes.ts';

describe('standard output', () => {
  it('that nobody reads any more swallows everything', async () => {
    const broken = new Writable({ write: (_chunk, _encoding, done) => done(new Error('EPIPE')) });
    const writer = lineWriter(broken);
    writer.line('first');
    await new Promise((resolve) => setImmediate(resolve));
    expect(writer.line('second')).toBe(false);
    await writer.flush();
  });

  it('that is not read holds a bounded backlog and refuses the rest', () => {
    const stalled = new Writable({ write: () => undefined });
    const writer = lineWriter(stalled);
    const line = 'x'.repeat(1023);
    let taken = 0;
    while (writer.line(line) && taken < 5_000) taken += 1;
    expect(taken).toBeGreaterThan(1_000);
    expect(taken).toBeLessThan(1_100);
  });

  it('is flushed once the stream has taken what was written', async () => {
    const stream = new PassThrough();
    const writer = lineWriter(stream);
    writer.line('a');
    stream.resume();
    await writer.flush();
    expect(stream.writableLength).toBe(0);
  });
});

it('announcements have the prefixes of Serf, errors on their own stream', () => {
  const out = memoryWriter();
  const err = memoryWriter();
  const ui = announcer(out, err);
  ui.heading('head');
  ui.detail('body');
  ui.detail('');
  ui.error('bad');
  expect(out.lines).toEqual(['==> head', '    body', '']);
  expect(err.lines).toEqual(['==> bad']);
});

describe('the banner', () => {
  const facts = {
    nodeName: 'a',
    bind: { ip: '127.0.0.1', port: 22010 },
    advertise: undefined,
    rpcAddress: '127.0.0.1:22110',
    encrypted: false,
    snapshot: true,
    profile: 'lan',
    compression: true,
    mdnsCluster: '',
  };

  it('is that of Serf, letter for letter', () => {
    const advertise = { ip: '127.0.0.1', port: 7946 };
    expect(bannerLines({ ...facts, advertise, mdnsCluster: 'x' }).join('\n')).toBe(
      [
        "                  Node name: 'a'",
        "                  Bind addr: '127.0.0.1:22010'",
        "Advertise addr: '127.0.0.1:7946'",
        "                   RPC addr: '127.0.0.1:22110'",
        '                  Encrypted: false',
        '                   Snapshot: true',
        '                    Profile: lan',
        'Message Compression Enabled: true',
        '               mDNS cluster: x',
      ].join('\n'),
    );
  });

  it('shows the advertised address and the mDNS cluster only if there is one', () => {
    expect(bannerLines(facts).join('\n')).not.toMatch(/Advertise|mDNS/);
  });
});

describe('the owner of a port', () => {
  const table = [
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
    '   0: 0100007F:1F0A 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1',
    '   1: 00000000:1F0A 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 222 1',
    '   2: 0100007F:1F0A 0200007F:8000 01 00000000:00000000 00:00000000 00000000     0        0 333 1',
    '   3: 0200007F:1F0A 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 444 1',
    '   4: 0100007F:1F0B 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 555 1',
  ].join('\n');

  it('is sought among listening sockets on the same or on all addresses', () => {
    expect(inodesOf(table, { ip: '127.0.0.1', port: 7946 })).toEqual(['111', '222']);
    expect(inodesOf(table, { ip: '127.0.0.1', port: 7947 })).toEqual(['555']);
  });

  it('clashes with every address when the port is wanted on all', () => {
    expect(inodesOf(table, { ip: '0.0.0.0', port: 7946 })).toEqual(['111', '222', '444']);
  });
});
