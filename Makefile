# mls_fdw: what it is.  The version stands in the control file.
EXTENSION = mls_fdw
EXTVERSION = $(shell sed -n "s/^default_version = '\(.*\)'/\1/p" mls_fdw.control)
MODULE_big = mls_fdw
OBJS = $(patsubst %.c,%.o,$(filter-out src/serve/% src/parquet/%,$(sort $(wildcard src/*.c src/*/*.c src/*/*/*.c))))
PGFILEDESC = "mls_fdw - real-estate sources in PostgreSQL"

# The install script is joined from chapters; each names only what stands before it.
SQL_CHAPTERS = \
	src/fdw/fdw.sql \
	src/step/catalog.sql \
	src/step/upload.sql \
	src/step/tenant.sql \
	src/jobs/parallel_range.sql \
	src/drift/drift.sql \
	src/gold/dictionary.sql \
	src/gold/dictionary_fields.tsv \
	src/gold/dictionary_lookups.tsv \
	src/gold/map.sql \
	src/gold/place.sql \
	src/protocol/qobrix/qobrix_map.tsv \
	src/protocol/qobrix/qobrix_map.sql \
	src/protocol/rets/ddf_map.sql \
	src/protocol/rets/ddf_map.tsv \
	src/gold/map_functions.sql \
	src/gold/setting.sql \
	src/gold/shards.sql \
	src/gold/audience.sql \
	src/write/clean_rules.sql \
	src/write/arrival_rules.sql \
	src/run/functions.sql \
	src/run/dataset.sql \
	src/jobs/dataset_remove.sql \
	src/monitor/count.sql \
	src/run/schedule.sql \
	src/geo/geocoder.sql \
	src/geo/providers.sql \
	src/geo/geocode.sql \
	src/geo/geography.sql \
	src/subscription/identity.sql \
	src/monitor/change.sql \
	src/monitor/events.sql \
	src/monitor/webhook.sql \
	src/subscription/related.sql \
	src/media/media.sql \
	src/media/media_serve.sql \
	src/feed/feed.sql \
	src/feed/formats.tsv \
	src/feed/kyero.tsv \
	src/feed/homesoverseas.tsv \
	src/feed/zillow.tsv \
	src/feed/trovit.tsv \
	src/feed/reso.tsv \
	src/feed/sitemap.tsv \
	src/publish/publication.sql \
	src/mart/mart_catalog.sql \
	src/mart/mart.tsv \
	src/quality/data_test.sql \
	src/quality/shipped_tests.tsv \
	src/monitor/views.sql \
	src/monitor/publication.sql \
	src/scale/scale.sql \
	src/alert/receivers.sql \
	src/monitor/health.sql \
	src/monitor/record.sql \
	src/monitor/verify.sql \
	src/monitor/verify_rules.sql \
	src/consumer/protect.sql \
	src/consumer/served_dataset.sql \
	src/consumer/served.sql \
	src/consumer/consumer.sql \
	src/consumer/entity_event.sql \
	src/consumer/field_history.sql \
	src/consumer/push.sql \
	src/alert/alert.sql \
	src/consumer/leakproof.sql \
	src/media/store.sql \
	src/publish/publish.sql \
	src/mart/mart.sql \
	src/mart/market.sql \
	src/quality/export.sql \
	src/quality/dbt.sql
DATA_built = $(EXTENSION)--$(EXTVERSION).sql

# A release freezes its install script: cp mls_fdw--X.sql releases/.  The next version adds
# releases/mls_fdw--X--Y.sql there, and test/t/087_upgrade.pl compares where both ways lead.
DATA = $(filter-out releases/$(EXTENSION)--$(EXTVERSION).sql,$(wildcard releases/*.sql))

# What it needs.  (-Wno-override-init: tables of platforms override a row of common values.)
# The tests make errors of warnings with MLS_CFLAGS=-Werror; a compiler newer than they have
# seen may warn of more, which is no reason to install nothing.
# Of MariaDB's client only the header is needed: the library is loaded when a destination wants it.
PG_CPPFLAGS = -I$(srcdir)/src -I$(libpq_srcdir) $(shell pkg-config --cflags libcurl libdeflate libxml-2.0 zlib libmariadb)
PG_CFLAGS = -std=gnu99 -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Wno-missing-field-initializers -Wno-override-init $(MLS_CFLAGS)
SHLIB_LINK = $(shell pkg-config --libs libcurl libdeflate libxml-2.0 zlib) $(libpq)

# The program that serves gold as a Web API is no part of the library: it needs libraries of its
# own, none of the server's headers, and is left out where they are not there.
SERVE_NEEDS = libmicrohttpd libpq json-c 'openssl >= 3.0' libdeflate
SERVE_OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/serve/*.c src/serve/*/*.c)))
ifeq ($(shell pkg-config --exists $(SERVE_NEEDS) && echo yes),yes)
SCRIPTS_built = mls_serve
else
$(info mls_serve is not built: pkg-config does not find all of $(SERVE_NEEDS))
endif

# How it is tested: pg_regress without a network; the rest needs the test server (test/check.sh).
REGRESS = $(patsubst sql/%.sql,%,$(sort $(wildcard sql/*.sql)))
REGRESS_OPTS = --load-extension=mls_fdw
EXTRA_CLEAN = $(EXTENSION)--$(EXTVERSION).sql $(SERVE_OBJS)

# These do their own set-up: they must work where PGXS is not installed yet.
ifneq ($(filter check check-long check-assert check-citus demo dist,$(MAKECMDGOALS)),)
.PHONY: check check-long check-assert check-citus demo dist
# Under "env -i" there is nowhere to find bash.
PATH ?= /usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export PATH
# make check TESTS='regress 050'   runs the parts whose names hold one of the words
check:
	+MLS_TESTS="$(TESTS)" bash test/check.sh
# The same with the long rounds of the model.
check-long:
	+MLS_TESTS="$(TESTS)" MLS_LONG=1 bash test/check.sh
# The same on a server built with assertions; docs/internals.md says how to get one.
check-assert:
	+MLS_TESTS="$(TESTS)" MLS_ASSERT=1 bash test/check.sh
# Gold on two nodes of Citus, from CITUS_SOURCE; docs/internals.md says how to get it.
check-citus:
	+MLS_TESTS="$(TESTS)" bash test/citus/check.sh
demo:
	@bash test/demo.sh
# A release as PGXN takes it: what is committed, in a folder of its name; 191_release checks META.json.
dist:
	git archive --format=zip --prefix=$(EXTENSION)-$(EXTVERSION)/ -o $(EXTENSION)-$(EXTVERSION).zip HEAD
else
PG_CONFIG ?= pg_config
# The program that reads Parquet files with the library of DuckDB, which it loads when it is there:
# building it needs nothing.
ifeq ($(shell uname -s),Linux)
SCRIPTS_built += mls_parquet
endif
PGXS := $(shell $(PG_CONFIG) --pgxs)
include $(PGXS)
# The same for clang, which writes the bitcode.
BITCODE_CFLAGS += -Wno-initializer-overrides

# Headers are few: a change in one rebuilds everything.
$(OBJS): $(filter-out src/serve/%,$(wildcard src/*.h src/*/*.h src/*/*/*.h))
$(SERVE_OBJS): $(wildcard src/serve/*.h src/serve/*/*.h)

SERVE_CFLAGS = -std=gnu99 -D_GNU_SOURCE -O2 -g -fstack-protector-strong -D_FORTIFY_SOURCE=2 -pthread -I$(srcdir)/src \
	-Wall -Wextra -Wno-unused-parameter -Wno-missing-field-initializers -DMLS_VERSION='"$(EXTVERSION)"' \
	$(shell pkg-config --cflags $(SERVE_NEEDS)) $(MLS_CFLAGS)
# Pages of the site are put into the program as they stand.
src/serve/site/site_files.o: $(wildcard src/serve/site/*.html src/serve/site/*.css src/serve/site/*.js src/serve/site/*.svg src/serve/site/*.sql)
src/serve/site/site_files.o: SERVE_CFLAGS += -DSERVE_SITE_FOLDER='"$(srcdir)/src/serve/site"'
src/serve/%.o: src/serve/%.c
	$(CC) $(SERVE_CFLAGS) -c -o $@ $<
mls_serve: $(SERVE_OBJS)
	$(CC) $(SERVE_CFLAGS) -o $@ $(SERVE_OBJS) $(shell pkg-config --libs $(SERVE_NEEDS)) -lm

mls_parquet: src/parquet/mls_parquet.c
	$(CC) -std=gnu99 -D_GNU_SOURCE -O2 -g -fstack-protector-strong -D_FORTIFY_SOURCE=2 -Wall -Wextra -Wno-missing-field-initializers $(MLS_CFLAGS) -o $@ $< -ldl

# Its page of the manual goes with it.
ifneq ($(filter mls_serve,$(SCRIPTS_built)),)
install: install-serve-manual
.PHONY: install-serve-manual
install-serve-manual:
	$(MKDIR_P) '$(DESTDIR)$(mandir)/man1'
	$(INSTALL_DATA) $(srcdir)/docs/serve/mls_serve.1 '$(DESTDIR)$(mandir)/man1/'
uninstall: uninstall-serve-manual
.PHONY: uninstall-serve-manual
uninstall-serve-manual:
	rm -f '$(DESTDIR)$(mandir)/man1/mls_serve.1'
endif

# Data stands in tab-separated files, which src/rows.awk turns into statements.
$(EXTENSION)--$(EXTVERSION).sql: $(SQL_CHAPTERS) src/rows.awk mls_fdw.control
	for chapter in $(SQL_CHAPTERS); do \
		case $$chapter in *.tsv) awk -f src/rows.awk $$chapter ;; *) cat $$chapter ;; esac || exit 1; \
	done > $@.tmp && mv $@.tmp $@

endif

# Parquet files with the library of DuckDB; needs npm and a registry.
.PHONY: check-parquet
check-parquet:
	+bash test/parquet/check.sh

# RETS clients of other authors against the test server; needs npm and a registry.
.PHONY: check-peers
check-peers:
	bash test/peers/check.sh
