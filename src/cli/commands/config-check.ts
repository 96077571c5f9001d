import { systemHost } from '../../agent/config/host.ts';
import type { MergedConfig } from '../../agent/config/merge.ts';
import { type Inspection, inspectSources } from '../../agent/inspect.ts';
import { type CommandContext, defineCommand } from '../command.ts';
import { EXIT } from '../exit.ts';
import { configArguments, configFlags, JSON_FLAG } from './config-flags.ts';
import { columnsOf, faultLines, faultRecord, paintFor } from './config-report.ts';

/** `config check`: whether an agent would start with this configuration, and everything that is wrong if not. */
export const configCheckCommand = defineCommand({
  name: 'config check',
  usage: '[options] [file or directory...]',
  examples: [
    ['/etc/reeve.json', 'Would an agent start with this file?'],
    ['/etc/reeve.d -bind=10.0.0.5', 'A directory of files, and a flag over them'],
    ['-json /etc/reeve.json', 'The same for a program'],
  ],
  about: [
    'Reads the configuration as run would and says everything that is wrong with it, each mistake with file, line and column. It opens no socket and changes nothing, so it is safe beside a running agent.',
    'Takes every option of run. Exits 0 if an agent would start, 1 if not.',
  ],
  flags: configFlags(JSON_FLAG),
  order: 'anywhere',
  run: async (input, context) => {
    const inspection = await inspectSources(configArguments(input, JSON_FLAG), context.env, systemHost);
    if (input.flags['json'] === true) showRecord(inspection, context);
    else show(inspection, context);
    return inspection.faults.length === 0 ? EXIT.ok : EXIT.error;
  },
});

function showRecord({ faults, notes, files }: Inspection, { out }: CommandContext): void {
  const record = {
    ok: faults.length === 0,
    files: files.map(({ path }) => path),
    mistakes: faults.map(faultRecord),
    warnings: notes,
  };
  out.line(JSON.stringify(record, null, 2));
}

function show({ faults, notes, files, merged }: Inspection, { out, env }: CommandContext): void {
  const paint = paintFor(env, faults.length === 0 ? process.stdout : process.stderr);
  const width = columnsOf(process.stderr);
  for (const fault of faults) out.error(`${faultLines(fault, files, paint, width).join('\n')}\n`);
  for (const note of notes) out.error(`${paint.warn('warning')}: ${note.replace(/^Warning: /, '')}`);
  if (faults.length === 0) {
    out.line(`${paint.good('ok')}: an agent would start with ${sourcesText(merged, files.length)}`);
    return;
  }
  const count = faults.length === 1 ? '1 mistake' : `${faults.length} mistakes`;
  out.error(`${count}: an agent would not start with this configuration.`);
}

function sourcesText({ origins }: MergedConfig, files: number): string {
  const winners = [...origins.values()].map((list) => list.at(-1)?.source);
  const count = (source: string): number => winners.filter((winner) => winner === source).length;
  const parts = [
    ...(files === 0 ? [] : [`${keys(count('file'))} from ${files === 1 ? '1 file' : `${files} files`}`]),
    ...(count('environment') === 0 ? [] : [`${count('environment')} from the environment`]),
    ...(count('flag') === 0 ? [] : [`${count('flag')} from flags`]),
  ];
  return parts.length === 0 ? 'the defaults alone' : parts.join(', ');
}

function keys(count: number): string {
  return count === 1 ? '1 key' : `${count} keys`;
}
