#!/bin/sh
# Installs Debian packages into the root filesystem of a test host; image.py hashes this file.
# Runs as root in a container, where no systemd runs.
set -eu
export DEBIAN_FRONTEND=noninteractive
# What PostgreSQL makes its cluster with: without it the encoding would be SQL_ASCII.
export LC_ALL=C.UTF-8

# Nothing is started here; packages enable their units, and those start when the host boots.
printf '#!/bin/sh\nexit 101\n' > /usr/sbin/policy-rc.d
chmod 0755 /usr/sbin/policy-rc.d
apt-get update -q
apt-get install -yq --no-install-recommends "$@"

rm -f /usr/sbin/policy-rc.d
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/apt/archives/*.deb
rm -rf /tmp/* /var/log/apt /var/log/dpkg.log /var/log/alternatives.log
# As recipe.sh left them: every host gets its own, and the first boot has nothing to update.
: > /etc/machine-id
rm -f /var/lib/dbus/machine-id
touch /etc/.updated /var/.updated
