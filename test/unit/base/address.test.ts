import { describe, expect, it } from 'vitest';
import { hostPort, ipBytes, ipText, isMappedV4, sameIp } from '../../../src/base/address.ts';

const bytes = (text: string): Uint8Array => ipBytes(text) as Uint8Array;

describe('IP text and bytes', () => {
  it.each([
    ['127.0.0.1', '127.0.0.1'],
    ['255.255.255.255', '255.255.255.255'],
    ['::', '::'],
    ['::1', '::1'],
    ['1::', '1::'],
    ['2001:DB8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
    ['1:0:0:2:0:0:0:3', '1:0:0:2::3'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['::ffff:a00:1', '10.0.0.1'],
    ['64:ff9b::10.0.0.1', '64:ff9b::a00:1'],
  ])('%s reads as %s', (text, canonical) => {
    expect(ipText(bytes(text))).toBe(canonical);
  });

  it.each([
    '',
    '1.2.3',
    '1.2.3.4.5',
    '256.0.0.1',
    '01.2.3.4',
    '1.2.3.x',
    ':',
    ':::',
    '1::2::3',
    '1:2:3:4:5:6:7',
  ])('%j is no address', (text) => {
    expect(ipBytes(text)).toBeUndefined();
  });

  it.each(['1:2:3:4:5:6:7:8:9', '1:2:3:4:5:6:7::8', '12345::', 'g::', '::1.2.3', '1.2.3.4::', 'example.org'])(
    '%j is no address either',
    (text) => {
      expect(ipBytes(text)).toBeUndefined();
    },
  );

  it('four and sixteen bytes keep their form', () => {
    expect(bytes('10.0.0.1')).toHaveLength(4);
    expect(bytes('::ffff:10.0.0.1')).toHaveLength(16);
    expect([isMappedV4(bytes('::ffff:10.0.0.1')), isMappedV4(bytes('::1'))]).toEqual([true, false]);
    expect(isMappedV4(bytes('10.0.0.1'))).toBe(false);
  });

  it('bytes of another length are no address', () => {
    for (const length of [0, 3, 5, 15, 17]) expect(ipText(new Uint8Array(length))).toBeUndefined();
  });

  it('mapped and plain IPv4 are the same place; garbage is no place at all', () => {
    expect(sameIp(bytes('10.0.0.1'), bytes('::ffff:10.0.0.1'))).toBe(true);
    expect(sameIp(bytes('10.0.0.1'), bytes('10.0.0.2'))).toBe(false);
    expect(sameIp(new Uint8Array(3), new Uint8Array(3))).toBe(false);
  });

  it('a port is set off from IPv6 by brackets', () => {
    expect(hostPort({ ip: '10.0.0.1', port: 7946 })).toBe('10.0.0.1:7946');
    expect(hostPort({ ip: '::1', port: 7946 })).toBe('[::1]:7946');
  });
});
