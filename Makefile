# Weir. `make` lists what there is.

SHELL       := /bin/sh
GO          ?= go
# Where Go's own installer puts it, for shells that do not know.
export PATH := $(PATH):/usr/local/go/bin
export CGO_ENABLED ?= 0

cache  := .cache
linter := $(cache)/golangci-lint
pages  := web/dist/watch.html
# In front of a build with the libav at $$path. Go's cache does not know what pkg-config
# says: the folder among the flags makes what was built with another one not be taken.
with-libav = PKG_CONFIG_PATH=$$path CGO_LDFLAGS="-g -O2$${path:+ -L$${path%%:*}}" CGO_ENABLED=1

.DEFAULT_GOAL := help
.PHONY: help setup run build libav web test vet unit ready e2e faults lint fuzz bench bench-whep bench-transcode memcheck clips clean

help: ## List the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

run: build ## Start a server that publishes a clip to itself, installing what is missing
	@exec bin/weir demo

build: web libav ## Build bin/weir with its pages, and bin/weir-av
	@echo "building bin/weir"
	@$(GO) build -trimpath -o bin/ ./cmd/weir

libav: ## Build bin/weir-av, which transcodes (the first time may build FFmpeg, which takes minutes)
	@path=$$(scripts/libav.sh) && echo "building bin/weir-av" && \
		$(with-libav) $(GO) build -trimpath -tags libav -o bin/ ./cmd/weir-av

setup: ## Install what building needs (for=test, for=clips: what those need)
	@scripts/setup.sh $(or $(for),run)

web: setup $(pages) ## Build the pages

$(pages): web/node_modules/.installed web/build.mjs $(shell find web/src -type f)
	@echo "building the pages"
	@cd web && npm run --silent build >/dev/null

web/node_modules/.installed: web/package.json web/package-lock.json
	@echo "installing the pages' libraries"
	@cd web && npm ci --ignore-scripts --silent && touch node_modules/.installed

test: ## Run the tests before a commit, installing what they need (full=1: all, as CI does)
	@scripts/setup.sh test
	@$(MAKE) --no-print-directory vet unit e2e short=$(if $(full),,-short)

vet: build
	@echo "checking the pages' types"
	@cd web && npm run --silent check && npm run --silent test >/dev/null
	$(GO) vet -tags invariants,e2e ./...

unit: web ## Run the tests of all packages with the race detector
	path=$$(scripts/libav.sh) && $(with-libav) \
		$(GO) test -race $(short) -tags invariants,libav -timeout 10m ./transcode/internal/av ./...

ready: build test/e2e/node_modules/.installed ## Build and install what a test of test/e2e needs by itself
	@scripts/setup.sh test

e2e: ready faults ## Watch a stream in a real browser, and break things around it
	$(GO) test -tags e2e $(short) -count=1 -timeout 40m -parallel 64 ./test/e2e

faults: ## Break things around a server, and count what viewers lose (WEIR_SOAK=1 for longer)
	$(GO) test -tags e2e $(short) -count=1 -timeout 40m -parallel 64 ./test/faults
	$(GO) test -tags e2e $(short) -count=1 -timeout 10m -parallel 6 ./test/access

test/e2e/node_modules/.installed: test/e2e/package.json test/e2e/package-lock.json
	@echo "installing the browser's driver"
	@cd test/e2e && npm ci --ignore-scripts --silent && touch node_modules/.installed

lint: $(linter) ## Run golangci-lint (the first time builds it, which takes minutes)
	$(linter) run ./...

$(linter): tools/go.mod tools/go.sum
	@echo "building golangci-lint, this takes minutes"
	@mkdir -p $(cache)
	@cd tools && $(GO) build -trimpath -o ../$(linter) github.com/golangci/golangci-lint/v2/cmd/golangci-lint

fuzz: ## Run every fuzz target for a minute (time=10s for less)
	@scripts/fuzz.sh $(or $(time),60s)

bench: ## Run the benchmarks and print a table (count=1 for a quick look)
	@scripts/bench.sh $(or $(count),3)

bench-whep: ## Measure WebRTC viewers beside the floor of the machine (only=viewers=150 for some)
	@scripts/bench-whep.sh $(only)

bench-transcode: ## Measure a ladder in bin/weir-av beside ffmpeg's (the first time builds FFmpeg)
	@scripts/bench-transcode.sh

memcheck: ## Run what libav is used for in valgrind (minutes)
	@scripts/memcheck.sh

clips: ## Make the test clips again
	@scripts/setup.sh clips
	testdata/scripts/make-clips.sh

clean: ## Remove what was built
	rm -rf bin $(cache) web/node_modules test/e2e/node_modules
	find web/dist -mindepth 1 ! -name .gitkeep -delete
