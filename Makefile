# Targets of mgw. `make help` lists them.

# The tools are built with the flags that mgw builds gateways with, so that both
# share what the compiler cached.
GOBUILD := CGO_ENABLED=0 go build -trimpath -buildvcs=false
BIN     := bin
PREFIX  ?= /usr/local
TOOLS   := mgw gateway trafficmanager

# Without a C compiler the race detector cannot run: .ci/setup says so.
RACE    = $(shell command -v cc >/dev/null && echo -race)
FUZZTIME ?= 20s

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: build
build: ## build the tools into bin/
	@mkdir -p $(BIN)
	@for tool in $(TOOLS); do $(GOBUILD) -o $(BIN)/ ./cmd/$$tool || exit; done

.PHONY: install
install: build ## copy the tools to PREFIX/bin
	@install -d $(PREFIX)/bin
	@for tool in $(TOOLS); do install -m 755 $(BIN)/$$tool $(PREFIX)/bin/ || exit; done

.PHONY: demo
demo: build ## petstore from definition to the first 429
	@go run ./samples/petstore/demo -bin $(BIN)

.PHONY: demo-cluster
demo-cluster: ## three gateways with one limit, with and without a traffic manager
	@.ci/setup
	@go run ./samples/cluster/demo

.PHONY: test
test: ## everything, with the race detector
	@.ci/setup
	go vet ./...
	go test $(RACE) -timeout 30m ./...
	cd samples/grpc && go vet ./... && go test -timeout 10m ./...

.PHONY: cover
cover: ## test coverage, to cover.out
	go test -coverpkg ./... -coverprofile cover.out ./...
	@go tool cover -func cover.out | tail -n 1

.PHONY: fuzz
fuzz: ## each fuzz target for FUZZTIME
	@set -e; for pkg in $$(go list ./...); do \
		for target in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
			echo "== $$pkg $$target"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) $$pkg; \
		done; \
	done

.PHONY: bench
bench: ## every benchmark, with allocations, and the peers of the limiter
	go test -run '^$$' -bench . -benchmem ./...
	cd runtime/internal/limit/peers && go test -run '^$$' -bench . -benchmem ./...

.PHONY: bench-proxy
bench-proxy: ## the gateway beside nginx, HAProxy and ReverseProxy (about 20 minutes)
	@.ci/setup bench
	@mkdir -p $(BIN) && $(GOBUILD) -o $(BIN)/bench ./samples/bench
	@PATH=$$PATH:/usr/sbin $(BIN)/bench

.PHONY: bench-soak
bench-soak: ## the gateway alone under load for ten minutes: memory, goroutines, allocations
	@.ci/setup bench
	@mkdir -p $(BIN) && $(GOBUILD) -o $(BIN)/bench ./samples/bench
	@PATH=$$PATH:/usr/sbin $(BIN)/bench -soak 10m

.PHONY: h2spec
h2spec: ## HTTP/2 by h2spec: no worse than net/http alone (about a minute)
	@.ci/h2spec

.PHONY: corpus
corpus: build ## gateways of 50 public definitions, downloaded with npm and go
	@go run ./samples/corpus -bin $(BIN)

.PHONY: lint
lint: ## gofmt, go vet, staticcheck where it is installed
	@test -z "$$(gofmt -l .)" || { gofmt -l .; exit 1; }
	go vet ./...
	@if command -v staticcheck >/dev/null; then staticcheck ./...; else echo "staticcheck is not installed: go install honnef.co/go/tools/cmd/staticcheck@latest"; fi

.PHONY: fmt
fmt: ## format the source
	gofmt -w .

.PHONY: clean
clean: ## remove what was built
	rm -rf $(BIN) cover.out
