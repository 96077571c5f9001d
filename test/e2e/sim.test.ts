import { execFile, spawn } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

const AGENT = join(import.meta.dirname, '../../dist/bin/agent.js');
const WORDS = [
  'sim',
  '-nodes',
  '15',
  '-loss',
  '5%',
  '-jitter',
  '5ms',
  '-kill',
  '2',
  '-partition',
  '30%:20s',
  '--json',
];

/** Further Node.js binaries to compare with, separated by colons: `npm run sim:versions` sets them. */
const OTHERS = (process.env['REEVE_OTHER_NODES'] ?? '').split(':').filter((path) => path !== '');

async function rehearse(node: string): Promise<string> {
  const { stdout } = await promisify(execFile)(node, [AGENT, ...WORDS]);
  return stdout;
}

describe('the installed agent sim', () => {
  it('gives the same report to the last byte in every process and on every Node.js it is shown', async () => {
    const [first = '', ...others] = await Promise.all(
      [process.execPath, process.execPath, ...OTHERS].map(rehearse),
    );
    expect(JSON.parse(first)).toMatchObject({
      converged: true,
      trace_hash: expect.stringMatching(/^[0-9a-f]{16}$/),
    });
    for (const other of others) expect(other).toBe(first);
  });

  it('INT ends it with the report of what was reached', async () => {
    const child = spawn(process.execPath, [AGENT, 'sim', '-nodes', '60', '-duration', '20h', '-progress']);
    let text = '';
    child.stdout.on('data', (data: Buffer) => {
      text += data.toString();
    });
    // The first line of progress says that it is under way.
    child.stderr.once('data', () => child.kill('SIGINT'));
    const code = await new Promise((resolve) => child.once('close', resolve));
    expect(text).toContain('interrupted');
    expect(text).toContain('Trace ');
    expect(code).toBe(1);
  });
});
