#!/bin/sh
# The first process of the engine's namespaces: boot.sh ROOT CHECKOUT CGROUP
# pivot_root and not chroot, in which runc starts nothing; /run, /tmp and the network are empty at
# each start, as on a machine.
set -eu
root=$1 checkout=$2 cgroup=$3

mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount --rbind /sys/fs/cgroup "$root/sys/fs/cgroup"
mount --rbind /dev "$root/dev"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mkdir -p "$root/ims" "$root/.outside"
mount --bind "$checkout" "$root/ims"
ip link set lo up
ip -brief link show type bridge | while read -r bridge _; do ip link delete "$bridge"; done
cd "$root"
pivot_root . .outside
umount -l /.outside
echo nameserver 10.0.2.3 > /etc/resolv.conf # The one that slirp4netns answers at.
for table in filter nat; do iptables --table $table --flush && iptables --table $table --delete-chain; done
# Without the proxy in front of published ports: it stops for good when it has no more files.
dockerd --cgroup-parent "$cgroup" --userland-proxy=false --log-level warn &
wait $! # And for orphaned processes.
