#!/bin/sh
# Does Nagios accept this file in its whole configuration? nagios-check.sh MAIN [NAGIOS], with REEVE_TARGET and REEVE_STAGED set.
# MAIN is copied with the new version in place of the present one, so that a host that is defined elsewhere too is found.
set -eu
copy=$(mktemp)
trap 'rm -f "$copy"' EXIT
# Nagios reads it as its own user: the copy may be read by whom the original may.
cp -p -- "$1" "$copy"
awk '
  $0 == "cfg_file=" ENVIRON["REEVE_TARGET"] { print "cfg_file=" ENVIRON["REEVE_STAGED"]; found = 1; next }
  { print }
  END { exit !found }
' "$1" > "$copy" || {
  echo "$1 does not include the file: add the line cfg_file=$REEVE_TARGET" >&2
  exit 1
}
# What it says goes to stdout, warnings included; the last line that tells of an error is the one to see.
if said=$("${2:-nagios4}" --verify-config "$copy" 2>&1); then exit 0; fi
printf '%s\n' "$said"
printf '%s\n' "$said" | grep '^Error:' | head -n 1 >&2
exit 1
