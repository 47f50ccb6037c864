/*
 * field.h
 *		Properties of entity types as fields.
 */
#ifndef MLS_RESO_FIELD_H
#define MLS_RESO_FIELD_H

#include "postgres.h"

#include "protocol/protocol.h"
#include "protocol/reso/edm.h"

/* A Property of a type; resource is named in findings. */
extern MlsRemoteField *
mls_reso_read_field(Edm *edm, const EdmType *type, const MlsXmlNode *node, const char *resource);

/* The type inside Collection(...), or the type itself. */
extern const char *mls_reso_item_type(const char *declared, bool *is_collection);

#endif /* MLS_RESO_FIELD_H */
