import { RE2JS } from 're2js';
import { messageOf } from '../../base/errors.ts';
import type { MemberInfo } from '../../events/event.ts';
import { textField, textMapField } from '../fields.ts';
import { memberBody } from '../member-body.ts';
import { type Command, refusal } from './command.ts';

/** Compiling takes time and memory in proportion; room for a list of some hundred names. */
const MAX_EXPRESSION_LENGTH = 8192;

/**
 * Members whose tags, status and name match. A bad expression is answered with an error and an empty list: Serf hangs
 * up on it, but its client reads a body whenever it is answered.
 */
export const membersFiltered: Command = {
  emptyBody: { Members: [] },
  run({ backend }, body) {
    const tags = [...textMapField(body, 'Tags')].map(([tag, text]) => ({ tag, expression: anchored(text) }));
    const status = optional(textField(body, 'Status'));
    const name = optional(textField(body, 'Name'));
    const wanted = (member: MemberInfo): boolean =>
      tags.every(({ tag, expression }) => expression.test(member.tags.get(tag) ?? '')) &&
      (status?.test(member.status) ?? true) &&
      (name?.test(member.name) ?? true);
    return { body: { Members: backend.members().filter(wanted).map(memberBody) } };
  },
};

function optional(text: string): RE2JS | undefined {
  return text === '' ? undefined : anchored(text);
}

/** Without a group, as Serf does: `a|b` is "starts with a" or "ends with b" (agent.md 3.2). */
function anchored(text: string): RE2JS {
  if (text.length > MAX_EXPRESSION_LENGTH) {
    throw refusal(`Filter of ${text.length} characters; use at most ${MAX_EXPRESSION_LENGTH}`);
  }
  try {
    return RE2JS.compile(`^${text}$`);
  } catch (error) {
    throw refusal(`Failed to compile filter '${text}': ${messageOf(error)}`);
  }
}
