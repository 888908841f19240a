#!/usr/bin/env bash
# Makes the broker's image be there: PITWHEEL_KAFKA_IMAGE, by default apache/kafka:4.3.1. Where it can neither be found nor
# pulled, apache/kafka is built under the same name from what the official one is made of: Kafka's jars by Maven, a JRE by the
# machine's own jlink (JDK 17 or newer), and busybox for a shell. FORCE=1 builds anew. It is for x86-64 Debian and its kin.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
image=${PITWHEEL_KAFKA_IMAGE:-apache/kafka:4.3.1}
version=${image##*:}

if [ "${FORCE:-}" != 1 ]; then
	docker image inspect "$image" >/dev/null 2>&1 && exit 0
	echo "build.sh: $image is not here, pulling it"
	timeout 600 docker pull -q "$image" 2>/dev/null && exit 0
fi
case $image in
apache/kafka:[0-9]*) echo "build.sh: $image cannot be pulled, building it" ;;
*)
	echo "build.sh: $image cannot be pulled, and only apache/kafka:VERSION can be built: mend PITWHEEL_KAFKA_IMAGE" >&2
	exit 1
	;;
esac
for tool in mvn jlink ldd; do
	command -v $tool >/dev/null || {
		echo "build.sh: $tool is missing: install Maven and a JDK, 17 or newer" >&2
		exit 1
	}
done
[ -x /bin/busybox ] || { apt-get update -qq && apt-get install -y -qq busybox-static >/dev/null; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir -p "$root"/{bin,etc,tmp,opt/kafka/libs,var/lib/kafka/data,proc,sys,dev,root}
chmod 1777 "$root/tmp"
cp -a "$here"/rootfs/. "$root"/

mvn -q -B -f "$here/pom.xml" -Dkafka.version="$version" dependency:copy-dependencies -DoutputDirectory="$root/opt/kafka/libs"
jdk=$(dirname "$(dirname "$(readlink -f "$(command -v jlink)")")")
jlink --module-path "$jdk/jmods" --output "$root/opt/java" --strip-debug --no-man-pages --no-header-files --compress=2 --add-modules \
	java.base,java.logging,java.management,java.naming,java.security.jgss,java.security.sasl,java.sql,java.xml,jdk.unsupported,jdk.management,jdk.zipfs,jdk.crypto.ec,java.desktop

# Every shared library that the JRE's programs and libraries need, at the path where the loader looks for it.
find "$root/opt/java" \( -name '*.so' -o -path '*/bin/*' \) -type f -exec ldd {} + 2>/dev/null |
	grep -oE '/[^ ]+\.so[^ ]*' | grep -v "$root" | sort -u >"$work/libs"
printf '%s\n' /lib64/ld-linux-x86-64.so.2 /lib/x86_64-linux-gnu/lib{nss_files,nss_dns,resolv}.so.2 >>"$work/libs"
while read -r lib; do
	case $lib in /lib* | /usr/lib*) [ ! -e "$lib" ] || install -D "$(readlink -f "$lib")" "$root$lib" ;; esac
done <"$work/libs"

cp /bin/busybox "$root/bin/busybox"
for name in $("$root/bin/busybox" --list); do
	[ -e "$root/bin/$name" ] || ln -s busybox "$root/bin/$name"
done
echo 'root:x:0:0:root:/root:/bin/sh' >"$root/etc/passwd"
echo 'root:x:0:' >"$root/etc/group"
echo 'hosts: files dns' >"$root/etc/nsswitch.conf"

cp "$here/Dockerfile" "$work/"
docker build -q -t "$image" "$work" >/dev/null
docker image inspect -f "build.sh: $image, {{.Size}} bytes" "$image"
