/** Stands in the bundle for `get-caller-file`: nobody asks. */
// biome-ignore lint/style/noDefaultExport: what it stands for has one
export default function noCallerFile() {
  return '';
}
