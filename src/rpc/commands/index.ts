import type { CommandName } from '../protocol.ts';
import { auth } from './auth.ts';
import type { Command } from './command.ts';
import { event } from './event.ts';
import { forceLeave } from './force-leave.ts';
import { getCoordinate } from './get-coordinate.ts';
import { approve, handlerLog, listHandlers, rerunHandler, testHandler } from './handlers.ts';
import { handshake } from './handshake.ts';
import { join } from './join.ts';
import { installKey, listKeys, removeKey, useKey } from './keys.ts';
import { leave } from './leave.ts';
import { members } from './members.ts';
import { membersFiltered } from './members-filtered.ts';
import { monitor } from './monitor.ts';
import { query } from './query.ts';
import { listRenderers, previewRenderer, runRenderer } from './render.ts';
import { respond } from './respond.ts';
import { stats } from './stats.ts';
import { stop } from './stop.ts';
import { stream } from './stream.ts';
import { tags } from './tags.ts';

/** What carries out each command; a new command is a file and a line here and in protocol.ts. */
export const COMMAND_TABLE = {
  handshake,
  auth,
  event,
  'force-leave': forceLeave,
  join,
  leave,
  members,
  'members-filtered': membersFiltered,
  tags,
  stream,
  monitor,
  stop,
  query,
  respond,
  'install-key': installKey,
  'use-key': useKey,
  'remove-key': removeKey,
  'list-keys': listKeys,
  stats,
  'get-coordinate': getCoordinate,
  renderers: listRenderers,
  'render-preview': previewRenderer,
  render: runRenderer,
  handlers: listHandlers,
  'handler-log': handlerLog,
  'handler-rerun': rerunHandler,
  'handler-test': testHandler,
  approve,
} as const satisfies Record<CommandName, Command>;
