#!/bin/sh
set -e
cpus=$(getconf _NPROCESSORS_ONLN)
[ -r /sys/fs/cgroup/cpu.max ] && cat /sys/fs/cgroup/cpu.max || true
sed -i.bak -r "s/^(\s*)worker_processes .*;/worker_processes $cpus;/" /etc/nginx/nginx.conf
