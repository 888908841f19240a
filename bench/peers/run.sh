#!/usr/bin/env bash
# What `make bench-peers` does: builds, starts a broker, has the bare client, Kafka Streams and pitwheel run in turn, checks
# every output, prints the tables, writes docs/benchmarks/<date>-<machine>.md, and stops the broker. Settings from the environment:
#
#	SET      quick (25 minutes on 2 cores), full (5 rounds of every row of the goals: hours), or scenarios (README.md)
#	RUNS     rounds; default: 1, of full 5
#	BROKERS  a Kafka that runs already, which is used instead; where Java or Maven is missing it is needed
#	REPORT   the directory for the page; default: docs/benchmarks
set -euo pipefail
cd "$(dirname "$0")"
set=${SET:-quick}
report=${REPORT:-../../docs/benchmarks}
results=.work/results-${set//[^a-z0-9-]/_}.jsonl
systems=floor,kafka-streams,kafka-streams-tuned,pitwheel
options=()
case $set in
quick) runs=${RUNS:-1} options=(-within 20m -latency-warmup 10s -latency-for 20s) ;;
full) runs=${RUNS:-5} ;;
*) runs=${RUNS:-1} ;;
esac

if command -v java >/dev/null && command -v mvn >/dev/null; then
	./build.sh
else
	echo "bench-peers: Java 17 or Maven is missing: Kafka Streams is left out, only the bare client and pitwheel run" >&2
	[ -n "${BROKERS:-}" ] || {
		echo "bench-peers: and without them there is no broker: install both, or set BROKERS to a Kafka that runs" >&2
		exit 1
	}
	systems=floor,pitwheel
	./build.sh go
fi

if [ -n "${BROKERS:-}" ]; then
	options+=(-brokers "$BROKERS")
else
	./broker.sh pid >/dev/null 2>&1 && {
		echo "bench-peers: a broker of broker.sh runs already: stop it, or set BROKERS=127.0.0.1:${PORT:-19092} to use it" >&2
		exit 1
	}
	# An old broker's inputs have old times: the measurement begins with none.
	./broker.sh wipe
	trap './broker.sh wipe' EXIT
	options+=(-brokers "127.0.0.1:${PORT:-19092}" -broker-pid "$(./broker.sh start)")
fi

rm -f "$results"
failed=0
.work/bin/driver -scenario "$set" -sut "$systems" -runs "$runs" -results "$results" "${options[@]}" >/dev/null || failed=$?
.work/bin/driver -report "$report" -scenario "$set" "$results"
exit $failed
