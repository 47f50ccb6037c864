/*
 * mls_fdw.c
 *		Module entry: the magic block and the settings.
 *
 * Nothing is initialised here that would be inherited by child processes when
 * the library is preloaded; each room sets itself up at first use.
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/guc.h"

#include "base/folder.h"
#include "gold/gold.h"
#include "http/http.h"
#include "media/store.h"
#include "protocol/dataset/dataset.h"
#include "publish/publish.h"
#include "run/run.h"

PG_MODULE_MAGIC;

void _PG_init(void);

void
_PG_init(void)
{
	mls_http_define_settings();
	mls_gold_define_settings();
	mls_sync_define_settings();
	mls_folder_define_settings();
	mls_dataset_define_settings();
	mls_store_define_settings();
	mls_publish_define();
	MarkGUCPrefixReserved("mls_fdw");
}
