#!/bin/sh
# Installs Debian's packages of the services that the tests use, where they are missing and we are root; else says which.
# Exit 0 when all are there. Debian is kept from starting the services: the tests start their own.
set -eu

missing=
need() { # package, then a program that it brings
    [ -x "$2" ] || missing="$missing $1"
}
need rabbitmq-server /usr/lib/rabbitmq/bin/rabbitmq-server
need dovecot-imapd /usr/lib/dovecot/imap
need pgbouncer /usr/sbin/pgbouncer
need chromium /usr/bin/chromium
need chromium-driver /usr/bin/chromedriver
ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || missing="$missing postgresql"
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "for all of the tests, install:$missing  (Debian: sudo apt-get install$missing)" >&2
    exit 1
fi

policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod +x "$policy"
    trap 'rm -f "$policy"' EXIT INT TERM
fi
echo "installing$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
# shellcheck disable=SC2086  # a list of packages
apt-get install -y -qq --no-install-recommends $missing >/dev/null
