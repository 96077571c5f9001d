import { textField } from '../fields.ts';
import { RPC_ERRORS } from '../protocol.ts';
import { parseLogLevel } from '../streams/monitor.ts';
import { type Command, refusal } from './command.ts';

/** Subscribes to the agent's log; one per connection. The level is checked before that. */
export const monitor: Command = {
  run({ seq, streams }, body) {
    const text = textField(body, 'LogLevel');
    const level = parseLogLevel(text);
    if (level === undefined) throw refusal(`${RPC_ERRORS.unknownLogLevel}${text.toUpperCase()}`);
    if (streams.hasMonitor) throw refusal(RPC_ERRORS.monitorExists);
    return { afterwards: () => streams.startMonitor(seq, level) };
  },
};
