#!/bin/sh
# Put a Docker engine of Debian's own packages into a folder: install.sh FOLDER
# What it makes: FOLDER/debian.tar, a minimal Debian, and FOLDER/root, the same with the engine.
# Runs in a mount namespace of its own (unshare --mount).
set -eu
folder=$1

# dash looks at the first name alone.
has() { for name; do command -v "$name" > /dev/null || return; done; }
has debootstrap slirp4netns ip || {
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
        debootstrap slirp4netns iproute2 > /dev/null
}
debootstrap --variant=minbase trixie "$folder/root" > /dev/null
tar --directory "$folder/root" --exclude './var/cache/apt/*' --exclude './var/lib/apt/lists/*' \
    --create --file "$folder/debian.tar" .
echo force-unsafe-io > "$folder/root/etc/dpkg/dpkg.cfg.d/unsafe-io"
mount --bind /proc "$folder/root/proc"
cp /etc/resolv.conf "$folder/root/etc/resolv.conf"
# RUNLEVEL: what is installed is not started.
RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive chroot "$folder/root" sh -ec '
    apt-get update -qq
    apt-get install -qq -y --no-install-recommends \
        docker.io docker-cli docker-buildx docker-compose iptables ca-certificates curl procps \
        > /dev/null
    useradd --create-home --groups docker --shell /bin/bash ims
'
