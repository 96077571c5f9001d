#!/bin/sh
# Writes who came and who went, one line each, to $ATTENDANCE_LOG. See README.md.

case $SERF_EVENT in
  member-join) what=joined ;;
  member-leave) what=left ;;
  member-failed) what=failed ;;
  member-reap) what=forgotten ;;
  *) exit 0 ;;
esac

tab=$(printf '\t')
now=$(date '+%Y-%m-%dT%H:%M:%S%z')
while IFS="$tab" read -r name address _; do
  printf '%s %s %s %s\n' "$now" "$name" "$what" "$address"
done >> "${ATTENDANCE_LOG:-attendance.log}"
