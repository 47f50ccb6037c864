/*
 * schemas.h
 *		The schemas of the layers: their names are settings.
 */
#ifndef MLS_SCHEMAS_H
#define MLS_SCHEMAS_H

#include "postgres.h"

extern void mls_schemas_define_settings(void);

extern const char *mls_schema_bronze(void);
extern const char *mls_schema_silver(void);
extern const char *mls_schema_gold(void);
extern const char *mls_schema_reso(void);

/*
 * Makes a schema if it is missing, as the current role, with SPI connected.  A
 * role without CREATE on the database may use one that exists.  Returns its OID.
 */
extern Oid mls_schema_ensure(const char *name);

#endif /* MLS_SCHEMAS_H */
