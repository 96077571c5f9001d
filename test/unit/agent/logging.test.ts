import { describe, expect, it } from 'vitest';
import { logLine, logTime, oneLine, QUOTING_LINE_CHARS } from '../../../src/agent/log-line.ts';
import { AgentLog } from '../../../src/agent/logging.ts';
import { memoryWriter } from './fakes.ts';

const NOON = new Date(2026, 10, 20, 20, 17, 46, 123);
const TIME = '2026/11/20 20:17:46';

function logTo(format: 'text' | 'json', level: 'TRACE' | 'INFO' | 'WARN' = 'INFO') {
  const out = memoryWriter();
  const log = new AgentLog({ level, format, out, now: () => NOON });
  return { log, out };
}

async function backlog(log: AgentLog): Promise<string[]> {
  const controller = new AbortController();
  const lines: string[] = [];
  const iterator = log.follow({ signal: controller.signal, capacity: 600, onDrop: () => undefined });
  log.write('INFO', 'test', 'end');
  for await (const line of iterator) {
    if (line.endsWith('test: end')) break;
    lines.push(line);
  }
  return lines;
}

describe('a log line', () => {
  it('has the time of Go in local time', () => {
    expect(logTime(new Date(2026, 0, 2, 3, 4, 5))).toBe('2026/01/02 03:04:05');
  });

  it('shows control characters, which could rewrite a terminal, but tab and newline as they are', () => {
    expect(logLine(TIME, 'WARN', 's', 'a\u001b[2Jb\u009b\u0000c\td\ne')).toBe(
      `${TIME} [WARN] s: a\\x1b[2Jb\\x9b\\x00c\td\ne`,
    );
  });

  it('loses one newline at its end', () => {
    expect(logLine(TIME, 'INFO', 's', 'a\n\n')).toBe(`${TIME} [INFO] s: a\n`);
    expect(oneLine('a\r\nb')).toBe('a\\r\\nb');
    expect(oneLine('n'.repeat(60_000))).toBe(`${'n'.repeat(QUOTING_LINE_CHARS)}…`);
  });
});

describe('the log', () => {
  it('holds everything until it is opened, then keeps the order', () => {
    const { log, out } = logTo('text');
    log.write('INFO', 'agent', 'first');
    expect(out.lines).toEqual([]);
    log.open();
    log.write('WARN', 'agent', 'second');
    expect(out.lines).toEqual([`    ${TIME} [INFO] agent: first`, `    ${TIME} [WARN] agent: second`]);
  });

  it('shows its level and above, and another one from the moment that is set', () => {
    const { log, out } = logTo('text', 'WARN');
    log.open();
    const all = () => {
      for (const level of ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERR'] as const) log.write(level, 's', 'x');
    };
    all();
    expect(out.lines.map((line) => line.split(' ')[6])).toEqual(['[WARN]', '[ERR]']);
    log.setLevel('TRACE');
    all();
    expect(out.lines).toHaveLength(7);
  });

  it('shows monitors every level, without the four blanks', async () => {
    const { log } = logTo('text', 'WARN');
    log.write('TRACE', 'serf', 'quiet');
    log.write('ERR', 'serf', 'loud');
    expect(await backlog(log)).toEqual([`${TIME} [TRACE] serf: quiet`, `${TIME} [ERR] serf: loud`]);
  });

  it('makes one line of what the core tells, so that no peer can forge another', () => {
    const { log, out } = logTo('text');
    log.open();
    log.note({ level: 'INFO', source: 'serf', message: 'join', text: 'EventMemberJoin: x\n    forged' });
    expect(out.lines).toEqual([`    ${TIME} [INFO] serf: EventMemberJoin: x\\n    forged`]);
  });

  it('as JSON has constant messages with the text and fields beside them', () => {
    const { log, out } = logTo('json');
    log.open();
    log.note({ level: 'ERR', source: 'serf', message: 'join', text: 'joined: a', fields: { node: 'a' } });
    log.write('INFO', 'agent', 'two\nlines');
    expect(out.lines.map((line) => JSON.parse(line))).toEqual([
      {
        level: 'ERR',
        time: NOON.toISOString(),
        source: 'serf',
        msg: 'join',
        text: 'joined: a',
        fields: { node: 'a' },
      },
      { level: 'INFO', time: NOON.toISOString(), source: 'agent', msg: 'two\nlines' },
    ]);
  });

  it('tells how many lines a stalled reader cost', () => {
    const { log, out } = logTo('text');
    log.open();
    out.full = true;
    log.write('INFO', 's', 'lost');
    log.write('INFO', 's', 'lost too');
    out.full = false;
    log.write('INFO', 's', 'seen');
    expect(out.lines).toEqual([
      `    ${TIME} [WARN] agent: 2 lines lost: the reader of this output was too slow`,
      `    ${TIME} [INFO] s: seen`,
    ]);
  });
});
