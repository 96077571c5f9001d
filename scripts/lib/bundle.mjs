/**
 * Bundles the sources: few files load quickly, many do not.
 *
 * The command is split so that what every command needs is one file, each command another, and what only an agent needs
 * is not touched by `agent members`. The library is a bundle of its own, without the command line.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'esbuild';
import { ROOT } from './project.mjs';

/**
 * Files that are started by their own path, each installed as dist/PATH with `.js` for `.ts`: the command, and every
 * worker. Code finds its worker with `entryUrl` (src/cli/entry.ts), never with a path of its own.
 */
const COMMAND_ENTRIES = ['bin/agent.ts'];

const LIBRARY_ENTRIES = ['src/index.ts'];

/** What almost every command imports; in one file, for each file more costs a start about a millisecond. */
const SHARED_BY_COMMANDS = [
  'src/base/address.ts',
  'src/base/assert.ts',
  'src/cli/command.ts',
  'src/cli/context.ts',
  'src/cli/format.ts',
  'src/cli/main.ts',
  'src/cli/output-format.ts',
  'src/cli/query-records.ts',
  'src/rpc/protocol.ts',
];

/** A virtual module that all others import, so that what it imports lands in one shared file. */
function sharedFile(paths) {
  return {
    name: 'shared-file',
    setup(bundler) {
      bundler.onResolve({ filter: /^shared-file$/ }, () => ({ path: 'shared', namespace: 'shared-file' }));
      bundler.onLoad({ filter: /.*/, namespace: 'shared-file' }, () => ({
        contents: paths.map((path) => `import './${path}';`).join('\n'),
        resolveDir: ROOT,
      }));
    },
  };
}

async function bundle(entryPoints, outdir, chunks, shared) {
  const { metafile } = await build({
    absWorkingDir: ROOT,
    entryPoints,
    outbase: '.',
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    chunkNames: `${chunks}/[name]-[hash]`,
    // Names stay: a stack in a bug report must say something.
    minifySyntax: true,
    minifyWhitespace: true,
    sourcemap: 'linked',
    legalComments: 'none',
    metafile: true,
    logLevel: 'error',
    // pino starts workers by files of its own and is loaded by a running agent only.
    external: ['pino'],
    // Its build for bundlers: the one of Node's older kind asks for modules in a way that bundles cannot answer.
    alias: { liquidjs: 'liquidjs/dist/liquid.node.mjs' },
    inject: shared.length === 0 ? [] : ['shared-file'],
    plugins: [sharedFile(shared)],
  });
  return Object.keys(metafile.inputs);
}

/** The folder in node_modules that an input lies in. */
function packageOf(input) {
  return /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1];
}

/** The licences of the packages that became part of the bundles. */
function notices(inputs) {
  const folders = [...new Set(inputs.map(packageOf).filter((folder) => folder !== undefined))].sort();
  return folders.map((folder) => {
    const path = join(ROOT, folder);
    const { name, version, license } = JSON.parse(readFileSync(join(path, 'package.json'), 'utf8'));
    const file = readdirSync(path).find((each) => /^licen[sc]e/i.test(each));
    if (file === undefined) throw new Error(`${folder} has no licence file: it cannot be bundled.`);
    return `${name} ${version} (${license})\n\n${readFileSync(join(path, file), 'utf8').trim()}\n`;
  });
}

/** Writes the bundles below `outdir`; returns the text of the licences that go with them. */
export async function bundleAll(outdir) {
  const inputs = [
    ...(await bundle(COMMAND_ENTRIES, outdir, 'chunks', SHARED_BY_COMMANDS)),
    ...(await bundle(LIBRARY_ENTRIES, outdir, 'chunks', [])),
  ];
  const texts = notices(inputs);
  return `The files below this folder contain code of these packages.\n\n${texts.join(`\n${'-'.repeat(78)}\n\n`)}`;
}
