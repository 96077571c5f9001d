import type { Address } from '../../base/machine.ts';

/** The part of DNS that finding agents needs (RFC 1035, 6762, 6763): questions, and five types of records. */

/** Numbers of record types. */
export const DnsType = { a: 1, ptr: 12, txt: 16, aaaa: 28, srv: 33, any: 255 } as const;

/** The Internet class; its top bit means other things in multicast DNS. */
export const CLASS_IN = 1;
/** Of a question's class: a direct answer is preferred. */
export const CLASS_TOP_BIT = 0x8000;

export const HEADER_BYTES = 12;

/** Bits of the header's second word. */
export const Flag = { response: 0x8000, authoritative: 0x0400, truncated: 0x0200 } as const;

/** Limits of DNS names (RFC 1035, 2.3.4). */
export const MAX_LABEL_BYTES = 63;
export const MAX_NAME_BYTES = 255;

/** Names are texts of labels with dots between and none at the end; invalid UTF-8 survives as in `textOfBytes`. */
export interface DnsQuestion {
  readonly name: string;
  readonly type: number;
  readonly directPreferred: boolean;
}

export type DnsRecord =
  | { readonly type: 'ptr'; readonly name: string; readonly target: string }
  | { readonly type: 'srv'; readonly name: string; readonly target: string; readonly port: number }
  | { readonly type: 'address'; readonly name: string; readonly ip: Address['ip'] }
  | { readonly type: 'txt'; readonly name: string; readonly texts: readonly string[] };

export interface DnsMessage {
  readonly id: number;
  readonly response: boolean;
  readonly opcode: number;
  readonly rcode: number;
  readonly truncated: boolean;
  readonly questions: readonly DnsQuestion[];
  /** Of all three sections, in order; records of other types are left out. */
  readonly records: readonly DnsRecord[];
}
