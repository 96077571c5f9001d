import { describe, expect, it } from 'vitest';
import { CONFIG_KEYS } from '../../src/agent/config/table.ts';
import { documentedIn, errorCodesIn } from './documented.ts';
import { productSources, sourceOf, textOf } from './source.ts';

describe('error codes', () => {
  const used = errorCodesIn(productSources());
  const documented = documentedIn(textOf('docs/errors.md'));

  it('are documented, every one, with what remains true afterwards', () => {
    const missing = [...used].filter(([code]) => !documented.has(code));
    expect(missing.map(([code, place]) => `${place}: ${code}`)).toEqual([]);
  });

  it('are documented only while something uses them', () => {
    expect([...documented].filter((code) => !used.has(code))).toEqual([]);
  });

  it('are found wherever they are written out', () => {
    const source = sourceOf(
      'src/base/a.ts',
      "throw new CodedError('ERR_A', m); const t = { x: 'ERR_B' }; throw new WireError('label-cut', m); fail('text-cut', m);",
    );
    expect([...errorCodesIn([source]).keys()]).toEqual(['ERR_A', 'ERR_B', 'label-cut', 'text-cut']);
  });
});

describe('configuration keys', () => {
  it('are documented, every one', () => {
    const page = textOf('docs/configuration.md');
    expect(CONFIG_KEYS.filter((key) => !page.includes(`\`${key}\``))).toEqual([]);
  });
});
