import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { COMMANDS, RPC_ERRORS } from '../../../src/rpc/protocol.ts';
import { MAX_CLIENTS } from '../../../src/rpc/server.ts';
import { STREAM_CAPACITY } from '../../../src/rpc/streams/event.ts';
import { MAX_STREAMS } from '../../../src/rpc/streams/table.ts';

describe('docs/rpc.md', () => {
  const page = readFileSync(new URL('../../../docs/rpc.md', import.meta.url), 'utf8');

  it('names every command', () => {
    expect(Object.keys(COMMANDS).filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
  });

  it('names every error text', () => {
    const words = page.replaceAll(/\s+/g, ' ');
    const texts = Object.values(RPC_ERRORS).filter((text) => text !== RPC_ERRORS.clientClosed);
    expect(texts.filter((text) => !words.includes(text.trim()))).toEqual([]);
  });

  it('states the limits there are', () => {
    for (const limit of [
      `${MAX_CLIENTS} clients`,
      `${MAX_STREAMS} event streams`,
      `| ${STREAM_CAPACITY} |`,
    ]) {
      expect(page).toContain(limit);
    }
  });
});
