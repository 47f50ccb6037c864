/*
 * transition.c
 *		Relations that C fills and SQL reads, in the way triggers see their
 *		transition tables.
 */
#include "postgres.h"

#include "utils/queryenvironment.h"

#include "step/sql.h"

/* A page of 1,000 records of 9 kB fits in; more goes to a temporary file. */
#define STORE_KILOBYTES (32 * 1024)

/* What the planner is told; plans are kept, so it cannot be the true number. */
#define USUAL_ROWS 1000

/* Empties a relation and makes it known to the statements of this SPI connection, with which it ends. */
void
mls_relay_open(MlsRelay *relay)
{
	EphemeralNamedRelation enr = palloc0(sizeof(EphemeralNamedRelationData));

	relay->store = tuplestore_begin_heap(false, false, STORE_KILOBYTES);
	relay->rows = 0;
	enr->md.name = pstrdup(relay->name);
	enr->md.reliddesc = InvalidOid;
	enr->md.tupdesc = relay->desc;
	enr->md.enrtype = ENR_NAMED_TUPLESTORE;
	enr->md.enrtuples = USUAL_ROWS;
	enr->reldata = relay->store;
	if (SPI_register_relation(enr) != SPI_OK_REL_REGISTER)
		elog(ERROR, "could not register relation \"%s\"", relay->name);
}

void
mls_relay_put(MlsRelay *relay, Datum *values, bool *isnull)
{
	tuplestore_putvalues(relay->store, relay->desc, values, isnull);
	relay->rows++;
}

/* Forgets a relation before its SPI connection ends. */
void
mls_relay_close(MlsRelay *relay)
{
	SPI_unregister_relation(relay->name);
	tuplestore_end(relay->store);
	relay->store = NULL;
}
