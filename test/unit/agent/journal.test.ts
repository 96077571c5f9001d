import { closeSync, fstatSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { isJournal } from '../../../src/agent/journal.ts';
import { AgentLog } from '../../../src/agent/logging.ts';
import { memoryWriter } from './fakes.ts';

it('the journal is told how severe each line is', () => {
  const out = memoryWriter();
  const log = new AgentLog({ level: 'TRACE', format: 'text', out, journal: true });
  log.open();
  for (const level of ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERR'] as const) log.write(level, 'agent', level);
  expect(out.lines.map((line) => line.replace(/ {4}\S+ \S+/, ''))).toEqual([
    '<7> [TRACE] agent: TRACE',
    '<7> [DEBUG] agent: DEBUG',
    '<6> [INFO] agent: INFO',
    '<4> [WARN] agent: WARN',
    '<3> [ERR] agent: ERR',
  ]);
  log.write('WARN', 'agent', 'two\nlines');
  expect(out.lines.at(-1)).toMatch(/^<4>.*: two\n<4>lines$/);
});

it('output is the journal where it is the very file that systemd named', () => {
  const directory = mkdtempSync(join(tmpdir(), 'reeve-journal-'));
  const file = openSync(join(directory, 'f'), 'w');
  const { dev, ino } = fstatSync(file);
  expect(isJournal(`${dev}:${ino}`, file)).toBe(true);
  expect(isJournal(`${dev}:${ino + 1}`, file)).toBe(false);
  expect(isJournal(undefined, file)).toBe(false);
  closeSync(file);
  expect(isJournal(`${dev}:${ino}`, file)).toBe(false);
  rmSync(directory, { recursive: true });
});
