#!/bin/sh
# Looks through the output of the tests for their canaries: passwords, tokens, keys and values of
# records, which must not be logged at any level. Each looks like canary-0123abcd.
#
# usage: scripts/secrets.sh .cover/test.json ...
set -eu

for events in "$@"; do
	[ -s "$events" ] || {
		echo "$events is empty: run the tests first"
		exit 1
	}
done
if cat "$@" | grep -n 'canary-[0-9a-f]\{8\}' | cut -c1-500 | head -20 | grep .; then
	echo "a secret stands in the output of the tests"
	exit 1
fi
echo "no secret stands in the output of the tests ($(cat "$@" | wc -l) lines)"
