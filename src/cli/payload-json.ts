import { isUtf8 } from 'node:buffer';
import { asBuffer, textOfBytes } from '../base/bytes.ts';
import type { Json } from './format.ts';

/** A payload as text, or as base64 under another name where it is no text; null where there is none. */
export function payloadJson(payload: Uint8Array | null): { readonly [key: string]: Json } {
  if (payload === null) return { payload: null };
  if (isUtf8(payload)) return { payload: textOfBytes(payload) };
  return { payload_base64: asBuffer(payload).toString('base64') };
}
