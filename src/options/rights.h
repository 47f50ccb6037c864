/*
 * rights.h
 *		In whose rights SQL runs, and whose a table is.
 */
#ifndef MLS_RIGHTS_H
#define MLS_RIGHTS_H

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
extern void mls_rights_require_server(Oid role, Oid server_id, const char *name);
extern Oid mls_relation_owner(Oid relid);
extern bool mls_rights_owns(Oid role, Oid relid);
extern void mls_rights_require_table(Oid role, Oid relid, MlsLayer layer);

#endif /* MLS_RIGHTS_H */
