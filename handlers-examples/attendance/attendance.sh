#!/bin/sh
# Writes who came and who went, a line each, to $ATTENDANCE_LOG. See README.md.
set -eu
LC_ALL=C
export LC_ALL

case ${SERF_EVENT:-} in
  member-join) what=joined ;;
  member-leave) what=left ;;
  member-failed) what=failed ;;
  member-reap) what=forgotten ;;
  *) exit 0 ;;
esac

tab=$(printf '\t')
now=$(date '+%Y-%m-%dT%H:%M:%S%z')
lines=
# Name and address, then what is of no use here. Tabs and newlines within them come escaped (serf's handlers, stdin).
while IFS="$tab" read -r name address _; do
  case $address in '' | *[!0-9a-f:.]*) address=- ;; esac
  case $name in
    # Names come from other machines: one with a blank in it could tell a story of its own.
    '' | *[!A-Za-z0-9_.:-]*) printf 'left out, a name that is none: %s\n' "$name" >&2 ;;
    *) lines="$lines$now $name $what $address
" ;;
  esac
done

# In one piece: a run that fails has written nothing, and can be tried again.
if [ -n "$lines" ]; then printf '%s' "$lines" >> "${ATTENDANCE_LOG:?names the log}"; fi
