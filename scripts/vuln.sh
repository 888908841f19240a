#!/bin/sh
# Looks for known vulnerabilities in what the library calls, or the module in another directory, with govulncheck. Where the database of
# vulnerabilities cannot be reached nothing is known: that is said, and is no failure, because the
# code did not change. GOVULNDB names another database, as file:///mirror.
#
# usage: scripts/vuln.sh [DIRECTORY]
set -eu

mkdir -p .cover
out=$PWD/.cover/vuln.txt
tools=$PWD/tools/go.mod
cd "${1:-.}"
if go tool -modfile="$tools" govulncheck ./... >"$out" 2>&1; then
	cat "$out"
	exit 0
fi
if grep -q '^govulncheck: fetching vulnerabilities: ' "$out"; then
	cat "$out"
	echo "VULNERABILITIES NOT CHECKED: the database (GOVULNDB, by default vuln.go.dev) cannot be reached from here"
	exit 0
fi
cat "$out"
exit 1
