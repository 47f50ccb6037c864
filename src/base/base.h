/*
 * base.h
 *		What all rooms need of PostgreSQL, each thing in one way.
 *
 * Work that may fail runs in a subtransaction, and its error comes back as a value.
 *
 * spi.c		 statements with typed arguments, their results, work that may fail
 * rights.c		 in whose rights SQL runs, whose a table is, relations by name
 * process.c	 background workers, and locks between processes
 * file_type.c what a file is, by its bytes (file_type.h)
 * name_list.h lists of names
 */
#ifndef MLS_BASE_H
#define MLS_BASE_H

#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "postmaster/bgworker.h"
#include "storage/lockdefs.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

/* ---- Statements (spi.c) ---- */

/* An argument of a statement. */
typedef struct MlsArg
{
	Oid type;
	Datum value;
	bool isnull;
} MlsArg;

#define mls_arg(type, value) ((MlsArg){type, value, false})
#define mls_arg_null(type) ((MlsArg){type, (Datum) 0, true})
#define mls_arg_int8(n) mls_arg(INT8OID, Int64GetDatum(n))
#define mls_arg_int4(n) mls_arg(INT4OID, Int32GetDatum(n))
#define mls_arg_bool(b) mls_arg(BOOLOID, BoolGetDatum(b))
#define mls_arg_oid(oid) mls_arg(OIDOID, ObjectIdGetDatum(oid))

/* NULL is NULL. */
static inline MlsArg
mls_arg_text(const char *s)
{
	return s ? mls_arg(TEXTOID, CStringGetTextDatum(s)) : mls_arg_null(TEXTOID);
}

/* 0 is NULL. */
static inline MlsArg
mls_arg_time(TimestampTz t)
{
	return t ? mls_arg(TIMESTAMPTZOID, TimestampTzGetDatum(t)) : mls_arg_null(TIMESTAMPTZOID);
}

/* Argument n of the function that SQL has called. */
#define mls_arg_given(type, n)                                                                     \
	(PG_ARGISNULL(n) ? mls_arg_null(type) : mls_arg(type, PG_GETARG_DATUM(n)))

/* An array of texts, from a List of char *. */
extern MlsArg mls_arg_list(const List *texts);

#define MLS_ARGS(...)                                                                              \
	((const MlsArg[]){__VA_ARGS__}), (int) (sizeof((const MlsArg[]){__VA_ARGS__}) / sizeof(MlsArg))

/*
 * mls_sql(expected, sql, arguments): runs one statement; any other result than the expected
 * SPI code is an error.  It needs SPI; rows are in SPI_tuptable, their number in
 * SPI_processed.  mls_sql_control() is for a statement of ours that writes control tables,
 * which roles cannot.  mls_select() sees what this transaction has done; mls_select_stable()
 * what the caller's snapshot shows, so it may stand in a stable function.  A statement whose
 * arguments are known at run time only takes an array of them: mls_sql_run().
 *
 * Those that are run again and again can be kept: planned once, whatever their arguments are.
 * Then *kept, NULL at first, is the caller's, to be freed by SPI_freeplan() when all is over.
 */
#define mls_sql(expected, sql, ...) mls_sql_run(sql, false, expected, MLS_ARGS(__VA_ARGS__))
#define mls_sql_control(expected, sql, ...)                                                        \
	mls_sql_run_control(sql, expected, MLS_ARGS(__VA_ARGS__))
#define mls_kept_control(kept, expected, sql, ...)                                                 \
	mls_sql_keep_control(kept, sql, expected, MLS_ARGS(__VA_ARGS__))
#define mls_select(sql, ...) mls_sql_run(sql, false, SPI_OK_SELECT, MLS_ARGS(__VA_ARGS__))
#define mls_kept_select(kept, sql, ...)                                                            \
	mls_sql_keep(kept, sql, SPI_OK_SELECT, MLS_ARGS(__VA_ARGS__))
#define mls_select_stable(sql, ...) mls_sql_run(sql, true, SPI_OK_SELECT, MLS_ARGS(__VA_ARGS__))

extern void mls_sql_run(const char *sql, bool stable, int expected, const MlsArg *args, int nargs);
extern void mls_sql_run_control(const char *sql, int expected, const MlsArg *args, int nargs);
extern void
mls_sql_keep(SPIPlanPtr *kept, const char *sql, int expected, const MlsArg *args, int nargs);
extern void mls_sql_keep_control(SPIPlanPtr *kept, const char *sql, int expected,
								 const MlsArg *args, int nargs);

/*
 * What stands in a row, from 0, and column, from 1, of a result; of NULL it is NULL, false
 * or 0.  Those without a table are of the last statement's.
 */
extern Datum mls_cell(const SPITupleTable *table, uint64 row, int column, bool *isnull);
extern char *mls_cell_text(const SPITupleTable *table, uint64 row, int column);
extern bool mls_cell_bool(const SPITupleTable *table, uint64 row, int column);
extern int64 mls_cell_int8(const SPITupleTable *table, uint64 row, int column);
extern int32 mls_cell_int4(const SPITupleTable *table, uint64 row, int column);
extern Oid mls_cell_oid(const SPITupleTable *table, uint64 row, int column);
extern TimestampTz mls_cell_time(const SPITupleTable *table, uint64 row, int column);

/* The texts of a column (List of char *). */
extern List *mls_cell_texts(const SPITupleTable *table, int column);

#define mls_text_at(row, column) mls_cell_text(SPI_tuptable, row, column)
#define mls_bool_at(row, column) mls_cell_bool(SPI_tuptable, row, column)
#define mls_int8_at(row, column) mls_cell_int8(SPI_tuptable, row, column)
#define mls_int4_at(row, column) mls_cell_int4(SPI_tuptable, row, column)
#define mls_oid_at(row, column) mls_cell_oid(SPI_tuptable, row, column)
#define mls_time_at(row, column) mls_cell_time(SPI_tuptable, row, column)

/* A row into the result of a function, or into another store of rows. */
#define mls_return_row(result, ...)                                                                \
	mls_put_row((result)->setResult, (result)->setDesc, MLS_ARGS(__VA_ARGS__))

extern void mls_put_row(Tuplestorestate *store, TupleDesc desc, const MlsArg *values, int n);

/*
 * Does work in a subtransaction.  NULL if it went well: what it did then stays, or is taken
 * back as well unless `keeps`.  Else the error, in CurrentMemoryContext; one that `catches`
 * (all if it is NULL) does not take passes on.
 */
extern ErrorData *
mls_subtransaction(void (*work)(void *arg), void *arg, bool (*catches)(int sqlstate), bool keeps);

/*
 * A number and what it counts: "1 record", "2 records", "1 record is missing".  PostgreSQL's
 * errmsg_plural() chooses the whole message by one number; here a message may hold several,
 * and be a run's note or a finding.  In SQL the same is mls.counted().
 */
static inline char *
mls_counted(int64 n, const char *one, const char *many)
{
	return psprintf(INT64_FORMAT " %s", n, n == 1 ? one : many);
}

/* ---- Rights and relations (rights.c) ---- */

/* Who was at work before. */
typedef struct MlsRights
{
	Oid user;
	int security;
	int guc_level;
} MlsRights;

typedef enum MlsLayer
{
	MLS_LAYER_FOREIGN,
	MLS_LAYER_BRONZE,
	MLS_LAYER_SILVER,
	MLS_LAYER_GOLD
} MlsLayer;

extern void mls_rights_enter(MlsRights *before, Oid role);
extern void mls_rights_enter_control(MlsRights *before);
extern void mls_rights_leave(const MlsRights *before);
extern bool mls_rights_has_server(Oid role, Oid server_id);
extern void mls_rights_require_server(Oid role, Oid server_id, const char *name);
extern bool mls_role_exists(Oid role);
extern Oid mls_relation_owner(Oid relid);
extern void mls_rights_require_table(Oid role, Oid relid, MlsLayer layer);

/*
 * A role trusts itself, roles it was made a member of, and superusers.  Errors unless the code
 * around a table is of those: of gold in the open transaction; of a table that was found by
 * the name of one to be made, by a setting.
 */
extern bool mls_is_trusted(Oid role, Oid owner);
extern void mls_require_trust(Oid gold, Oid role);
extern void mls_require_own(Oid relid, Oid role, const char *setting);

/* A relation by its name; InvalidOid if it or its schema is not there. */
extern Oid mls_find_relation(const char *schema, const char *name);

/* Its name with the schema, quoted, for SQL and for messages. */
extern char *mls_qualified_name(Oid relid);

/* ---- Processes (process.c) ---- */

/* Starts a background worker of ours ("sync", "source demo"); false if the server has no slot for it. */
extern bool
mls_worker_start(BackgroundWorkerHandle **handle, const char *function, Datum argument,
				 const void *extra, Size extra_size, const char *type, const char *of_what);

/*
 * Errors if a worker of a function waits for a lock of the calling transaction, also through
 * others who wait: it would wait for ever, since that transaction waits for the worker, and no
 * deadlock check sees this.
 */
extern void mls_refuse_own_locks(pid_t worker, const char *what, const char *function);

/*
 * The classes of our advisory locks.  pg_advisory_lock() uses 1 and 2, so no lock of a user
 * can collide.  The view mls_status knows the first.
 */
typedef enum MlsLockClass
{
	MLS_LOCK_SUBSCRIPTION = 19788, /* by its id: who works on it */
	MLS_LOCK_SOURCE = 19789,       /* by the hash of its name: whose pages go one by one */
	MLS_LOCK_HELP = 19790,         /* by a subscription's id: processes that help its run */
	MLS_LOCK_PAGES = 19791,   /* gold's, by two numbers: pages, and who changes what they rely on */
	MLS_LOCK_CHANGES = 19792, /* the one: who writes the change log */
	MLS_LOCK_GEOCODE = 19793, /* by a subscription's id: who finds points for it */
	MLS_LOCK_MEDIA = 19794,   /* by a subscription's id: who fetches its files */
	MLS_LOCK_STORE =
		19795, /* by a hash of its name: files are put, or removed, by one or the other */
	MLS_LOCK_FOLLOW = 19796,  /* by a number: one of the few processes that follow syncs */
	MLS_LOCK_FEED = 19797,    /* by a feed's id: who writes it */
	MLS_LOCK_PUBLISH = 19798, /* by a publication's id: who keeps it in step */
	MLS_LOCK_MART = 19799,    /* by a mart's id: who fills it */
	MLS_LOCK_UPLOAD = 19800,  /* by a server's: who uploads files there */
	MLS_LOCK_WANTED = 19810,  /* by a subscription's id: who waits to sync what was sent for it */
	MLS_LOCK_TEST = 19820     /* by a test suite's id: who runs it */
} MlsLockClass;

/* Waits for a lock, to the end of the transaction; or takes it if it is free. */
extern void mls_lock(MlsLockClass class, int64 id, LOCKMODE mode);
extern bool mls_lock_try(MlsLockClass class, int64 id, LOCKMODE mode, bool session);
/* The same for the session, also through errors, until it is released. */
extern void mls_lock_session(MlsLockClass class, int64 id, LOCKMODE mode);
extern void mls_lock_release(MlsLockClass class, int64 id, LOCKMODE mode, bool session);

#endif /* MLS_BASE_H */
