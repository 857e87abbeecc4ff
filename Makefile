# The few commands of this project. `make run` and `make test` work in a fresh clone.

# Homebrew keeps libpq off the PATH; the build asks `pg_config` where it is.
export PATH := $(PATH):/opt/homebrew/opt/libpq/bin:/usr/local/opt/libpq/bin

.PHONY: run test lint fmt-check clippy doc domain-check contract bench openapi setup

# A debug build: it is ready sooner than a release build, which optimises and links everything as a whole, and nothing in
# the demo is heavy enough to tell them apart (password hashing is optimised in both, see Cargo.toml).
run: setup ## Start everything with demo data on http://127.0.0.1:8080
	cargo run --bin tanggap -- dev

test: setup ## Run every test; needs nothing running
	cargo test --workspace

lint: fmt-check clippy doc domain-check ## All checks that need no running code

fmt-check:
	cargo fmt --all --check

clippy:
	cargo clippy --workspace --all-targets -- -D warnings

doc:
	RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items

domain-check:
	scripts/check-domain.sh

contract: setup ## Check the API's documents, and clients made from them; needs Node 20.19, Python 3.11, Java 17
	contract/run.sh $(STEPS)

bench: setup ## Measure, with an optimised build
	cargo build --release -p api --bin tanggap -p tests --bin bench
	ulimit -n 8192 2>/dev/null || true; target/release/bench $(PARTS)

openapi: setup ## Write openapi/ anew from the code
	cargo run --bin tanggap -- openapi

setup: ## Install what is missing to build and run
	@scripts/setup.sh
