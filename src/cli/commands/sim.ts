import { writeFileSync } from 'node:fs';
import { CodedError, messageOf } from '../../base/errors.ts';
import { type CommandContext, type CommandInput, defineCommand, failure, usageError } from '../command.ts';
import { EXIT } from '../exit.ts';
import { goJson, type Json } from '../format.ts';
import { checkFormat, FORMAT_FLAG } from '../output-format.ts';
import { SimProgress } from '../sim-progress.ts';
import { palette } from '../style.ts';

/** Flags that put a fault into the plan, in the order they are typed. */
const FAULTS = {
  kill: {
    kind: 'list',
    value: 'who[@at]',
    doc: 'Kill nodes: so many, a share such as 5%, or one by name. May be repeated, as every fault.',
  },
  leave: { kind: 'list', value: 'who[@at]', doc: 'Let nodes leave in good order.' },
  join: { kind: 'list', value: 'count[@at]', doc: 'Let new nodes join.' },
  pause: { kind: 'list', value: 'who:for[@at]', doc: 'Stop processes for a while, as SIGSTOP does.' },
  partition: {
    kind: 'list',
    value: 'who:for[@at]',
    doc: 'Cut nodes off from the rest for a while; among themselves they still talk.',
  },
} as const;

const FLAGS = {
  nodes: { kind: 'text', value: 'count', doc: 'Nodes of the cluster. Default: 100.' },
  profile: { kind: 'text', value: 'lan|wan|local', doc: 'Set of protocol timings. Default: lan.' },
  seed: { kind: 'text', value: 'number', doc: 'Decides everything that chance decides. Default: 1.' },
  loss: { kind: 'text', value: 'share', doc: 'Datagrams that vanish, such as 5%.' },
  duplicate: { kind: 'text', value: 'share', doc: 'Datagrams that arrive twice.' },
  corrupt: { kind: 'text', value: 'share', doc: 'Datagrams with a few bytes changed.' },
  latency: { kind: 'text', value: 'time', doc: 'Delay one way. Default: 1ms.' },
  jitter: { kind: 'text', value: 'time', doc: 'Up to so much more, at random.' },
  ...FAULTS,
  events: {
    kind: 'text',
    value: 'count',
    doc: 'User events sent before the first fault. Default: 10, or none where the scenario sends its own.',
  },
  encrypt: { kind: 'bool', doc: 'Encrypt gossip, with a key made from the seed.' },
  duration: {
    kind: 'text',
    value: 'time',
    doc: 'Stop after so much virtual time. Default: when all agree after the last step.',
  },
  scenario: { kind: 'text', value: 'file', doc: 'A JSON file with more: see docs/sim.md.' },
  'config-file': {
    kind: 'list',
    value: 'file',
    doc: 'Rehearse the protocol settings of this agent configuration, or of a directory of files; may be repeated.',
  },
  report: {
    kind: 'text',
    value: 'file.html',
    doc: 'Also write a report with plots to this file; the plots alone, as SVG, where its name ends in .svg.',
  },
  progress: { kind: 'bool', doc: 'Tell on stderr how far it is, also where that is no terminal.' },
  format: FORMAT_FLAG,
} as const;

/** `sim`: what a cluster of this configuration does under faults, without a network. */
export const simCommand = defineCommand({
  name: 'sim',
  usage: '[options]',
  examples: [
    ['', '100 nodes with the defaults, and 10 user events'],
    ['-nodes 500 -loss 5% -kill 3 -partition 20%:60s', 'How 500 nodes take that'],
    ['-config-file /etc/reeve.json -kill 5%@30s', 'Your own settings under a fault'],
    ['-scenario outage.json -report outage.html', 'A scenario file, and plots'],
    ['-nodes 50 -kill 1 -seed 7 --json', 'The same for programs'],
  ],
  about: [
    'Runs a whole cluster of the real protocol code in this process, in virtual time: no agent, no network, no root. The cluster forms, faults are done to it, and the report says how long members took to notice, to tell each other and to agree, what they called failed by mistake, and what they sent.',
    'The same command gives the same report, to the last byte, on every machine. Exits 0 when all members agree in the end, 1 when not.',
    'WHO is a number of nodes, a share such as 20%, or a node by name, such as n4. A fault without @AT waits until the cluster should have come to rest after the one before.',
  ],
  flags: FLAGS,
  order: 'anywhere',
  run: async (input, context) => {
    const { flags, args } = input;
    if (args.length > 0) throw usageError(`Too many arguments: ${args.join(' ')}`);
    const format = checkFormat(flags.format);
    const { Rehearsal, resultsOf, resultsText, resultsPage, resultsPicture } = await import(
      '../../sim/rehearsal/load.ts'
    );
    const rehearsal = new Rehearsal(await planOf(input, context));
    if (flags.report !== '') writeReport(flags.report, '');
    const isComplete = await rehearse(rehearsal, flags.progress, context);
    const results = resultsOf(rehearsal, isComplete);
    if (format === 'json') context.out.line(goJson(results as Json));
    else for (const line of resultsText(results, palette(context.screen.colours))) context.out.line(line);
    if (flags.report !== '') {
      const draw = /\.svg$/i.test(flags.report) ? resultsPicture : resultsPage;
      writeReport(flags.report, draw(rehearsal, results, commandLine(input, context)));
    }
    return results.converged && isComplete ? EXIT.ok : EXIT.error;
  },
});

type Input = CommandInput<typeof FLAGS>;

async function planOf({ flags, given }: Input, { env }: CommandContext) {
  const { makePlan, readScenario } = await import('../../sim/rehearsal/load.ts');
  const typed = (name: keyof typeof FLAGS): string | undefined =>
    given.find((flag) => flag.name === name)?.value;
  const files =
    flags.scenario !== '' || flags['config-file'].length > 0 ? await import('./sim-settings.ts') : undefined;
  try {
    const file =
      flags.scenario === '' ? {} : readScenario(files?.readJsonFile(flags.scenario), flags.scenario);
    const own =
      flags['config-file'].length === 0 ? undefined : await files?.ownSettings(flags['config-file'], env);
    const words = {
      nodes: typed('nodes'),
      profile: typed('profile'),
      seed: typed('seed'),
      events: typed('events'),
      duration: typed('duration'),
      weather: {
        loss: typed('loss'),
        duplicate: typed('duplicate'),
        corrupt: typed('corrupt'),
        latency: typed('latency'),
        jitter: typed('jitter'),
      },
      isEncrypted: flags.encrypt,
      faults: given.flatMap(({ name, value }) =>
        Object.hasOwn(FAULTS, name) ? [{ kind: name as keyof typeof FAULTS, text: value }] : [],
      ),
    };
    return makePlan(words, file, own);
  } catch (error) {
    if (error instanceof CodedError && error.code === 'ERR_SCENARIO') {
      throw failure(`Cannot rehearse that: ${error.message}`, error);
    }
    throw error;
  }
}

/** How long the process computes before it looks for an interrupt; too short to be noticed by a person. */
const SLICE_MS = 40;

interface Running {
  readonly now: number;
  readonly expectedEnd: number;
  readonly phase: string;
  advance(): boolean;
}

/** Runs to the end; false when it was interrupted. What happens does not depend on how fast the machine is. */
async function rehearse(rehearsal: Running, isWanted: boolean, context: CommandContext): Promise<boolean> {
  const interrupted = context.interrupted();
  const progress = new SimProgress(isWanted, context);
  try {
    for (;;) {
      const until = performance.now() + SLICE_MS;
      while (performance.now() < until) if (!rehearsal.advance()) return true;
      progress.show(rehearsal);
      await new Promise((resolve) => setImmediate(resolve));
      if (interrupted.aborted || context.out.broken.aborted) return false;
    }
  } finally {
    progress.clear();
  }
}

/** Writes the report; an unwritable file is found before hours of work. */
function writeReport(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (error) {
    throw failure(`Cannot write the report: ${messageOf(error)}`, error);
  }
}

/** What was typed, as a shell would take it again. */
function commandLine({ given }: Input, { program }: CommandContext): string {
  const words = given
    .filter(({ name }) => name !== 'report' && name !== 'progress' && name !== 'format')
    .map(({ name, value }) =>
      FLAGS[name as keyof typeof FLAGS].kind === 'bool' ? `-${name}=${value}` : `-${name} ${quoted(value)}`,
    );
  return [program, 'sim', ...words].join(' ');
}

function quoted(text: string): string {
  return /^[\w%:@./,=+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
