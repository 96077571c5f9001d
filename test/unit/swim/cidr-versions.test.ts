import { describe, expect, it } from 'vitest';
import { ipBytes } from '../../../src/base/address.ts';
import { cidrFilter, parseCidr } from '../../../src/swim/cidr.ts';
import { isNonsenseVersion } from '../../../src/swim/versions.ts';

describe('CIDR allow list', () => {
  const allows = (ranges: string[], ip: string): boolean => cidrFilter(ranges.map(parseCidr))(ipBytes(ip)!);

  it('an empty list allows everything', () => {
    expect(allows([], '8.8.8.8')).toBe(true);
    expect(allows([], '::1')).toBe(true);
  });

  it.each([
    [['127.0.0.0/8'], '127.9.8.7', true],
    [['127.0.0.0/8'], '128.0.0.1', false],
    [['127.0.0.0/8'], '::1', false],
    [['::1'], '::1', true],
    [['::1'], '::2', false],
    [['10.1.2.0/23'], '10.1.3.255', true],
    [['10.1.2.0/23'], '10.1.4.0', false],
    [['10.1.2.3/32', 'fd00::/7'], 'fc12::9', true],
    [['0.0.0.0/0'], '1.2.3.4', true],
    [['127.0.0.0/8'], '::ffff:127.0.0.1', true],
  ])('%j on %s is %s', (ranges, ip, allowed) => {
    expect(allows(ranges, ip)).toBe(allowed);
  });

  it.each(['', 'x', '10.0.0.0/33', '10.0.0.0/x', '10.0.0.0/', '::/129', '10.0.0/8'])('refuses %j', (text) => {
    expect(() => parseCidr(text)).toThrow(/invalid CIDR/);
  });
});

describe('versions', () => {
  it.each([
    [[0, 0, 0, 0, 0, 0], true],
    [[0, 5, 2, 2, 5, 5], true],
    [[5, 1, 2, 2, 5, 5], true],
    [[1, 5, 1, 1, 1, 1], false],
    [[1, 5, 2, 2, 5, 5], false],
    [[], false],
  ])('%j is nonsense: %s', (vsn, nonsense) => {
    expect(isNonsenseVersion(Uint8Array.from(vsn))).toBe(nonsense);
  });
});
