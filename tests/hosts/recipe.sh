#!/bin/sh
# Turns a minimal Debian with systemd and sshd into the root filesystem of a test host.
# Runs as root inside that filesystem; image.py hashes this file into the image's name.
set -eu

# What is installed later on a host stays small and quick too: nobody reads documentation here,
# and a test host that loses power may lose its last writes.
cat > /etc/dpkg/dpkg.cfg.d/stackwatch <<'EOF'
force-unsafe-io
path-exclude=/usr/share/doc/*
path-exclude=/usr/share/locale/*
path-exclude=/usr/share/man/man*/*
EOF
cat > /etc/apt/apt.conf.d/90stackwatch <<'EOF'
APT::Install-Recommends "false";
Acquire::Languages "none";
EOF
rm -rf /usr/share/doc/* /usr/share/locale/* /usr/share/man/man*/* /var/log/bootstrap.log
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/apt/archives/*.deb
rm -f /usr/sbin/policy-rc.d

# Units that need hardware, a console or a kernel of their own, and timers that would start apt
# in the middle of a test.
systemctl mask --quiet \
    systemd-firstboot.service systemd-udevd.service systemd-udevd-kernel.socket \
    systemd-udevd-control.socket systemd-udev-trigger.service systemd-modules-load.service \
    systemd-logind.service systemd-remount-fs.service systemd-pstore.service \
    systemd-networkd-wait-online.service systemd-machine-id-commit.service \
    sys-kernel-config.mount sys-kernel-debug.mount sys-kernel-tracing.mount \
    sys-fs-fuse-connections.mount dev-hugepages.mount dev-mqueue.mount tmp.mount \
    getty.target getty@tty1.service console-getty.service proc-sys-fs-binfmt_misc.automount \
    apt-daily.timer apt-daily-upgrade.timer fstrim.timer dpkg-db-backup.timer \
    e2scrub_all.timer systemd-tmpfiles-clean.timer

# The first boot has nothing left to update (ldconfig, catalogues, accounts): this halves it.
touch /etc/.updated /var/.updated

# A container's /proc/kmsg is the machine's.
mkdir -p /etc/systemd/journald.conf.d
printf '[Journal]\nStorage=persistent\nReadKMsg=no\nSystemMaxUse=64M\n' \
    > /etc/systemd/journald.conf.d/stackwatch.conf

# Every host gets its own machine id and its own host key when it is created.
: > /etc/machine-id
rm -f /etc/ssh/ssh_host_* /var/lib/dbus/machine-id
systemctl mask --quiet sshd-keygen.service ssh.socket
systemctl enable --quiet ssh.service
cat > /etc/ssh/sshd_config.d/stackwatch.conf <<'EOF'
HostKey /etc/ssh/ssh_host_ed25519_key
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
UseDNS no
# Every connection comes from the bridge's one address, and tests break connections on purpose:
# penalties for one test would lock out the next.
PerSourcePenalties no
EOF

# A fixed number, because files are put into its home from outside before the first start.
useradd --create-home --uid 1000 --shell /bin/bash deploy
printf 'deploy ALL=(ALL:ALL) NOPASSWD: ALL\n' > /etc/sudoers.d/deploy
chmod 0440 /etc/sudoers.d/deploy

# The engine mounts a container's cgroups read-only. Each mount shows only this container's part
# (private cgroup namespace), so making it writable gives systemd exactly that part, with limits
# that are enforced, and no folder of the machine has to be mounted in. "bind" changes this mount
# only, not the file system all containers share. systemd 257 starts on cgroup v1 only with the
# argument; on v2 it ignores it.
# All containers share the kernel's boot id; with one of its own per start, a reboot is a new boot
# to the journal and to whoever compares.
cat > /usr/local/sbin/boot-host <<'EOF'
#!/bin/sh
while read -r _ point kind _; do
    case "$kind" in cgroup | cgroup2) mount -o remount,bind,rw "$point" ;; esac
done < /proc/self/mounts
cat /proc/sys/kernel/random/uuid > /run/boot-id
mount --bind /run/boot-id /proc/sys/kernel/random/boot_id
exec /lib/systemd/systemd SYSTEMD_CGROUP_ENABLE_LEGACY_FORCE=1
EOF
chmod 0755 /usr/local/sbin/boot-host
