#!/usr/bin/env bash
# Builds everything into .work: bin/driver, bin/floor, pitwheel's program bin/app, the broker's jars in bin/broker, and the
# Kafka Streams peer in kafka-streams/app. Needs Go, Java 17 or newer, Maven.
#
#	./build.sh            everything
#	./build.sh go         only the Go programs
#	./build.sh java       only the jars
set -euo pipefail
cd "$(dirname "$0")"
what=${1:-all}
case $what in all | go | java) ;; *) echo "usage: build.sh [go|java]" >&2; exit 2 ;; esac

if [ "$what" != java ]; then
	mkdir -p .work/bin
	go build -o .work/bin/ ./driver ./floor ../app
fi
if [ "$what" != go ]; then
	mvn -q -B -f broker/pom.xml org.apache.maven.plugins:maven-dependency-plugin:3.6.1:copy-dependencies \
		-DoutputDirectory="$PWD/.work/bin/broker" -DincludeScope=runtime
	mvn -q -B -f kafka-streams/pom.xml package
fi
