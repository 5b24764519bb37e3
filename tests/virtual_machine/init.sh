#!/bin/busybox sh
# shellcheck shell=dash
#
# init.sh TEST: the first process of the virtual machine. Runs TEST, says how it ended, and turns the machine off.
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t devtmpfs dev /dev
ip link set lo up
echo "4096 16384 200000" >/proc/sys/net/ipv4/tcp_wmem # so that little is much
chmod 755 / /run
chmod 1777 /tmp
export PATH=/usr/bin:/bin HOME=/root USHER_TEST_PRIVATE_ETC=1 USHER_TEST_USER=normal
echo "virtual machine: $(uname -r), up after $(cut -d ' ' -f 1 /proc/uptime) s"
"$1" --no-colors=true
echo "virtual machine: status $?"
poweroff -f
