import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { runSource } from '../../../../src/agent/sources/command.ts';
import { linesOfSource, MAX_SOURCE_BYTES } from '../../../../src/agent/sources/lines.ts';
import {
  lookUpService,
  MAX_SERVICE_RECORDS,
  type ServiceLookup,
} from '../../../../src/agent/sources/service.ts';
import { expandSources, isSource } from '../../../../src/agent/sources/sources.ts';

const folder = mkdtempSync(join(tmpdir(), 'sources-'));
afterAll(() => rmSync(folder, { recursive: true }));

const options = { signal: new AbortController().signal, env: { PATH: process.env.PATH, SEED: '10.9.9.9' } };
const srv =
  (records: Awaited<ReturnType<ServiceLookup>>): ServiceLookup =>
  () =>
    Promise.resolve(records);

function fileOf(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** A killed child of nobody may stay a zombie for a while; that is not running. */
function isRunning(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}

describe('join sources', () => {
  it.each([
    ['10.0.0.1', false],
    ['file.example.org:7946', false],
    ['node/10.0.0.1', false],
    ['srv+_serf._tcp.example.org', true],
    ['file:/etc/seeds', true],
    ['exec:seeds', true],
  ])('%s is a source: %s', (entry, expected) => {
    expect(isSource(entry)).toBe(expected);
  });

  it('addresses stay in place, sources give what they hold now, each address counts once', async () => {
    const path = fileOf('seeds', '10.0.0.2\n# old: 10.0.0.9\n\n 10.0.0.3:7000 # the third \n10.0.0.1\n');
    const entries = ['10.0.0.1', `file:${path}`, 'exec:echo $SEED'];
    expect(await expandSources(entries, options)).toEqual({
      addresses: ['10.0.0.1', '10.0.0.2', '10.0.0.3:7000', '10.9.9.9'],
      problems: [],
    });
    writeFileSync(path, '10.0.0.4\n');
    expect((await expandSources([`file:${path}`], options)).addresses).toEqual(['10.0.0.4']);
  });

  it('a source that fails is told of and stops no other', async () => {
    const { addresses, problems } = await expandSources(['10.0.0.1', `file:${folder}/none`], options);
    expect(addresses).toEqual(['10.0.0.1']);
    expect(problems).toEqual([
      expect.stringMatching(/^Failed to get join addresses from file:.*none: ENOENT: no such file/),
    ]);
  });

  it.each([
    ['file:', /nothing follows 'file:'/],
    [`file:${folder}`, /is no regular file/],
    ['exec:exit 3', /exit code 3/],
    ['exec:echo broken >&2; exit 1', /exit code 1: broken/],
    ['exec:echo file:/etc/seeds', /names another source, file:\/etc\/seeds/],
  ])('%s alone is refused with its reason', async (entry, reason) => {
    await expect(expandSources([entry], options)).rejects.toMatchObject({
      code: 'ERR_JOIN_SOURCE',
      message: expect.stringMatching(reason),
    });
  });

  it('a file that is too large is no list of seeds', async () => {
    const path = fileOf('large', 'x'.repeat(MAX_SOURCE_BYTES + 1));
    await expect(expandSources([`file:${path}`], options)).rejects.toThrow(/at most 65536 are read/);
  });

  it('lines end in either way and may hold nothing but a comment', () => {
    expect(linesOfSource('a\r\nb:1\r\n  # c\r\n\t\nd')).toEqual(['a', 'b:1', 'd']);
  });
});

describe('an SRV source', () => {
  it('gives host and port of each record, the most wanted first', async () => {
    const lookup = srv([
      { name: 'b.example.org', port: 7001, priority: 20 },
      { name: 'a.example.org', port: 7000, priority: 10 },
    ]);
    expect(await lookUpService('_serf._tcp.example.org', lookup)).toEqual([
      'a.example.org:7000',
      'b.example.org:7001',
    ]);
  });

  it('is an error where the service is declared absent', async () => {
    await expect(lookUpService('_serf._tcp.x', srv([{ name: '', port: 0, priority: 0 }]))).rejects.toThrow(
      'no such service is offered; check the SRV record of _serf._tcp.x',
    );
  });

  it(`gives at most ${MAX_SERVICE_RECORDS} places`, async () => {
    const records = Array.from({ length: 100 }, (_, i) => ({ name: `h${i}`, port: 1, priority: 1 }));
    expect(await lookUpService('s', srv(records))).toHaveLength(MAX_SERVICE_RECORDS);
  });
});

describe('a command source', () => {
  it('that takes too long is killed with all it started', async () => {
    const path = join(folder, 'child');
    const run = runSource(`sleep 30 & echo $! > ${path}; wait`, { ...options, timeoutMs: 500 });
    await expect(run).rejects.toThrow('it took longer than 0.5s and was killed');
    const child = Number(readFileSync(path, 'utf8'));
    await expect.poll(() => isRunning(child)).toBe(false);
  });

  it('that writes without end is killed', async () => {
    await expect(runSource('yes', options)).rejects.toThrow(`more than ${MAX_SOURCE_BYTES} bytes`);
  });

  it('is not waited for when the agent stops', async () => {
    const controller = new AbortController();
    const run = runSource('sleep 30', { ...options, signal: controller.signal });
    controller.abort();
    await expect(run).rejects.toThrow('the agent stops');
  });
});
