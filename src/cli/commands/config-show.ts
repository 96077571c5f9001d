import { systemHost } from '../../agent/config/host.ts';
import type { Origin } from '../../agent/config/layer.ts';
import { type ShownValue, shownValue } from '../../agent/config/shown.ts';
import { CONFIG_KEYS, type ConfigKey } from '../../agent/config/table.ts';
import { type Inspection, inspectSources } from '../../agent/inspect.ts';
import { type CommandContext, defineCommand } from '../command.ts';
import { EXIT } from '../exit.ts';
import type { FlagTable } from '../flags.ts';
import { characters } from '../format.ts';
import { configArguments, configFlags, JSON_FLAG } from './config-flags.ts';
import { columnsOf, faultLines, type Paint, paintFor } from './config-report.ts';

const FLAGS = {
  ...JSON_FLAG,
  origin: {
    kind: 'bool',
    doc: 'Say where each value came from: default, file and line, environment or flag.',
  },
  changed: { kind: 'bool', doc: 'Only keys that some source states.' },
} as const satisfies FlagTable;

/** One key of the effective configuration. */
interface Row {
  readonly key: ConfigKey;
  readonly value: ShownValue;
  readonly origins: readonly Origin[];
  readonly stated: boolean;
}

/** `config show`: what an agent would run with, and where each value came from. */
export const configShowCommand = defineCommand({
  name: 'config show',
  usage: '[options] [file or directory...]',
  examples: [
    ['/etc/reeve.json', 'Every key with its effective value'],
    ['-origin -changed /etc/reeve.d', 'What the files state, and where'],
    ['-json -origin /etc/reeve.json', 'The same for a program'],
  ],
  about: [
    'Reads the configuration as run would and shows what comes out of defaults, files, environment and flags. Secrets are shown as ***. Of a list or an object every source that adds to it is named.',
    'Takes every option of run. Exits 1 if an agent would not start, and says why.',
  ],
  flags: configFlags(FLAGS),
  order: 'anywhere',
  run: async ({ flags, given, args }, context) => {
    const run = configArguments({ flags, given, args }, FLAGS);
    const inspection = await inspectSources(run, context.env, systemHost);
    if (inspection.faults.length > 0) {
      refuse(inspection, context);
      return EXIT.error;
    }
    const rows = effective(inspection).filter(({ stated }) => stated || flags['changed'] !== true);
    const withOrigin = flags['origin'] === true;
    if (flags['json'] === true) context.out.line(JSON.stringify(record(rows, withOrigin), null, 2));
    else
      for (const line of table(rows, withOrigin, paintFor(context.env, process.stdout)))
        context.out.line(line);
    return EXIT.ok;
  },
});

function effective({ merged, settings }: Inspection): readonly Row[] {
  const values = {
    ...(settings?.config ?? merged).values,
    ...(settings && { node_name: settings.nodeName, snapshot_path: settings.snapshotPath }),
  };
  return CONFIG_KEYS.map((key) => {
    const origins = merged.origins.get(key) ?? [];
    const stated = origins.some(({ source }) => source !== 'default');
    return { key, value: shownValue(key, values[key]), origins, stated };
  });
}

function refuse({ faults, files }: Inspection, { out, env }: CommandContext): void {
  const paint = paintFor(env, process.stderr);
  const width = columnsOf(process.stderr);
  for (const fault of faults) out.error(`${faultLines(fault, files, paint, width).join('\n')}\n`);
}

function record(rows: readonly Row[], withOrigin: boolean): Readonly<Record<string, unknown>> {
  const entries = rows.map(({ key, value, origins }) => {
    const from = origins.map(({ source, at }) => (at === '' ? { source } : { source, at }));
    return [key, withOrigin ? { value, origin: from } : value] as const;
  });
  return Object.fromEntries(entries);
}

/** Origins before values: values may be long, and the last column may run on. */
function table(rows: readonly Row[], withOrigin: boolean, paint: Paint): readonly string[] {
  const cells = rows.map((row) => {
    const from = row.origins.map(({ source, at }) => (at === '' ? source : at)).join(', ');
    return { row, key: row.key, from, value: JSON.stringify(row.value) };
  });
  const keyWidth = Math.max(0, ...cells.map(({ key }) => characters(key)));
  const fromWidth = Math.max(0, ...cells.map(({ from }) => characters(from)));
  return cells.map(({ row, key, from, value }) => {
    const middle = withOrigin ? `${from}${' '.repeat(fromWidth - characters(from))}  ` : '';
    const name = key.padEnd(keyWidth);
    if (!row.stated) return paint.faint(`${name}  ${middle}${value}`);
    return `${paint.strong(name)}  ${paint.good(middle)}${value}`;
  });
}
