#!/usr/bin/env bash
# Makes a Docker daemon answer. Does nothing where one does. Otherwise it starts one by hand, which needs no systemd but root,
# and installs Debian's docker.io first where there is none. Where that cannot be it says why.
set -euo pipefail
log=${DOCKERD_LOG:-/var/log/dockerd.log}

docker info >/dev/null 2>&1 && exit 0
[ "$(id -u)" = 0 ] || {
	echo "docker.sh: no Docker daemon answers, and only root can start one: start Docker, or run this as root" >&2
	exit 1
}
if ! command -v dockerd >/dev/null; then
	command -v apt-get >/dev/null || {
		echo "docker.sh: there is no dockerd, and no apt-get to install it with: install Docker" >&2
		exit 1
	}
	export DEBIAN_FRONTEND=noninteractive
	apt-get update -qq
	apt-get install -y -qq --no-install-recommends docker.io iptables >/dev/null
fi
pgrep -x dockerd >/dev/null || setsid dockerd >"$log" 2>&1 </dev/null &
for _ in $(seq 60); do
	docker info >/dev/null 2>&1 && exit 0
	sleep 0.5
done
echo "docker.sh: dockerd did not answer within 30 s; the end of $log:" >&2
tail -n 15 "$log" >&2
exit 1
