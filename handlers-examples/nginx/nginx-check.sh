#!/bin/sh
# Does nginx accept this file within http? Its own configuration cannot tell: it still includes the old version.
set -e
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat > "$work/nginx.conf" <<END
pid $work/pid;
error_log stderr;
events {}
http {
    access_log off;
    include "$1";
}
END
nginx -t -q -e stderr -c "$work/nginx.conf"
