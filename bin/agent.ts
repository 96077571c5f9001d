#!/usr/bin/env node
import { processContext } from '../src/cli/context.ts';
import { main } from '../src/cli/main.ts';

const code = await main(process.argv.slice(2), processContext());
// Everything written has been flushed; nothing that a command left open may keep it alive.
process.exit(code);
