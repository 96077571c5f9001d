import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { configReference } from '../../../../src/agent/config/reference.ts';
import { CONFIG_KEYS } from '../../../../src/agent/config/table.ts';

it('docs/configuration.md is what scripts/gen-config-doc.ts makes of the table', () => {
  const page = readFileSync(new URL('../../../../docs/configuration.md', import.meta.url), 'utf8');
  expect(page).toBe(configReference());
});

it('the reference names every key', () => {
  const page = configReference();
  for (const key of CONFIG_KEYS) expect(page).toContain(`\`${key}\``);
});
