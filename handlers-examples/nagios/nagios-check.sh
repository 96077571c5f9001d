#!/bin/sh
# Does Nagios accept this file in its whole configuration? nagios-check.sh MAIN [NAGIOS [INCLUDED]], with REEVE_TARGET and
# REEVE_STAGED set; INCLUDED is what MAIN calls the target, where that is a link.
# MAIN is copied with the new version in place of the present one, so that a host that is defined elsewhere too is found.
set -eu
[ -r "$1" ] || {
  echo "$1 cannot be read" >&2
  exit 1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
copy=$work/nagios.cfg
# In the copy everything that Nagios would write is ours, and it stays the user it is: a sandboxed agent, root without
# capabilities, can neither become another user nor look into that user's directories. Paths are relative to MAIN.
MAIN_FOLDER=$(dirname -- "$1") INCLUDED=${3:-$REEVE_TARGET} WORK=$work awk '
  function trimmed(text) { gsub(/^[ \t\r]+|[ \t\r]+$/, "", text); return text }
  BEGIN {
    for (n = split("cfg_file cfg_dir resource_file include_file include_dir", names, " "); n > 0; n--) read[names[n]] = 1
    for (n = split("log_file lock_file temp_file object_cache_file precached_object_file status_file " \
      "state_retention_file command_file debug_file query_socket", names, " "); n > 0; n--) write[names[n]] = 1
    for (n = split("check_result_path temp_path log_archive_path nagios_user nagios_group", names, " "); n > 0; n--)
      end[names[n]] = names[n] ~ /^nagios/ ? 0 : ENVIRON["WORK"]
  }
  {
    at = index($0, "=")
    key = trimmed(substr($0, 1, at ? at - 1 : 0))
    value = trimmed(substr($0, at + 1))
    if (key in read && value !~ /^\//) value = ENVIRON["MAIN_FOLDER"] "/" value
  }
  key == "cfg_file" && (value == ENVIRON["REEVE_TARGET"] || value == ENVIRON["INCLUDED"]) {
    value = ENVIRON["REEVE_STAGED"]
    found = 1
  }
  key in read { print key "=" value; next }
  key in write { print key "=" ENVIRON["WORK"] "/" key; next }
  # What is left out keeps its line, for the numbers in messages.
  key in end { print ""; next }
  { print }
  END {
    for (key in end) print key "=" end[key]
    exit !found
  }
' "$1" > "$copy" || {
  echo "$1 does not include the file: add the line cfg_file=${3:-$REEVE_TARGET}" >&2
  exit 1
}
# What it says goes to stdout, warnings included; the first line that tells of an error is the one to see.
if said=$("${2:-nagios4}" --verify-config "$copy" 2>&1); then exit 0; fi
printf '%s\n' "$said" | COPY=$copy MAIN=$1 awk '{
  while (at = index($0, ENVIRON["COPY"]))
    $0 = substr($0, 1, at - 1) ENVIRON["MAIN"] substr($0, at + length(ENVIRON["COPY"]))
  print
  if (!told && /^Error/) { told = 1; print > "/dev/stderr" }
}'
exit 1
