#!/bin/sh
# Runs every fuzz target of the module, one after the other, for the given time each. Go fuzzes one
# target of one package at a time, so the targets are listed first. Stops at the first failure: go
# has then written the failing input to the package's testdata/fuzz, to be committed with the fix.
#
# usage: scripts/fuzz.sh 60s
set -eu

fuzztime=${1:-60s}

# go test -list prints a package's targets, then "ok <package>".
listed=$(go test -list '^Fuzz' ./...)
targets=$(printf '%s\n' "$listed" | awk '
	/^Fuzz/     { names[n++] = $1 }
	$1 == "ok"  { for (i = 0; i < n; i++) print $2, names[i]; n = 0 }')

if [ -z "$targets" ]; then
	echo "no fuzz targets found" >&2
	exit 1
fi

printf '%s\n' "$targets" | while read -r package name; do
	echo "== $name ($package) for $fuzztime"
	go test -run '^$' -fuzz "^$name\$" -fuzztime "$fuzztime" "$package" </dev/null
done
