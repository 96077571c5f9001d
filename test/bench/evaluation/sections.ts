/** The marks around a section that is written by a program. */
function marks(name: string): readonly [begin: string, end: string] {
  return [`<!-- evaluation: ${name} -->`, `<!-- end of evaluation: ${name} -->`];
}

/**
 * A page with the named section replaced, or added at its end. Everything outside the section's marks stays as it is.
 * Throws where only one of the marks is left.
 */
export function withSection(page: string, name: string, body: string): string {
  const [begin, end] = marks(name);
  const section = `${begin}\n${body.trim()}\n${end}\n`;
  const from = page.indexOf(begin);
  const to = page.indexOf(end);
  if (from < 0 && to < 0) return `${page.trimEnd()}\n\n${section}`;
  if (from < 0 || to < from)
    throw new Error(`the page has one of the marks of '${name}' only: ${begin} … ${end}`);
  return page.slice(0, from) + section.trimEnd() + page.slice(to + end.length);
}
