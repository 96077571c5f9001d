/** What `agent sim` uses, in one module, so that it is loaded at once and only then. */
export { makePlan } from './make-plan.ts';
export { resultsPage } from './page.ts';
export { resultsPicture } from './picture.ts';
export { readScenario } from './read-scenario.ts';
export { Rehearsal } from './rehearsal.ts';
export { resultsOf } from './results.ts';
export { resultsText } from './text.ts';
