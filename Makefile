# make test     everything that is checked before a change lands
# make lint     gofmt, go vet, staticcheck
# make build    the programs, in bin/
# make demo     gateway, console and a simulated CRM on this machine
# make bench    the figures of docs/performance.md
# make fuzz     every fuzz target for FUZZTIME (20s)

.PHONY: test lint build demo bench fuzz

test:
	@scripts/test.sh

lint:
	@scripts/lint.sh

build:
	go build -trimpath -o bin/ ./cmd/...

demo:
	go run ./cmd/cordon demo

bench:
	@scripts/bench.sh

fuzz:
	@scripts/fuzz.sh
