import { bytesOfText } from '../base/bytes.ts';
import type { RunHistory } from '../handlers/history.ts';
import { SAVE_WAIT_MS, settledWithin } from '../handlers/unit.ts';
import type { AttemptRecorder } from '../render/attempt-note.ts';

/** Keeps the attempts of renderers in the record of handler runs: one place to look at night. */
export function attemptRecorder(history: RunHistory): AttemptRecorder {
  return {
    begin({ name, reason, attempt, at, about }) {
      const start = { handler: name, kind: 'renderer', cause: reason, attempt, at, about } as const;
      const { id, saved } = history.begin(start);
      return {
        saved: settledWithin(saved, SAVE_WAIT_MS),
        end({ ok, interrupted, text, step, stdout, stderr }) {
          const output = bytesOfText(stdout);
          const errors = bytesOfText(stderr);
          history.end(name, id, { ok, interrupted, exit: text, step, output, errors }, 'renderer');
        },
      };
    },
  };
}
