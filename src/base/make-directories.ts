/**
 * Makes a directory and those above it that are missing, one by one. Node.js's own `recursive` never comes back where
 * a directory is there and refuses a new one as "not found", as `/proc` does.
 *
 * @param make makes one directory, or throws the system's error
 */
export function makeDirectories(path: string, make: (path: string) => void): void {
  try {
    make(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'EEXIST') return;
    const above = parentOf(path);
    if (code !== 'ENOENT' || above === undefined) throw error;
    makeDirectories(above, make);
    make(path);
  }
}

/** Undefined for `/` and for a relative name without a directory. */
function parentOf(path: string): string | undefined {
  const trimmed = path.replace(/\/+$/, '');
  const slash = trimmed.lastIndexOf('/');
  return slash < 0 ? undefined : trimmed.slice(0, slash) || '/';
}
