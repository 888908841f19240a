#!/bin/sh
# Looks through the output of the tests for their canaries: passwords, tokens, keys and values of
# records, which must not be logged at any level. Each looks like canary-0123abcd.
#
# usage: scripts/secrets.sh .cover/test.json
set -eu

[ -s "$1" ] || {
	echo "$1 is empty: run the tests first"
	exit 1
}
if grep -n 'canary-[0-9a-f]\{8\}' "$1" | cut -c1-500 | head -20 | grep .; then
	echo "a secret stands in the output of the tests"
	exit 1
fi
echo "no secret stands in the output of the tests ($(wc -l <"$1") lines)"
