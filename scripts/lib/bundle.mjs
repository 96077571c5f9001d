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
  'src/cli/members-table.ts',
  'src/cli/output-format.ts',
  'src/cli/query-records.ts',
  'src/cli/style.ts',
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

/** What every command that talks to an agent loads, kept together with all it imports. */
const CLIENT = 'src/rpc/client.ts';

/** Everything a module imports statically, itself included. */
function closure(inputs, path, seen = new Set()) {
  if (seen.has(path) || inputs[path] === undefined) return seen;
  seen.add(path);
  for (const { kind, path: next } of inputs[path].imports) {
    if (kind === 'import-statement') closure(inputs, next, seen);
  }
  return seen;
}

/**
 * The lazily loaded modules that use some part of the client. The bundler makes a file for every set of modules that use
 * the same parts; if all of them use the whole, that is one file.
 */
function partialUsers(inputs) {
  const common = new Set(SHARED_BY_COMMANDS.flatMap((path) => [...closure(inputs, path)]));
  const parts = [...closure(inputs, CLIENT)].filter((path) => !common.has(path));
  const lazy = Object.values(inputs).flatMap(({ imports }) =>
    imports.filter(({ kind }) => kind === 'dynamic-import').map(({ path }) => path),
  );
  return [...new Set(lazy)].filter((path) => {
    const used = closure(inputs, path);
    return path !== CLIENT && !used.has(CLIENT) && parts.some((part) => used.has(part));
  });
}

/** Makes some modules import the whole client. */
function wholeClient(paths) {
  const users = new Set(paths.map((path) => join(ROOT, path)));
  return {
    name: 'whole-client',
    setup(bundler) {
      bundler.onLoad({ filter: /\.ts$/, namespace: 'file' }, ({ path }) => {
        if (!users.has(path)) return undefined;
        const text = readFileSync(path, 'utf8');
        return { contents: `import ${JSON.stringify(join(ROOT, CLIENT))}; ${text}`, loader: 'ts' };
      });
    },
  };
}

function options(entryPoints, outdir, shared, plugins) {
  return {
    absWorkingDir: ROOT,
    entryPoints,
    outbase: '.',
    outdir,
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    chunkNames: 'chunks/[name]-[hash]',
    // Names stay: a stack in a bug report must say something.
    minifySyntax: true,
    minifyWhitespace: true,
    // Node.js prints the whole line in which an error was not caught.
    lineLimit: 160,
    sourcemap: 'linked',
    legalComments: 'none',
    metafile: true,
    logLevel: 'error',
    // pino starts workers by files of its own and is loaded by a running agent only.
    external: ['pino'],
    // Its build for bundlers: the one of Node's older kind asks for modules in a way that bundles cannot answer.
    alias: {
      liquidjs: 'liquidjs/dist/liquid.node.mjs',
      'emoji-regex': 'emoji-regex/index.mjs',
      // yargs asks who calls it when it loads commands from a folder, which nothing here does.
      'get-caller-file': join(ROOT, 'scripts/lib/no-caller-file.mjs'),
    },
    inject: shared.length === 0 ? [] : ['shared-file'],
    plugins: [sharedFile(shared), ...plugins],
  };
}

/**
 * Every module imports the shared file, and one of Node's older kind would do so by `require`: the bundler would then wrap
 * every module of the command line in a function, at a cost for every start.
 */
function refuseOlderKind(inputs) {
  const older = Object.keys(inputs).filter((path) => inputs[path].format === 'cjs');
  if (older.length > 0) throw new Error(`Of Node's older kind, give them an alias: ${older.join(', ')}`);
}

async function bundle(entryPoints, outdir, shared) {
  const plain = options(entryPoints, outdir, shared, []);
  if (shared.length === 0) return Object.keys((await build(plain)).metafile.inputs);
  // Once to see what uses what, once for good.
  const { metafile } = await build({ ...plain, write: false });
  refuseOlderKind(metafile.inputs);
  const users = partialUsers(metafile.inputs);
  await build(options(entryPoints, outdir, shared, [wholeClient(users)]));
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
    ...(await bundle(COMMAND_ENTRIES, outdir, SHARED_BY_COMMANDS)),
    ...(await bundle(LIBRARY_ENTRIES, outdir, [])),
  ];
  const texts = notices(inputs);
  return `The files below this folder contain code of these packages.\n\n${texts.join(`\n${'-'.repeat(78)}\n\n`)}`;
}
