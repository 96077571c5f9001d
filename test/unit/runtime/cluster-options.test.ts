import { describe, expect, it } from 'vitest';
import { bindAddressOf, type ClusterOptions, serfConfigOf } from '../../../src/runtime/cluster-options.ts';

const options = (more: Partial<ClusterOptions> = {}): ClusterOptions => ({
  nodeName: 'n',
  bind: { ip: '127.83.3.1' },
  ...more,
});

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

describe('bindAddressOf', () => {
  it("defaults to every address and Serf's port", () => {
    expect(bindAddressOf({ nodeName: 'n' })).toEqual({ ip: '0.0.0.0', port: 7946 });
  });

  it('takes IPs only', () => {
    expect(() => bindAddressOf(options({ bind: { ip: 'localhost' } }))).toThrow(
      'Invalid bind address: "localhost"',
    );
  });
});

describe('serfConfigOf', () => {
  it('announces the bound address and port, four bytes for IPv4', () => {
    const { swim } = serfConfigOf(options(), 4_000);
    expect([hex(swim.addr), swim.port, swim.bindPort]).toEqual(['7f530301', 4_000, 4_000]);
  });

  it('announces sixteen bytes for IPv6', () => {
    expect(serfConfigOf(options({ bind: { ip: '::1' } }), 1).swim.addr).toHaveLength(16);
  });

  it('announces an advertised address with its own port, or the bound one', () => {
    const given = serfConfigOf(options({ advertise: { ip: '::ffff:10.0.0.1', port: 5_000 } }), 4_000).swim;
    expect([hex(given.addr), given.port, given.bindPort]).toEqual(['0a000001', 5_000, 4_000]);
    expect(serfConfigOf(options({ advertise: { ip: '10.0.0.1' } }), 4_000).swim.port).toBe(4_000);
    expect(serfConfigOf(options({ advertise: { ip: '10.0.0.1', port: 0 } }), 4_000).swim.port).toBe(4_000);
  });

  it('refuses an advertised address that is none', () => {
    expect(() => serfConfigOf(options({ advertise: { ip: 'here' } }), 1)).toThrow(
      'Invalid advertise address: "here"',
    );
  });

  it('takes the timings of the profile, lan by default, and lets the caller change single ones', () => {
    expect(serfConfigOf(options(), 1).swim.gossipIntervalMs).toBe(200);
    const local = serfConfigOf(options({ profile: 'local', swim: { probeTimeoutMs: 77 } }), 1).swim;
    expect([local.gossipIntervalMs, local.probeTimeoutMs]).toEqual([100, 77]);
  });

  it('turns encryption off without keys, and puts the first key first', () => {
    expect(serfConfigOf(options(), 1).swim.keyring).toBeUndefined();
    expect(serfConfigOf(options({ keys: [] }), 1).swim.keyring).toBeUndefined();
    const keys = [new Uint8Array(16).fill(1), new Uint8Array(32).fill(2)];
    expect(serfConfigOf(options({ keys }), 1).swim.keyring?.primary).toEqual(keys[0]);
  });

  it('refuses a key or a label of a wrong size', () => {
    expect(() => serfConfigOf(options({ keys: [new Uint8Array(15)] }), 1)).toThrow(
      'key size must be 16, 24 or 32 bytes',
    );
    expect(serfConfigOf(options({ label: 'ü'.repeat(127) }), 1).swim.label).toHaveLength(254);
    expect(() => serfConfigOf(options({ label: 'ü'.repeat(128) }), 1)).toThrow('256 bytes; at most 255');
  });

  it("speaks Serf's newest protocol and coalesces only when told to", () => {
    const plain = serfConfigOf(options(), 1);
    expect([plain.protocolVersion, plain.coalescePeriodMs, plain.userQuiescentPeriodMs]).toEqual([5, 0, 0]);
    const coalesce = { memberPeriodMs: 1, memberQuiescentMs: 2, userPeriodMs: 3, userQuiescentMs: 4 };
    expect(serfConfigOf(options({ coalesce, serf: { userEventSizeLimit: 900 } }), 1)).toMatchObject({
      coalescePeriodMs: 1,
      quiescentPeriodMs: 2,
      userCoalescePeriodMs: 3,
      userQuiescentPeriodMs: 4,
      userEventSizeLimit: 900,
    });
  });

  it('keeps its own copy of the tags', () => {
    const tags = new Map([['role', 'web']]);
    const config = serfConfigOf(options({ tags }), 1);
    tags.set('role', 'db');
    expect(config.tags.get('role')).toBe('web');
  });
});
