/*
 * handler.c
 *		The foreign data wrapper as PostgreSQL sees it: the table of callbacks.
 *
 * There are no callbacks for changes, so core refuses INSERT, UPDATE and DELETE;
 * none for parallel or asynchronous scans, since every process would have to log
 * in again.
 */
#include "postgres.h"

#include "fmgr.h"

#include "fdw/fdw.h"

PG_FUNCTION_INFO_V1(mls_fdw_handler);

Datum
mls_fdw_handler(PG_FUNCTION_ARGS)
{
	FdwRoutine *routine = makeNode(FdwRoutine);

	routine->GetForeignRelSize = mlsGetForeignRelSize;
	routine->GetForeignPaths = mlsGetForeignPaths;
	routine->GetForeignPlan = mlsGetForeignPlan;
	routine->GetForeignUpperPaths = mlsGetForeignUpperPaths;
	routine->BeginForeignScan = mlsBeginForeignScan;
	routine->IterateForeignScan = mlsIterateForeignScan;
	routine->ReScanForeignScan = mlsReScanForeignScan;
	routine->EndForeignScan = mlsEndForeignScan;
	routine->ExplainForeignScan = mlsExplainForeignScan;
	routine->AnalyzeForeignTable = mlsAnalyzeForeignTable;
	routine->ImportForeignSchema = mlsImportForeignSchema;
	PG_RETURN_POINTER(routine);
}
