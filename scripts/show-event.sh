#!/bin/sh
# An event handler that adds each event, with its lines, to $EVENTS_FILE; `npm start` shows that file as it grows.
{
  case "$SERF_EVENT" in
    user) printf -- '--- user event %s (ltime %s)\n' "$SERF_USER_EVENT" "$SERF_USER_LTIME" ;;
    query) printf -- '--- query %s (ltime %s)\n' "$SERF_QUERY_NAME" "$SERF_QUERY_LTIME" ;;
    *) printf -- '--- %s\n' "$SERF_EVENT" ;;
  esac
  sed 's/^/      /'
} >> "$EVENTS_FILE"
