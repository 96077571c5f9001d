import { readFileSync, writeFileSync } from 'node:fs';
import { withReference } from '../src/cli/reference.ts';

/** Makes the reference of the commands in docs/cli.md anew; run it with `npx tsx scripts/gen-cli-doc.ts`. */
const page = new URL('../docs/cli.md', import.meta.url);
writeFileSync(page, await withReference(readFileSync(page, 'utf8')));
