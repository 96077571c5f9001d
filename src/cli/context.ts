import type { CommandContext } from './command.ts';
import { connectToAgent } from './connect.ts';
import { programName } from './main.ts';
import { streamOutput } from './output.ts';
import { processScreen } from './screen.ts';

/** The context of the real process: its streams, environment, signals and user. */
export function processContext(): CommandContext {
  const caller = { env: process.env, uid: process.getuid?.() ?? -1 };
  return {
    program: programName(process.argv[1]),
    env: process.env,
    out: streamOutput(process.stdout, process.stderr),
    screen: processScreen(process.env),
    connect: (flags) => connectToAgent(flags['rpc-addr'], flags['rpc-auth'], caller),
    interrupted: () => {
      const controller = new AbortController();
      const abort = (): void => controller.abort();
      // Once: a second signal ends the process even if this one cannot.
      process.once('SIGINT', abort);
      process.once('SIGTERM', abort);
      return controller.signal;
    },
  };
}
