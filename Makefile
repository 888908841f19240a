# Every command that this repository documents is a target here: each works in a fresh clone, with
# make and any Go from 1.21 on. That Go fetches the version named here.
export GOTOOLCHAIN := go1.27.3

# The tools' module is apart, so that their dependencies never reach a user's go.sum.
TOOL := go tool -modfile=$(CURDIR)/tools/go.mod

GOTEST     ?= go test
FUZZTIME   ?= 60s
BENCHTIME  ?= 100ms
BENCHCOUNT ?= 1
BENCH ?= .
BENCHPKG ?= ./bench/... ./store/...
COVER_MIN  ?= 80

.DEFAULT_GOAL := help
.PHONY: help demo demo-check test chaos kafka-image integration planted soak soak-kafka race lint fmt cover bench bench-peers fuzz crashpoints bench-scale

help: ## list the targets (the default)
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-11s %s\n", $$1, $$2 }' Makefile

demo: ## run the flights example on an embedded Kafka
	go run ./examples/flights

demo-check: ## run the demo once, without a terminal, and stop
	go run ./examples/flights -once

test: ## run all tests: fast, no Docker
	$(GOTEST) ./...
	@go test -v -run '^TestConformance$$' ./internal/conformance | grep '^conformance:'

crashpoints: ## put every fault at every step of the protocol: all cells, in fake time
	@mkdir -p .cover; PITWHEEL_CRASHPOINTS=all go test -v -count 1 -timeout 30m -run '^TestEveryCrashPoint$$' ./internal/crashpoint > .cover/crashpoints.log; \
		status=$$?; grep -- '--- FAIL\|^crash points:' .cover/crashpoints.log; exit $$status

CHAOS ?= 1m
chaos: ## kill and move three instances under load for CHAOS, and check every result
	PITWHEEL_CHAOS=$(CHAOS) $(GOTEST) -count 1 -timeout 30m -v -run '^TestInstancesComeAndGo$$' .

kafka-image: ## make a Docker daemon answer and the image of a real Kafka be there
	bash integration/image/docker.sh
	bash integration/image/build.sh

integration: kafka-image ## run the tests on a real Kafka in containers
	cd integration && $(GOTEST) -count 1 -p 1 -timeout 30m ./...

planted: ## plant each known bug of exactly-once and see that a test catches it
	sh scripts/planted.sh

SOAK ?= 10m
soak: ## harm an application on an embedded Kafka for SOAK, and hold every result against an account
	cd integration && go run ./soak -for $(SOAK) $(SOAKFLAGS)

soak-kafka: kafka-image ## the same on three real brokers, which are killed, paused and restarted too
	cd integration && go run ./soak -kafka real -every 3s -for $(SOAK) $(SOAKFLAGS)

.PHONY: figures
figures: kafka-image ## measure restarts, failovers and restores on a real Kafka
	cd integration && PITWHEEL_FIGURES=1 go test -count 1 -timeout 30m -v -run '^TestFigure' .

race: ## run all tests under the race detector
	go test -race ./...

lint: ## check the format, go.mod, go vet, golangci-lint and known vulnerabilities
	@unformatted=$$("$$(go env GOROOT)/bin/gofmt" -l .) && test -z "$$unformatted" || \
		{ echo "not formatted, run make fmt: $$unformatted"; exit 1; }
	go mod tidy -diff
	go vet ./...
	$(TOOL) golangci-lint run ./...
	cd integration && go mod tidy -diff && go vet ./... && $(TOOL) golangci-lint run ./...
	sh scripts/vuln.sh
	sh scripts/vuln.sh integration

fmt: ## format all Go code
	go fmt ./...

cover: ## measure the tests' coverage of the library; below COVER_MIN percent fails
	sh scripts/cover.sh $(COVER_MIN)

bench: ## run the benchmarks BENCH in BENCHPKG and assert allocations; the output is input for benchstat
	go test -run Allocat -bench $(BENCH) -benchmem -benchtime $(BENCHTIME) -count $(BENCHCOUNT) $(BENCHPKG)

SET ?= quick
bench-peers: ## run SET (quick or full) beside Kafka Streams on a broker, and write the report into docs/benchmarks
	SET=$(SET) bash bench/peers/run.sh

bench-scale: ## measure costs by keys and partitions, and idle tasks; print tables, draw docs/benchmarks/scale.svg
	@mkdir -p .cover
	PITWHEEL_SCALE=1 go test -run NONE -bench 'Keys|Partitions' -benchtime 10000000x -timeout 1h ./bench > .cover/scale.txt
	PITWHEEL_SCALE=1 go test -run NONE -bench Idle -benchtime 3x ./bench >> .cover/scale.txt
	go run ./bench/scale -svg docs/benchmarks/scale.svg < .cover/scale.txt

fuzz: ## run every fuzz target for FUZZTIME each
	sh scripts/fuzz.sh $(FUZZTIME)
