import { describe, expect, it } from 'vitest';
import { decodeBase64, encodeBase64 } from '../../../src/base/base64.ts';

describe('base64', () => {
  it.each([
    ['', []],
    ['AQ==', [1]],
    ['AQI=', [1, 2]],
    ['AQID', [1, 2, 3]],
    ['AQ\r\n==\n', [1]],
  ])('%j decodes, line ends skipped', (text, bytes) => {
    expect([...decodeBase64(text)]).toEqual(bytes);
  });

  // Each offset is the one Serf prints for the key.
  it.each([
    ['!!', 0],
    ['A', 0],
    ['abc', 0],
    ['AQIDA', 4],
    ['=', 0],
    ['A===', 1],
    ['AQ=', 3],
    ['AQ=x', 2],
    ['AQ==x', 4],
    ['AQI=AQI=', 4],
    ['AQ-_', 2],
    ['AQ ID', 2],
  ])('%j is refused at the byte that Serf names', (text, at) => {
    expect(() => decodeBase64(text)).toThrow(`illegal base64 data at input byte ${at}`);
  });

  it('encodes on one line with padding', () => {
    expect(encodeBase64(Uint8Array.of(255, 254))).toBe('//4=');
  });
});
