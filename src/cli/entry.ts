/** Files of the package that code needs the path of. Bundling moves code, so nothing else may use `import.meta.url`. */

/** True where the bundles run; false where the sources do. */
const BUNDLED = !import.meta.url.endsWith('.ts');

/** This file lies two folders deep in the sources, and every bundle (dist/bin/, dist/chunks/) lies as deep. */
const ROOT = new URL('../../', import.meta.url);

/** The URL of a file of the package that is no code, such as `handlers-examples/scripts/hosts/hosts.mjs`. */
export function packageFile(path: string): URL {
  return new URL(path, ROOT);
}

/** The URL to start a worker by. `path` is that of its source, such as `src/sim/worker.ts`, an entry of the bundler. */
export function entryUrl(path: string): URL {
  return packageFile(BUNDLED ? `dist/${path.replace(/\.ts$/, '.js')}` : path);
}
