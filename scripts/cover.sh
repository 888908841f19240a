#!/bin/sh
# Measures how much of the library all tests together cover, package by package, and fails below the
# given percentage. A statement counts as covered whichever package's test ran it.
#
# Not counted: commands (examples, cmd), which are run as a whole and not unit by unit; and what is
# itself a test: bench, the lint, the conformance runner and the suites for stores.
#
# usage: scripts/cover.sh 80
set -eu

minimum=${1:-80}
profile=.cover/cover.out
log=.cover/test.log

mkdir -p .cover
library=$(go list ./... | grep -Ev '/(examples|cmd|bench|internal/lint|internal/conformance|store/storetest)(/|$)')
go test -coverpkg="$(printf '%s\n' "$library" | paste -sd, -)" -coverprofile="$profile" ./... >"$log" 2>&1 || {
	cat "$log"
	exit 1
}

# A line of the profile is a block, its statements and how often one test binary ran it.
awk -v minimum="$minimum" '
	NR == 1 { next }
	{ statements[$1] = $2; if ($3 > 0) ran[$1] = 1 }
	END {
		for (block in statements) {
			package = block
			sub(/\/[^\/]*$/, "", package)
			all[package] += statements[block]
			total += statements[block]
			if (block in ran) { covered[package] += statements[block]; hit += statements[block] }
		}
		for (package in all)
			printf "%6.1f %%  %6d statements  %s\n", 100 * covered[package] / all[package], all[package], package | "sort -k5"
		close("sort -k5")
		percent = total ? 100 * hit / total : 0
		printf "%6.1f %%  %6d statements  in total, at least %s %% wanted\n", percent, total, minimum
		exit percent < minimum
	}' "$profile"
