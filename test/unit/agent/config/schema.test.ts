import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../../../../src/agent/config/decode.ts';
import { configSchema } from '../../../../src/agent/config/schema.ts';
import { shownValue } from '../../../../src/agent/config/shown.ts';
import { CONFIG_KEYS, specOf } from '../../../../src/agent/config/table.ts';

const read = (path: string) => readFileSync(new URL(`../../../../${path}`, import.meta.url), 'utf8');

const validate = new Ajv2020({ strict: true, allowUnionTypes: true }).compile(configSchema());

/** Configurations and whether they are right; types and names only, as a schema cannot know more. */
const CASES: readonly (readonly [text: string, right: boolean])[] = [
  ['{}', true],
  ['{"$schema": "reeve.schema.json", "node_name": "web-1", "bind": "10.0.0.5"}', true],
  ['{"tags": {"role": "web"}, "start_join": ["10.0.0.1"], "leave_on_terminate": true}', true],
  ['{"retry_interval": "1m30s", "reconnect_timeout": "1.5h", "broadcast_timeout": ""}', true],
  ['{"mdns": {"interface": "eth0", "disable_ipv4": true}, "protocol": 4}', true],
  ['{"log_level": "warn", "profile": "wan"}', true],
  ['{"handlers": {"lb": {"run": "./lb.sh", "timeout": "90s", "queue": {"limit": 3}}}}', true],
  ['{"nodename": "web-1"}', false],
  ['{"mdns": {"iface": "eth0"}}', false],
  ['{"node_name": 5}', false],
  ['{"retry_interval": 5}', false],
  ['{"retry_interval": "5"}', false],
  ['{"retry_interval": "5 s"}', false],
  ['{"start_join": "10.0.0.1"}', false],
  ['{"tags": {"a": 1}}', false],
  ['{"protocol": 4.5}', false],
  ['{"handlers": {"lb": {"run": "x", "queue": {"limt": 3}}}}', false],
  ['{"handlers": {"a b": {"run": "x"}}}', false],
  ['{"handlers": {"lb": {"run": "x", "timeout": "soon"}}}', false],
];

describe('the JSON Schema', () => {
  it('in docs/ is what scripts/gen-config-schema.ts makes of the table', () => {
    expect(read('docs/configuration.schema.json')).toBe(`${JSON.stringify(configSchema(), null, 2)}\n`);
  });

  it.each(CASES)('and the agent agree about %s', (text, right) => {
    expect(validate(JSON.parse(text))).toBe(right);
    expect('layer' in readConfig('c.json', text)).toBe(right);
  });

  it('takes the example of the reference page', () => {
    const [, example] = /```json\n([\s\S]*?)```/.exec(read('docs/configuration.md')) ?? [];
    expect(validate(JSON.parse(example ?? ''))).toBe(true);
  });

  it('takes the default of every key as it is shown', () => {
    for (const key of CONFIG_KEYS) {
      const [group, inner] = key.split('.');
      const value = shownValue(key, specOf(key).default);
      const object = inner === undefined ? { [key]: value } : { [String(group)]: { [inner]: value } };
      expect(validate(object), key).toBe(true);
    }
  });

  it('is put by no page where an agent would read it as configuration', () => {
    for (const page of [
      'docs/getting-started.md',
      'docs/configuration.md',
      'README.md',
      'packaging/README.md',
    ]) {
      expect(read(page)).not.toMatch(/\/etc\/reeve\/\S*schema\.json/);
    }
  });
});
