# Two targets do everything: `make run` starts the gate on this machine,
# `make test` passes the tests. `make help` lists the rest.

GO        ?= go
BUILD     := build
VERSION   ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
LDFLAGS   := -s -w -X main.version=$(VERSION)
FUZZTIME  ?= 20s

# gVisor re-executes the program as its own runtime in an empty root: the
# binary must be static.
export CGO_ENABLED := 0
export GOTOOLCHAIN := local

# The go command's own flags are the same in every step, those of test/e2e and
# of the image included: what one has compiled, the next finds in the cache.
export GOFLAGS := $(GOFLAGS) -trimpath

# Most tests wait more than they compute: packages at a time. What their vet
# would say, lint has said of all packages.
TESTFLAGS := -vet=off -p $(shell expr 2 '*' $$(getconf _NPROCESSORS_ONLN))

# Packages whose tests start the Sentry. The race detector needs cgo and
# addresses that the Sentry's stubs do not leave free, so these run without it.
SENTRY := ./cmd/... ./sandbox ./sandbox/runtime/... ./sandbox/sensor/... ./sandbox/service/... ./test/...

# The end-to-end tests are a module of their own.
E2E       := cd test/e2e &&
E2E_BIN   ?= $(CURDIR)/$(BUILD)/e2e

.PHONY: help run build image test deps lint unit race e2e e2e-bin system bench bench-proxy bench-webhook soak fuzz clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

run: build ## build and start everything on this machine: proxy, webhook, API, metrics, sandbox
	@exec ./$(BUILD)/sallyport serve

build: ## build the one static binary, build/sallyport
	$(GO) build -ldflags '$(LDFLAGS)' -o $(BUILD)/sallyport ./cmd/sallyport

image: ## build the container image: build/image (OCI layout) and a file for docker load; PLATFORMS="amd64 arm64", PUSH=registry/name:tag
	@for a in $(or $(PLATFORMS),$(shell $(GO) env GOARCH)); do \
		echo "linux/$$a"; GOOS=linux GOARCH=$$a $(GO) build -ldflags '$(LDFLAGS)' -o $(BUILD)/linux-$$a/sallyport ./cmd/sallyport || exit 1; done
	$(GO) run ./charts/image -out $(BUILD)/image -tag sallyport:$(subst +,-,$(VERSION)) -version $(VERSION) $(if $(PUSH),-push $(PUSH)) \
		$(foreach a,$(or $(PLATFORMS),$(shell $(GO) env GOARCH)),$(BUILD)/linux-$(a)/sallyport)

test: deps lint unit race e2e ## pass every test, installing what they need (as root on Debian)

deps: ## install the commands that tests use, or say which are missing
	@./test/deps

lint: ## formatting, vet, staticcheck, import rules
	@unformatted=$$(gofmt -l $$(git ls-files '*.go')); test -z "$$unformatted" || { echo "not gofmt-clean: $$unformatted"; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	@./test/imports
	@$(E2E) $(GO) vet ./...

unit: build ## tests that start the sandbox, a Docker engine and Redis
	GATE_UNDER_TEST=$(CURDIR)/$(BUILD)/sallyport $(GO) test $(TESTFLAGS) -timeout 60m $(SENTRY)

race: ## all other tests, under the race detector
	CGO_ENABLED=1 $(GO) test -race $(TESTFLAGS) -timeout 40m $$($(GO) list ./... | grep -vxF "$$($(GO) list $(SENTRY))")

e2e: build e2e-bin ## tests against a real Kubernetes on this machine; E2EFLAGS='-v -run TestName' for some of them
	$(GO) run ./charts/image -out $(BUILD)/e2e-image/layout -tag sallyport:e2e -version $(VERSION) $(BUILD)/sallyport
	$(E2E) GATE_UNDER_TEST=$(CURDIR)/$(BUILD)/sallyport IMAGE_UNDER_TEST=$(CURDIR)/$(BUILD)/e2e-image/sallyport-linux-$$($(GO) env GOARCH).tar \
		E2E_BIN=$(E2E_BIN) $(GO) test -p 1 -parallel 3 -timeout 40m $(E2EFLAGS) ./...

e2e-bin: ## build the Kubernetes that e2e needs: 8 minutes on 2 free cores, once
	@GO='$(GO)' ./test/e2e/tools $(E2E_BIN)

bench: ## run the benchmarks
	$(GO) test -run '^$$' -bench . -benchmem ./...

bench-proxy: build ## measure the proxy beside nginx and distribution's registry, on a quiet machine
	GATE_UNDER_TEST=$(CURDIR)/$(BUILD)/sallyport ./test/bench/compare

bench-webhook: build e2e-bin ## measure the webhook beside Gatekeeper, on a quiet machine
	GATE_UNDER_TEST=$(CURDIR)/$(BUILD)/sallyport E2E_BIN=$(E2E_BIN) ./test/bench/compare-webhook

soak: ## pull in every way for SOAK (default 10m) under the race detector
	SOAK=$(or $(SOAK),10m) CGO_ENABLED=1 $(GO) test -race -timeout 60m -run '^TestSoak$$' -v ./proxy

fuzz: ## fuzz every parser of foreign input for FUZZTIME each
	@./test/fuzz $(FUZZTIME)

clean: ## delete what was built; data/ stays
	rm -rf $(BUILD)
