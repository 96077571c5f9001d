import { writeFileSync } from 'node:fs';
import { configSchema } from '../src/agent/config/schema.ts';

/** Writes docs/configuration.schema.json from the configuration table: `npx tsx scripts/gen-config-schema.ts`. */
const text = `${JSON.stringify(configSchema(), null, 2)}\n`;
writeFileSync(new URL('../docs/configuration.schema.json', import.meta.url), text);
