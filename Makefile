# Plain names; each target is one thing a person wants done.
GO            ?= go
GOLANGCI      ?= v2.15.0
GOFUMPT       ?= v0.12.0
FUZZTIME      ?= 20000x
PKG           ?= ./qseal

.PHONY: build test race lint fuzz bench mutation integration node redis http3 grpc demo examples sidecar tidy tools

build:
	$(GO) build ./...
	$(GO) build -o bin/eidas ./cmd/eidas

test:
	$(GO) test ./...

race:
	$(GO) test -race ./...

tools:
	$(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI)
	$(GO) install mvdan.cc/gofumpt@$(GOFUMPT)

lint:
	$(GO) vet ./...
	golangci-lint run ./...
	cd revocation/rediscache && golangci-lint run ./...
	cd qwac/qwachttp3 && golangci-lint run ./...
	cd qwac/qwacgrpc && golangci-lint run ./...
	cd examples && golangci-lint run ./...

# Every fuzz target in turn, FUZZTIME each: executions (20000x) or a time (10m).
fuzz:
	GO="$(GO)" FUZZTIME="$(FUZZTIME)" .ci/fuzz

# Side by side with the standard library and peers; ratios, not times.
bench:
	$(GO) test -run '^$$' -bench . -benchmem ./...
	cd bench && $(GO) test -run '^$$' -bench . -benchmem ./...

# Every refusal of PKG taken out, one at a time: which of them does no test miss?
# Minutes; not part of .ci/run.
mutation:
	$(GO) run ./internal/mutation $(PKG)

# Needs Debian's xmlsec1: agreement with it on every real list.
integration:
	$(GO) test -tags integration -run Integration ./...

# Needs Node 20 and npm: agreement with its jose on detached JWS.
node:
	cd bench/node && npm ci --no-audit --no-fund
	cd bench && $(GO) test -tags node -run Node ./...

# A module of its own. Needs Debian's redis-server: the tests start it themselves.
redis:
	cd revocation/rediscache && $(GO) vet ./... && EIDAS_REDIS=required $(GO) test ./...

# A module of its own: QUIC on the loopback interface.
http3:
	cd qwac/qwachttp3 && $(GO) vet ./... && $(GO) test -race ./...

# A module of its own: gRPC on the loopback interface.
grpc:
	cd qwac/qwacgrpc && $(GO) vet ./... && $(GO) test -race ./...

# A module of its own. Needs Debian's nginx-light: the tests start it themselves.
sidecar:
	cd examples && EIDAS_NGINX=required $(GO) test ./sidecar

demo:
	$(GO) run ./cmd/eidas demo

# A module of its own. The generator of testdata is in no pattern of the go command.
examples:
	$(GO) vet ./testdata/generate
	cd examples && $(GO) vet ./... && $(GO) test ./...

tidy:
	$(GO) mod tidy -diff
	cd bench && $(GO) mod tidy -diff
	cd examples && $(GO) mod tidy -diff
	cd revocation/rediscache && $(GO) mod tidy -diff
	cd qwac/qwachttp3 && $(GO) mod tidy -diff
	cd qwac/qwacgrpc && $(GO) mod tidy -diff
