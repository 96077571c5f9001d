import { describe, expect, it } from 'vitest';
import { chooseAddress, isPrivate, mappedBytes, parseDefaultRoute } from '../../../src/runtime/interfaces.ts';

const address = (name: string, ip: string, internal = false) => ({ name, ip, internal });

describe('isPrivate', () => {
  it.each([
    '10.1.2.3',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.0.1',
    '100.64.0.1',
    '100.127.9.9',
    '198.19.0.1',
    'fd00::1',
    'fc00::1',
  ])('takes %s', (ip) => expect(isPrivate(ip)).toBe(true));

  it.each([
    '8.8.8.8',
    '172.32.0.1',
    '172.15.0.1',
    '100.128.0.1',
    '192.169.0.1',
    '127.0.0.1',
    '169.254.1.1',
    '192.0.2.1',
    'fe80::1',
    '2001:db8::1',
    '::1',
    'nonsense',
  ])('refuses %s', (ip) => expect(isPrivate(ip)).toBe(false));
});

describe('chooseAddress', () => {
  const host = [
    address('lo', '10.255.0.1', true),
    address('eth1', '10.1.0.1'),
    address('eth0', 'fd00::5'),
    address('eth0', '10.0.0.5'),
    address('eth2', '8.8.8.8'),
  ];

  it('prefers the interface of the default route, then the family asked for', () => {
    expect(chooseAddress(host, 'eth0', 4)).toBe('10.0.0.5');
    expect(chooseAddress(host, 'eth0', 6)).toBe('fd00::5');
    expect(chooseAddress(host, 'eth1', 6)).toBe('10.1.0.1');
    expect(chooseAddress(host, undefined, 4)).toBe('10.1.0.1');
    expect(chooseAddress(host, undefined, 6)).toBe('fd00::5');
  });

  it('looks elsewhere when the default route leads over a public address', () => {
    expect(chooseAddress(host, 'eth2', 4)).toBe('10.1.0.1');
  });

  it('finds nothing among loopback and public addresses', () => {
    expect(
      chooseAddress([address('lo', '127.0.0.1', true), address('eth0', '8.8.8.8')], 'eth0', 4),
    ).toBeUndefined();
  });
});

describe('parseDefaultRoute', () => {
  const heading = 'Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n';
  const route = (name: string, destination: string, metric: number, mask: string) =>
    `${name}\t${destination}\t0100000A\t0003\t0\t0\t${metric}\t${mask}\t0\t0\t0\n`;

  it('takes the default route of the lowest metric', () => {
    const table =
      heading +
      route('eth2', '0000A8C0', 0, '00FFFFFF') +
      route('wlan0', '00000000', 600, '00000000') +
      route('eth0', '00000000', 100, '00000000');
    expect(parseDefaultRoute(table)).toBe('eth0');
  });

  it('finds none in a table without one, or in nonsense', () => {
    expect(parseDefaultRoute(heading + route('eth0', '0000A8C0', 0, '00FFFFFF'))).toBeUndefined();
    expect(parseDefaultRoute('')).toBeUndefined();
    expect(parseDefaultRoute('a\nb\n\n')).toBeUndefined();
  });
});

describe('mappedBytes', () => {
  it('maps four bytes and leaves sixteen alone', () => {
    expect(Buffer.from(mappedBytes(Uint8Array.of(10, 9, 8, 7))).toString('hex')).toBe(
      '00000000000000000000ffff0a090807',
    );
    const v6 = new Uint8Array(16).fill(1);
    expect(mappedBytes(v6)).toBe(v6);
  });
});
