import { describe, expect, it } from 'vitest';
import { admissionFault } from '../../../src/serf/admission.ts';
import { checkSerfConfig, nodeNameFault } from '../../../src/serf/config.ts';
import { encodeTags } from '../../../src/serf/tags.ts';
import { type SerfSettings, serfConfig } from '../../support/serf-node.ts';
import { facts } from '../../support/serf-parts.ts';

const ADDRESS = { ip: '10.0.0.1', port: 7946 };
const check = (settings: SerfSettings, name = 'n1') => checkSerfConfig(serfConfig(name, ADDRESS, settings));

describe('settings that cannot work', () => {
  it.each([
    [{ protocolVersion: 1 }, "Protocol version '1' too low. Must be in range: [2, 5]"],
    [{ protocolVersion: 6 }, "Protocol version '6' too high. Must be in range: [2, 5]"],
    [{ userEventSizeLimit: 9217 }, 'user event size limit exceeds limit of 9216 bytes'],
  ])('%j are refused', (settings, text) => expect(() => check(settings)).toThrow(text));

  it('a node name is judged only when asked for', () => {
    expect(() => check({}, 'no good')).not.toThrow();
    expect(() => check({ validateNodeNames: true }, 'no good')).toThrow(
      'Node name contains invalid characters',
    );
    expect(() => check({ validateNodeNames: true }, 'web-1.example')).not.toThrow();
  });

  it.each([
    ['x'.repeat(128), undefined],
    ['x'.repeat(129), 'Node name is 129 characters. Valid length is between 1 and 128 characters'],
    ['', 'Node name is 0 characters. Valid length is between 1 and 128 characters'],
  ])('name %#: %s', (name, fault) => expect(nodeNameFault(name)).toBe(fault));

  it('characters are judged before length', () => {
    expect(nodeNameFault('_'.repeat(200))).toMatch(/^Node name contains invalid characters/);
  });

  it('tags count with their magic byte', () => {
    expect(encodeTags(new Map([['k', 'x'.repeat(505)]]), 5)).toHaveLength(512);
    expect(() => encodeTags(new Map([['k', 'x'.repeat(506)]]), 5)).toThrow(
      'Encoded length of tags exceeds limit of 512 bytes',
    );
  });
});

describe('the merge hook', () => {
  const odd = { ...facts('bad name'), addr: new Uint8Array(5) };

  it('without one nothing is checked', () => {
    expect(admissionFault({ admit: undefined, validateNodeNames: true }, [odd], true)).toBeUndefined();
  });

  it.each([
    [true, odd, /^Node name contains invalid characters/],
    [false, odd, 'IP byte length is invalid: 5 bytes is not either 4 or 16'],
    [
      false,
      { ...facts('x'), meta: new Uint8Array(513) },
      'Encoded length of tags exceeds limit of 512 bytes',
    ],
    [false, facts('x', 1, { a: 'b' }), 'x has a=b, merging false'],
  ])('names validated %s: case %#', (validateNodeNames, member, reason) => {
    const fault = admissionFault(
      {
        validateNodeNames,
        admit: ([one], merging) => `${one?.name} has a=${one?.tags.get('a')}, merging ${merging}`,
      },
      [member],
      false,
    );
    expect(fault).toMatch(reason);
  });
});
