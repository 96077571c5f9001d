import { ipBytes, isMappedV4 } from '../base/address.ts';
import { CodedError } from '../base/errors.ts';
import type { Cidr } from './config.ts';

/** Address ranges peers may have (memberlist.md 5, CIDR semantics). */

/** Parses `10.0.0.0/8` or `fd00::/8`; a bare address is a range of one. Throws ERR_CIDR. */
export function parseCidr(text: string): Cidr {
  const slash = text.indexOf('/');
  const addr = ipBytes(slash < 0 ? text : text.slice(0, slash));
  const width = addr === undefined ? 0 : addr.length * 8;
  const bits = slash < 0 ? width : Number(text.slice(slash + 1));
  if (addr === undefined || !/^(\/\d{1,3})?$/.test(slash < 0 ? '' : text.slice(slash)) || bits > width) {
    throw new CodedError(
      'ERR_CIDR',
      `invalid CIDR '${text}': write an address and a prefix length, e.g. 10.0.0.0/8`,
    );
  }
  return { addr, bits };
}

/** A test of raw addresses against ranges; no ranges allow everything. */
export function cidrFilter(ranges: readonly Cidr[]): (addr: Uint8Array) => boolean {
  if (ranges.length === 0) return () => true;
  return (addr) => {
    const plain = isMappedV4(addr) ? addr.subarray(12) : addr;
    return ranges.some((range) => contains(range, plain));
  };
}

function contains(range: Cidr, addr: Uint8Array): boolean {
  if (addr.length !== range.addr.length) return false;
  for (let bit = 0; bit < range.bits; bit += 8) {
    const mask = range.bits - bit >= 8 ? 0xff : (0xff << (8 - (range.bits - bit))) & 0xff;
    const at = bit >> 3;
    if ((((addr[at] as number) ^ (range.addr[at] as number)) & mask) !== 0) return false;
  }
  return true;
}
