import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { lifeguardSection } from './lifeguard-report.ts';
import type { Plan } from './plan.ts';
import { withSection } from './sections.ts';
import { serfSection } from './serf-report.ts';
import type { Store } from './store.ts';
import { swimSection } from './swim-report.ts';

/** A section of the page and the charts it shows, by file name. */
export interface Section {
  readonly body: string;
  readonly charts: Readonly<Record<string, string>>;
}

export interface PublishOptions {
  readonly plan: Plan;
  readonly store: Store;
  /** Where charts go. */
  readonly folder: string;
  /** The page whose sections are written anew; its other sections stay. */
  readonly page: string;
}

/** Writes the sections and charts of whatever results there are. */
export function publish({ plan, store, folder, page }: PublishOptions): void {
  let text = existsSync(page) ? readFileSync(page, 'utf8') : '# Evaluation\n';
  const sections: readonly (readonly [string, Section])[] = [
    ['lifeguard', lifeguardSection(plan, store)],
    ['swim', swimSection(plan, store)],
    ['serf', serfSection(plan, store)],
  ];
  for (const [name, { body, charts }] of sections) {
    text = withSection(text, name, body);
    for (const [file, svg] of Object.entries(charts)) writeFileSync(`${folder}/${file}`, svg);
  }
  writeFileSync(page, text);
}
