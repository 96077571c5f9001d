import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { COMMANDS } from '../../../src/cli/commands/index.ts';
import { withReference } from '../../../src/cli/reference.ts';

describe('docs/cli.md', () => {
  const page = readFileSync(new URL('../../../docs/cli.md', import.meta.url), 'utf8');

  it('holds the reference of the commands as they are: npx tsx scripts/gen-cli-doc.ts makes it', async () => {
    expect(page).toBe(await withReference(page));
  });

  it('has a section for every command', () => {
    for (const name of Object.keys(COMMANDS)) expect(page).toContain(`\n### agent ${name}\n`);
  });

  it('is not made into a page that has no place for it', async () => {
    await expect(withReference('# A page\n')).rejects.toThrow('lacks the lines');
  });
});
