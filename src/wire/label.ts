import { assert } from '../base/assert.ts';
import { NO_BYTES } from '../base/bytes.ts';
import { WireError } from '../base/errors.ts';
import { MessageType } from './message-type.ts';

/** The cluster label: a plaintext prefix that keeps clusters apart (memberlist.md 1.9). */

/** The length is one byte. */
export const MAX_LABEL_BYTES = 255;
/** Bytes of a label header besides the label. */
const HEADER_BYTES = 2;

/** Bytes the header of `label` takes: none for an empty one. */
export function labelOverhead(label: Uint8Array): number {
  return label.length === 0 ? 0 : HEADER_BYTES + label.length;
}

/** The header that announces `label`; empty for an empty label. */
export function encodeLabelHeader(label: Uint8Array): Uint8Array {
  assert(label.length <= MAX_LABEL_BYTES, `label of ${label.length} bytes`);
  if (label.length === 0) return NO_BYTES;
  const out = new Uint8Array(HEADER_BYTES + label.length);
  out[0] = MessageType.label;
  out[1] = label.length;
  out.set(label, HEADER_BYTES);
  return out;
}

/** A label found in front of data, as a view, and where the data starts. */
export interface FoundLabel {
  readonly label: Uint8Array;
  readonly end: number;
}

const NO_LABEL: FoundLabel = { label: NO_BYTES, end: 0 };

/**
 * Looks for a label header. Undefined when more bytes are needed to tell; data that starts otherwise has no label.
 * WireError `label-empty` for a header without a label.
 */
export function findLabel(bytes: Uint8Array): FoundLabel | undefined {
  if (bytes.length === 0) return undefined;
  if (bytes[0] !== MessageType.label) return NO_LABEL;
  const length = bytes[1];
  if (length === undefined) return undefined;
  if (length === 0) throw new WireError('label-empty', 'label header cannot be empty when present');
  const end = HEADER_BYTES + length;
  return bytes.length < end ? undefined : { label: bytes.subarray(HEADER_BYTES, end), end };
}
