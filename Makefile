# pgbeam: the PgBeam control-plane API as a PostgreSQL extension.

EXTENSION = pgbeam
EXTVERSION := $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" pgbeam.control)

# The parts, a folder a layer. A folder includes only headers of folders above
# it here, a part only of parts before it. This list alone gives objects,
# install script and that law (test/lint).
PARTS = \
	$(addprefix base/, own compat shared pattern crypt typeid jwt letter text proxykey network instant decimal json fault state sql sweep result lead table target insert seek update parse id) \
	$(addprefix fields/, field rule check constraint show describe schema query) \
	$(addprefix keys/, keypath keyfile keyring) \
	$(addprefix feed/, horizon retention change feed consumer) \
	$(addprefix auth/, rate plan owner organization role apikey token request authentication authorization) \
	$(addprefix resources/, prefix upstream page statement resource mark way walk search activity write standard host project database replica domain connection cacherule member regions plans organizations health) \
	$(addprefix plane/, queryreport traffic trafficentry trafficrows trafficreport usage login served pgbouncer) \
	$(addprefix upkeep/, rewrap purge erasure undelete) \
	$(addprefix http/, operationlist operation idempotency openapi operationtable statistics route dispatch http entry) \
	$(addprefix log/, mention watch guard) \
	$(addprefix functions/, administration access base fields keys feed auth resources pgbouncer bulk http log distribution configuration publication views) \
	pgbeam

# These need no server, so that they can be tested and fuzzed alone.
PURE_PARTS = $(addprefix base/, crypt typeid jwt letter text proxykey network instant) keys/keypath log/mention

# The program beside PgBouncer, of the same law: no part of the module, and
# no part of it in the module.
AGENT_PARTS = $(addprefix agent/, base log event answer lookup options lines resolve rules files link registry names probe domains proxy report sync loop main)
PURE_AGENT_PARTS = $(addprefix agent/, base answer lines resolve rules)

SOURCES := $(foreach part,$(PARTS),$(wildcard src/$(part).c))
PIECES := $(foreach part,$(PARTS),$(wildcard src/$(part).sql))

MODULE_big = $(EXTENSION)
OBJS = $(SOURCES:.c=.o)
DATA_built = $(EXTENSION)--$(EXTVERSION).sql
AGENT = pgbeam_agent
AGENT_OBJS = $(AGENT_PARTS:%=src/%.o)
EXTRA_CLEAN = $(AGENT) $(AGENT_OBJS)

# Tests of the server's own kinds, for make installcheck; make test prepares
# a server for them and runs all the others too.
REGRESS = install typeid field keyring organization member apikey token caller host \
	database route upstream project replica domain connection cacherule plans change insert seek update consumer pgbouncer odd operation statistics openapi parse http \
	idempotency bulk constraint distribution purge erasure undelete search altered examples guard catalog publication views traffic
ISOLATION = name host domain cacherule limit below idempotency database update snapshot change consumer trigger purge retired owner mark hand known
ISOLATION_OPTS = --inputdir=test --outputdir=output_iso
TAP_TESTS = 1
PROVE_TESTS = test/t/*.pl

PG_CPPFLAGS = -Isrc -DPGBEAM_VERSION='"$(EXTVERSION)"' \
	$(shell pkg-config --cflags libsodium)
PG_CFLAGS = -Wall -Wextra -Wno-unused-parameter
SHLIB_LINK = $(shell pkg-config --libs libsodium)

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
ifneq ($(PGXS),)
include $(PGXS)
else ifneq ($(filter-out test test-matrix demo pages bench bench-citus bench-plane fuzz valgrind torture,$(or $(MAKECMDGOALS),all)),)
# The others install what they need.
$(error $(PG_CONFIG) was not found: install the headers of the server, or set PG_CONFIG)
endif

# Objects of another server's headers are made again. The mark is made here, for
# PGXS calls every file secondary: make would not miss it.
ifneq ($(MAJORVERSION),)
$(shell [ -f .built-for-$(MAJORVERSION) ] || { rm -f .built-for-*; touch .built-for-$(MAJORVERSION); })
$(OBJS) $(OBJS:.o=.bc) $(AGENT_OBJS): $(wildcard src/*.h src/*/*.h) .built-for-$(MAJORVERSION)
endif

$(DATA_built): $(PIECES) Makefile
	{ printf '%s\n' '\echo Use "CREATE EXTENSION $(EXTENSION)" to load this file. \quit'; \
	for script in $(PIECES); do \
		printf '\n-- %s\n' $$script; cat $$script; \
	done; } > $@

# By rules of our own: PGXS would link a PROGRAM from the objects of the module.
all: $(AGENT)
# It includes no header of the server, and takes any libpq.
LIBPQ_FLAGS := $(shell pkg-config --cflags libpq 2>/dev/null || echo -I$(includedir))
LIBPQ := $(shell pkg-config --libs libpq 2>/dev/null || echo -L$(libdir) -lpq)
$(AGENT_OBJS): override CPPFLAGS := -Isrc $(LIBPQ_FLAGS) -D_GNU_SOURCE -DPGBEAM_VERSION='"$(EXTVERSION)"'
$(AGENT): $(AGENT_OBJS)
	$(CC) $(CFLAGS) $(AGENT_OBJS) $(LIBPQ) $(LDFLAGS) -lresolv -o $@
install: install-agent
uninstall: uninstall-agent
.PHONY: install-agent uninstall-agent
install-agent: $(AGENT)
	$(MKDIR_P) '$(DESTDIR)$(bindir)'
	$(INSTALL_PROGRAM) $(AGENT) '$(DESTDIR)$(bindir)'
uninstall-agent:
	rm -f '$(DESTDIR)$(bindir)/$(AGENT)'

# Beside what PGXS has under this name.
uninstall: uninstall-notice
.PHONY: uninstall-notice
uninstall-notice:
	@echo 'A server with pgbeam in shared_preload_libraries does not start without the library:'
	@echo 'take it out there first, in postgresql.auto.conf by hand where the server is down.'

.PHONY: test test-matrix demo pages bench bench-citus bench-plane fuzz valgrind torture
test:
	test/run
test-matrix:
	test/matrix
demo:
	test/demo
pages:
	test/pages/run
bench:
	test/bench/run
bench-citus:
	test/bench/citus
bench-plane:
	test/bench/plane
fuzz:
	test/fuzz/run
valgrind:
	test/valgrind
torture:
	test/torture/run
