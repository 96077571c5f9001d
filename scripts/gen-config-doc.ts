import { writeFileSync } from 'node:fs';
import { configReference } from '../src/agent/config/reference.ts';

/** Writes docs/configuration.md from the configuration table; run it with `npx tsx scripts/gen-config-doc.ts`. */
writeFileSync(new URL('../docs/configuration.md', import.meta.url), configReference());
