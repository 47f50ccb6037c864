/*
 * edm.h
 *		The entity data model of a document: its named parts, found by name.
 *
 * A model points into the XML tree it was made from and lives in the same
 * memory context.
 */
#ifndef MLS_RESO_EDM_H
#define MLS_RESO_EDM_H

#include "postgres.h"

#include "nodes/pg_list.h"
#include "utils/hsearch.h"

#include "xml/xml.h"

typedef enum EdmKind
{
	EDM_ENTITY,
	EDM_COMPLEX,
	EDM_ENUM,
	EDM_DEFINITION /* another name for a primitive type */
} EdmKind;

typedef struct EdmType
{
	const char *name; /* with its namespace; the hash key */
	EdmKind kind;
	const char *local_name;
	const char *schema; /* namespace it stands in */
	const MlsXmlNode *node;
	bool has_set; /* entity types: some entity set is of this type */
	bool is_read; /* enumerations: members are */
	List *members;
} EdmType;

typedef struct Edm
{
	const char *subject; /* the document, for messages */
	HTAB *types;         /* of EdmType */
	HTAB *targets;       /* annotations that stand apart from what they annotate */
	HTAB *prefixes;      /* declared namespaces and aliases */
	List *entity_types;  /* of EdmType *, in the document's order */
	List *containers;    /* of EdmContainer * */
	List *findings;      /* of char * */
	List *left_out;      /* of MlsLeftOut * */
} Edm;

typedef struct EdmContainer
{
	const char *name;   /* with its namespace */
	const char *schema; /* namespace it stands in */
	const MlsXmlNode *node;
} EdmContainer;

extern Edm *mls_edm_read(const MlsXmlNode *root, const char *subject);

/* Name with its namespace instead of an alias, as seen from a schema. */
extern const char *mls_edm_qualify(Edm *edm, const char *schema, const char *name);

/* Is a name of a namespace that another document declares? */
extern bool mls_edm_is_external(const Edm *edm, const char *qualified);

/* Type by qualified name, or NULL. */
extern EdmType *mls_edm_type(const Edm *edm, const char *qualified);

/*
 * Value of an element's first annotation whose term ends in `term` ("Description"),
 * or NULL.  target is the element's path ("Ns.Type/Property").
 */
extern const char *
mls_edm_annotation(const Edm *edm, const MlsXmlNode *node, const char *target, const char *term);

/* All of them: List of char *. */
extern List *
mls_edm_annotations(const Edm *edm, const MlsXmlNode *node, const char *target, const char *term);

/* Local part of a qualified name. */
extern const char *mls_edm_local_name(const char *qualified);

/* A value of "true"; anything else, or no attribute, is the default. */
extern bool mls_edm_flag(const MlsXmlNode *node, const char *attribute, bool by_default);

/* Notes what the document has wrong and how it was read; each text once. */
extern void mls_edm_finding(Edm *edm, const char *format, ...) pg_attribute_printf(2, 3);

/* A name of the document's, cut to what a message can bear. */
extern const char *mls_edm_show(const char *name);

/* A hash table with names (const char *) as keys, which are the entries' first member. */
extern HTAB *mls_edm_names(Size entry_size);

#endif /* MLS_RESO_EDM_H */
