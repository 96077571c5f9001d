import { describe, expect, it } from 'vitest';
import { commandFault, fillArguments } from '../../../src/render/spec.ts';

describe('a command', () => {
  it.each([
    [['nginx', '-t', '-c', '{staged}']],
    [['dnsmasq', '--test', '--conf-file={staged}']],
    [['awk', '{print}', '{target}']],
    [['sh', '-c', 'nginx -t -c "$REEVE_STAGED"']],
  ])('is good: %j', (argv) => {
    expect(commandFault('check', argv)).toBeUndefined();
  });

  it.each([
    [[], 'is empty'],
    [[''], 'is empty'],
    [['sh', '-c', 'nginx -t -c {staged}'], 'in a shell line write "$REEVE_STAGED"'],
    [['sh', '-c', '$(cat {target})'], '$REEVE_TARGET'],
    [['cat', '{staged}.old'], 'stands alone'],
    [['cat', '{stagd}'], 'did you mean {staged}'],
    [['cat', 'a\0b'], 'NUL'],
  ])('is refused: %j', (argv, expected) => {
    expect(commandFault('check', argv)).toContain(expected);
  });

  it('finds the staged file only while there is one', () => {
    expect(commandFault('reload', ['cat', '{staged}'])).toContain('during the check only');
  });

  it('gets values as arguments of their own, whatever they hold', () => {
    const values = { staged: '/a b/$(x)', target: '/t', name: 'n' };
    expect(fillArguments(['p', '{staged}', '--f={target}', '{name}', '{other}'], values)).toEqual([
      'p',
      '/a b/$(x)',
      '--f=/t',
      'n',
      '{other}',
    ]);
  });
});
