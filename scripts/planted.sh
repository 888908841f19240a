#!/bin/sh
# Plants each known bug of exactly-once in turn, and sees that its test fails with it and passes without.
# Arguments: the bugs; none: all of internal/planted/catchers.txt. Most of the time is waiting for what a bug
# keeps from coming, so several are tried at a time.
set -eu

# try bug package test, with the tests in $PLANTED_BUILD; prints what went wrong without a bug.
limit=300 # seconds a bug may take to be caught
if [ "${1:-}" = --one ]; then
	bug=$2 package=$3 test=$4 build=$5
	out="$build/$bug.out"
	run() {
		(cd "$package" && PITWHEEL_PLANTED="$1" timeout "$limit" "$build/$(echo "$package" | tr './' '__').test" \
			-test.v -test.run "^$(echo "$test" | sed 's,/,$/^,g')\$") >"$out" 2>&1
	}
	result=caught
	run '' || result='FAILS WITHOUT'
	grep -q '^--- PASS' "$out" || result='FAILS WITHOUT'
	began=$(date +%s)
	if [ "$result" = caught ] && run "$bug"; then
		result=MISSED
	fi
	printf '%-22s %-14s %7d  %s\n' "$bug" "$result" $(($(date +%s) - began)) "$package $test"
	[ "$result" = caught ]
	exit
fi

cd "$(dirname "$0")/.."
build=$(mktemp -d)
trap 'rm -rf "$build"' EXIT
grep -v '^#' internal/planted/catchers.txt | while read -r bug package test; do
	[ $# -eq 0 ] || echo " $* " | grep -q " $bug " || continue
	echo "$bug $package $test $build"
done >"$build/bugs"
for package in $(awk '{ print $2 }' "$build/bugs" | sort -u); do
	go test -c -tags planted -o "$build/$(echo "$package" | tr './' '__').test" "./$package"
done
printf '%-22s %-14s %7s  %s\n' bug result seconds 'caught by'
xargs -P "${PLANTED_JOBS:-6}" -L 1 scripts/planted.sh --one <"$build/bugs" || { echo "not every bug is caught"; exit 1; }
