/** Byte helpers, and text that survives invalid UTF-8. */

/** A shared empty array; never written to. */
export const NO_BYTES = new Uint8Array(0);

/** Up to here a loop beats making a view. */
export const SHORT_COPY = 160;

const INVALID_LOW = 0xdc80;
const INVALID_HIGH = 0xdcff;

/** A Buffer over the same memory. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** A copy of `bytes[from, to)` in memory of its own; unlike `slice`, also for a Buffer. */
export function copyBytes(bytes: Uint8Array, from = 0, to = bytes.length): Uint8Array {
  const length = to - from;
  const out = new Uint8Array(length);
  if (length > SHORT_COPY) out.set(from === 0 && to === bytes.length ? bytes : bytes.subarray(from, to));
  else for (let i = 0; i < length; i += 1) out[i] = bytes[from + i] as number;
  return out;
}

/** True when both hold the same bytes. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i += 1) if (a[i] !== b[i]) return false;
  return true;
}

/**
 * Text from a peer's bytes without loss: a byte that is not part of valid UTF-8 becomes the lone surrogate
 * U+DC00 + byte, so two different byte strings never become one name. `bytesOfText` reverses it exactly.
 */
export function textOfBytes(bytes: Uint8Array): string {
  const buffer = asBuffer(bytes);
  const text = buffer.toString('utf8');
  if (!text.includes('\ufffd') || Buffer.from(text, 'utf8').equals(buffer)) return text;
  let out = '';
  let at = 0;
  while (at < buffer.length) {
    const length = sequenceLength(buffer, at);
    if (length === 0) {
      out += String.fromCharCode(0xdc00 + (buffer[at] as number));
      at += 1;
    } else {
      out += buffer.toString('utf8', at, at + length);
      at += length;
    }
  }
  return out;
}

/** The bytes of text made by `textOfBytes`; any other lone surrogate becomes U+FFFD. */
export function bytesOfText(text: string): Uint8Array {
  let invalid = false;
  for (let i = 0; i < text.length && !invalid; i += 1) {
    const unit = text.charCodeAt(i);
    invalid = unit >= INVALID_LOW && unit <= INVALID_HIGH;
  }
  if (!invalid) return Buffer.from(text, 'utf8');
  const parts: Uint8Array[] = [];
  for (const point of text) {
    const code = point.codePointAt(0) as number;
    parts.push(
      code >= INVALID_LOW && code <= INVALID_HIGH ? Uint8Array.of(code - 0xdc00) : Buffer.from(point),
    );
  }
  return Buffer.concat(parts);
}

/** The length of the valid UTF-8 sequence at `at`, or 0 (RFC 3629 table 3-7). */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number;
  if (first < 0x80) return 1;
  const length =
    first >= 0xc2 && first <= 0xdf
      ? 2
      : first >= 0xe0 && first <= 0xef
        ? 3
        : first >= 0xf0 && first <= 0xf4
          ? 4
          : 0;
  if (length === 0 || at + length > bytes.length) return 0;
  const second = bytes[at + 1] as number;
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < low || second > high) return 0;
  for (let i = 2; i < length; i += 1) if (((bytes[at + i] as number) & 0xc0) !== 0x80) return 0;
  return length;
}
