import { CodedError } from './errors.ts';

/** Strict base64 with Go's errors: keys are compared and refused exactly as Serf does. */

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const PAD = '=';

/**
 * Decodes standard base64 with padding; line ends are skipped.
 *
 * @throws CodedError `ERR_BASE64`: `illegal base64 data at input byte N`
 */
export function decodeBase64(text: string): Uint8Array {
  let inQuantum = 0;
  for (let at = 0; at < text.length; at += 1) {
    const char = text[at] as string;
    if (isLineEnd(char)) continue;
    if (char === PAD) {
      checkPadding(text, at, inQuantum);
      return Uint8Array.from(Buffer.from(text, 'base64'));
    }
    if (!ALPHABET.includes(char)) throw illegal(at);
    inQuantum = (inQuantum + 1) % 4;
  }
  if (inQuantum > 0) throw illegal(text.length - inQuantum);
  return Uint8Array.from(Buffer.from(text, 'base64'));
}

/** Base64 with padding, on one line. */
export function encodeBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

/** The first pad at `at` must stand where padding may, be complete, and be the end of the text. */
function checkPadding(text: string, at: number, inQuantum: number): void {
  if (inQuantum < 2) throw illegal(at);
  let next = skipLineEnds(text, at + 1);
  if (inQuantum === 2) {
    if (next === text.length) throw illegal(text.length);
    if (text[next] !== PAD) throw illegal(next - 1);
    next = skipLineEnds(text, next + 1);
  }
  if (next < text.length) throw illegal(next);
}

function skipLineEnds(text: string, from: number): number {
  let at = from;
  while (at < text.length && isLineEnd(text[at] as string)) at += 1;
  return at;
}

function isLineEnd(char: string): boolean {
  return char === '\n' || char === '\r';
}

function illegal(at: number): CodedError {
  return new CodedError('ERR_BASE64', `illegal base64 data at input byte ${at}`);
}
