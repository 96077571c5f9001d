import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { readConfig } from '../../../src/agent/config/decode.ts';
import { parseJson, parseWholeJson } from '../../../src/agent/config/json.ts';
import { readKeyringFile } from '../../../src/agent/keyring-file.ts';
import { decodeDns } from '../../../src/agent/mdns/dns-reader.ts';
import { decodeBase64, encodeBase64 } from '../../../src/base/base64.ts';
import { formatDuration, parseDuration } from '../../../src/base/duration.ts';
import { readArgv } from '../../../src/cli/argv.ts';
import { queryCommand } from '../../../src/cli/commands/query.ts';
import { runFlags } from '../../../src/cli/commands/run.ts';
import { simCommand } from '../../../src/cli/commands/sim.ts';
import { flagValues } from '../../../src/cli/flags.ts';
import { parseHandlerSpec } from '../../../src/handlers/spec.ts';
import { compileTemplate } from '../../../src/render/template.ts';
import { parseJoinEntry } from '../../../src/runtime/resolve.ts';
import { LineReader } from '../../../src/serf/line-reader.ts';
import { SNAPSHOT_LINE_BYTES, Snapshot } from '../../../src/serf/snapshot.ts';
import { readScenario } from '../../../src/sim/rehearsal/read-scenario.ts';
import { unhex } from '../../vectors/load.ts';
import { hold, refusable, type Target } from '../target.ts';

/** Files, command lines and what operators write; and the packets of multicast DNS. */

const folder = mkdtempSync(join(tmpdir(), 'reeve-fuzz-'));
const bytes = (...texts: readonly string[]): Uint8Array[] =>
  texts.map((text) => Uint8Array.from(Buffer.from(text)));
const text = (input: Uint8Array): string => Buffer.from(input).toString('utf8');

/** Our reader of JSON refuses deeper nesting than this. */
const DEPTH_LIMIT = 32;

const CONFIG = `{"node_name":"a","bind":"127.0.0.1:7946","tags":{"role":"web"},"event_handlers":["member-join=./x.sh"],
"retry_interval":"30s","enable_compression":true,"start_join":["a","b"],"handlers":{"x":{"command":"./x","events":["user:deploy"]}}}`;

const SNAPSHOT =
  'alive: a 127.0.0.1:7946\nclock: 5\nevent-clock: 7\nquery-clock: 9\nnot-alive: a\nleave\n#failed: b 127.0.0.2:7946 1700000000\ncoordinate: {}\n';

function snapshotOf(input: Uint8Array, cut: number): Snapshot {
  const snapshot = new Snapshot(false);
  const reader = new LineReader(SNAPSHOT_LINE_BYTES, (line) => void snapshot.apply(line));
  reader.push(input.subarray(0, cut));
  reader.push(input.subarray(cut));
  return snapshot;
}

const shown = ({ alive, failed, lastTimes }: Snapshot): unknown => ({ alive, failed, lastTimes });

export const TEXT_TARGETS: readonly Target[] = [
  {
    name: 'snapshot',
    seeds: () => bytes(SNAPSHOT),
    run: (input) => {
      const whole = snapshotOf(input, 0);
      hold(
        isDeepStrictEqual(shown(whole), shown(snapshotOf(input, input.length >> 1))),
        'a snapshot means the same in pieces',
      );
      const again = new Snapshot(false);
      for (const line of whole.lines()) again.apply(line);
      hold(isDeepStrictEqual(shown(whole), shown(again)), 'a compacted snapshot means the same');
    },
  },
  {
    name: 'config',
    seeds: () => bytes(CONFIG, '{}', '[1,2,{"a":null}]'),
    run: (input) => void readConfig('fuzz.json', text(input)),
  },
  {
    name: 'json',
    seeds: () => bytes(CONFIG, '[1,-2.5e3,true,null,"\\u00e9\\n"]'),
    run: (input) => {
      const source = text(input);
      refusable(() => parseJson(source));
      const ours = refusable(() => parseWholeJson(source)) !== undefined;
      let theirs = true;
      try {
        JSON.parse(source.replace(/^\ufeff/, ''));
      } catch {
        theirs = false;
      }
      const isDeep = source.split(/[[{]/).length > DEPTH_LIMIT;
      hold(ours === theirs || isDeep, 'the engine and we call the same texts JSON');
    },
  },
  {
    name: 'keyring',
    seeds: () => bytes('["MDEyMzQ1Njc4OWFiY2RlZg=="]', '[]', '["x"]', '[1]'),
    run: (input) => {
      const path = join(folder, 'keyring');
      writeFileSync(path, input, { mode: 0o600 });
      const keys = refusable(() => readKeyringFile(path));
      hold(keys === undefined || keys.every(({ length }) => [16, 24, 32].includes(length)), 'keys are keys');
    },
  },
  {
    name: 'dns',
    seeds: () =>
      [
        '000084000000000100000000055f736572660a5f756470056c6f63616c00000c000100000078000401610001',
        '0000000000010000000000000566697273740a5f736572662d746370056c6f63616c00000c0001',
      ].map(unhex),
    run: (input) => void refusable(() => decodeDns(input)),
  },
  {
    name: 'duration',
    seeds: () => bytes('1h30m', '-1.5s', '300ms', '0', '5µs'),
    run: (input) => {
      const ms = refusable(() => parseDuration(text(input)));
      if (ms === undefined) return;
      hold(Number.isFinite(ms), 'a duration is finite');
      hold(
        Math.abs(parseDuration(formatDuration(ms)) - ms) <= Math.abs(ms) / 1e6 + 1e-6,
        'a duration reads as it was written',
      );
    },
  },
  {
    name: 'base64',
    seeds: () => bytes('MDEyMzQ1Njc4OWFiY2RlZg==', 'YQ=', '####'),
    run: (input) => {
      const found = refusable(() => decodeBase64(text(input)));
      if (found !== undefined)
        hold(
          Buffer.from(decodeBase64(encodeBase64(found))).equals(Buffer.from(found)),
          'base64 reads what it writes',
        );
    },
  },
  {
    name: 'join-entry',
    seeds: () =>
      bytes('10.0.0.1', '[::1]:7946', 'srv:_serf._udp.example', 'name/host:1', 'file:/x', 'exec:ls'),
    run: (input) => void refusable(() => parseJoinEntry(text(input), 7946)),
  },
  {
    name: 'handler-spec',
    seeds: () => bytes('member-join,user:deploy=./x.sh', 'query:load=uptime', '*=cat'),
    run: (input) => void refusable(() => parseHandlerSpec(text(input))),
  },
  {
    name: 'argv',
    seeds: () =>
      bytes(
        '-node\0a\0-tag=x=y\0--json',
        '-timeout=5s\0load\0payload',
        '-nodes\u00005\0-kill=3@1s\0--',
        '-relay-factor\u00003',
      ),
    run: (input) => {
      const words = text(input).split('\0');
      for (const [table, order] of [
        [runFlags(), 'go'],
        [queryCommand.flags, 'go'],
        [simCommand.flags, 'anywhere'],
      ] as const) {
        const read = readArgv(words, table, order);
        if (read.type === 'ok') flagValues(table, read.flags);
        else hold(read.message.length > 0, 'a refusal says why');
      }
    },
  },
  {
    name: 'scenario',
    seeds: () =>
      bytes(
        '{"nodes":5,"weather":{"loss":"5%"},"steps":[{"at":"1s","kill":["n1"]},{"at":"2s","partition":"20%","for":"3s"}]}',
      ),
    run: (input) => {
      let value: unknown;
      try {
        value = JSON.parse(text(input));
      } catch {
        return;
      }
      refusable(() => readScenario(value));
    },
  },
  {
    name: 'template',
    seeds: () =>
      bytes(
        '{% for m in members %}{{ m.name | upcase }}\n{% endfor %}',
        '{{ self.name }}',
        '{% if x %}a{% else %}b{% endif %}',
      ),
    run: (input) => void refusable(() => compileTemplate('fuzz', text(input))),
  },
];
