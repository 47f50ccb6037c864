/*
 * edm.c
 *		The named parts of an EDMX document.
 *
 * Everything is indexed before anything is resolved, because a schema may refer
 * to one that stands after it.  Documents of real sources break the standard in
 * many small ways; those seen so far are read as they were meant, with a finding.
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"

#include "base/name_list.h"
#include "protocol/reso/edm.h"

/* Nobody reads more of them. */
#define MAX_FINDINGS 1000

/* The document's names are shown up to this length. */
#define MAX_SHOWN 100

/* Annotations of one target. */
typedef struct Target
{
	const char *path; /* hash key */
	List *nodes;      /* of MlsXmlNode *: elements with Annotation children */
} Target;

/* What stands before the dot of a name. */
typedef struct Prefix
{
	const char *text; /* hash key */
	bool is_external; /* another document declares the namespace */
	List *namespaces; /* of char *: what it can mean, the namespace of that name first */
} Prefix;

/* ---- names ---- */

static uint32
hash_name(const void *key, Size size)
{
	const char *name = *(const char *const *) key;

	return hash_bytes((const unsigned char *) name, strlen(name));
}

static int
match_name(const void *a, const void *b, Size size)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

HTAB *
mls_edm_names(Size entry_size)
{
	HASHCTL control = {.keysize = sizeof(char *),
					   .entrysize = entry_size,
					   .hash = hash_name,
					   .match = match_name,
					   .hcxt = CurrentMemoryContext};

	return hash_create("mls_fdw names", 64, &control,
					   HASH_ELEM | HASH_FUNCTION | HASH_COMPARE | HASH_CONTEXT);
}

const char *
mls_edm_local_name(const char *qualified)
{
	const char *dot = strrchr(qualified, '.');

	return dot ? dot + 1 : qualified;
}

const char *
mls_edm_show(const char *name)
{
	int length = strlen(name);

	return length <= MAX_SHOWN ? name : pnstrdup(name, pg_mbcliplen(name, length, MAX_SHOWN));
}

bool
mls_edm_flag(const MlsXmlNode *node, const char *attribute, bool by_default)
{
	const char *value = mls_xml_attribute(node, attribute);

	return value ? pg_strcasecmp(value, "true") == 0 : by_default;
}

void
mls_edm_finding(Edm *edm, const char *format, ...)
{
	StringInfoData buf;

	if (list_length(edm->findings) >= MAX_FINDINGS)
		return;
	initStringInfo(&buf);
	for (;;)
	{
		va_list args;
		int needed;

		va_start(args, format);
		needed = appendStringInfoVA(&buf, format, args);
		va_end(args);
		if (needed == 0)
			break;
		enlargeStringInfo(&buf, needed);
	}
	edm->findings = mls_list_once(edm->findings, buf.data);
}

static const Prefix *
find_prefix(const Edm *edm, const char *text)
{
	return hash_search(edm->prefixes, &text, HASH_FIND, NULL);
}

/* Notes a namespace under its own name or under an alias. */
static void
add_prefix(Edm *edm, const char *text, const char *namespace, bool is_external)
{
	bool found;
	Prefix *prefix;

	if (text == NULL || namespace == NULL)
		return;
	prefix = hash_search(edm->prefixes, &text, HASH_ENTER, &found);
	if (!found)
	{
		prefix->namespaces = NIL;
		prefix->is_external = is_external;
	}
	prefix->is_external &= is_external;
	/* An alias may not be the name of another schema, but it happens. */
	if (strcmp(text, namespace) == 0)
		prefix->namespaces = lcons(unconstify(char *, namespace), prefix->namespaces);
	else
		prefix->namespaces = lappend(prefix->namespaces, unconstify(char *, namespace));
}

/*
 * A prefix that means several namespaces means the one that has the name.  One
 * that nobody declares is left alone, but for "self": sources write it for the
 * schema they are in.
 */
const char *
mls_edm_qualify(Edm *edm, const char *schema, const char *name)
{
	const char *local = mls_edm_local_name(name);
	const Prefix *prefix;
	char *text;
	ListCell *lc;

	if (local == name)
		return psprintf("%s.%s", schema, name);
	text = pnstrdup(name, local - name - 1);
	prefix = find_prefix(edm, text);
	foreach (lc, prefix ? prefix->namespaces : NIL)
	{
		const char *qualified = psprintf("%s.%s", (char *) lfirst(lc), local);

		if (mls_edm_type(edm, qualified))
			return qualified;
	}
	if (prefix)
		return psprintf("%s.%s", (char *) linitial(prefix->namespaces), local);
	if (pg_strcasecmp(text, "self") != 0)
		return name;
	mls_edm_finding(edm, "alias \"%s\" is not declared; it is read as the schema it stands in",
					text);
	return psprintf("%s.%s", schema, local);
}

bool
mls_edm_is_external(const Edm *edm, const char *qualified)
{
	const char *local = mls_edm_local_name(qualified);
	const Prefix *prefix;

	if (local == qualified)
		return false;
	prefix = find_prefix(edm, pnstrdup(qualified, local - qualified - 1));
	return prefix && prefix->is_external;
}

EdmType *
mls_edm_type(const Edm *edm, const char *qualified)
{
	return hash_search(edm->types, &qualified, HASH_FIND, NULL);
}

/* ---- annotations ---- */

/* <Annotation String="..."/>, or <Annotation><String>...</String></Annotation>. */
static const char *
annotation_value(const MlsXmlNode *annotation)
{
	const char *value = mls_xml_attribute(annotation, "String");
	const MlsXmlNode *child;

	if (value)
		return value;
	child = mls_xml_child(annotation, "String");
	return child ? child->text : NULL;
}

static List *
collect_annotations(List *values, const MlsXmlNode *node, const char *term)
{
	ListCell *lc;

	foreach (lc, node->children)
	{
		const MlsXmlNode *child = lfirst(lc);
		const char *name = mls_xml_attribute(child, "Term");
		const char *value;

		if (name == NULL || strcmp(child->name, "Annotation") != 0 ||
			strcmp(mls_edm_local_name(name), term) != 0)
			continue;
		value = annotation_value(child);
		if (value && *value)
			values = lappend(values, (char *) value);
	}
	return values;
}

List *
mls_edm_annotations(const Edm *edm, const MlsXmlNode *node, const char *target, const char *term)
{
	List *values = collect_annotations(NIL, node, term);
	const Target *entry = hash_search(edm->targets, &target, HASH_FIND, NULL);
	ListCell *lc;

	if (entry)
		foreach (lc, entry->nodes)
			values = collect_annotations(values, lfirst(lc), term);
	return values;
}

const char *
mls_edm_annotation(const Edm *edm, const MlsXmlNode *node, const char *target, const char *term)
{
	List *values = mls_edm_annotations(edm, node, target, term);

	return values ? linitial(values) : NULL;
}

/* ---- indexing ---- */

static void
add_target(Edm *edm, const char *schema, const MlsXmlNode *node)
{
	const char *path = mls_xml_attribute(node, "Target");
	const char *slash = path ? strchr(path, '/') : NULL;
	const char *type;
	Target *entry;
	bool found;

	if (path == NULL)
		return;
	type = slash ? pnstrdup(path, slash - path) : path;
	path = psprintf("%s%s", mls_edm_qualify(edm, schema, type), slash ? slash : "");
	entry = hash_search(edm->targets, &path, HASH_ENTER, &found);
	if (!found)
		entry->nodes = NIL;
	entry->nodes = lappend(entry->nodes, (void *) node);
}

static void
add_type(Edm *edm, const char *schema, const MlsXmlNode *node, EdmKind kind)
{
	const char *local = mls_xml_attribute(node, "Name");
	const char *name;
	EdmType *type;
	bool found;

	if (local == NULL || *local == '\0')
	{
		mls_edm_finding(edm, "a type without a name is left out");
		return;
	}
	name = psprintf("%s.%s", schema, local);
	type = hash_search(edm->types, &name, HASH_ENTER, &found);
	if (found)
	{
		mls_edm_finding(edm, "type \"%s\" is declared twice; the first declaration is read",
						mls_edm_show(name));
		return;
	}
	memset((char *) type + sizeof(name), 0, sizeof(EdmType) - sizeof(name));
	type->kind = kind;
	type->local_name = local;
	type->schema = schema;
	type->node = node;
	if (kind == EDM_ENTITY)
		edm->entity_types = lappend(edm->entity_types, type);
}

static void
add_container(Edm *edm, const char *schema, const MlsXmlNode *node)
{
	const char *name = mls_xml_attribute(node, "Name");
	EdmContainer *container = palloc0(sizeof(EdmContainer));

	container->name = psprintf("%s.%s", schema, name ? name : "");
	container->schema = schema;
	container->node = node;
	edm->containers = lappend(edm->containers, container);
}

/* Text among elements that only hold elements: the document was spoilt by something. */
static void
check_no_text(const MlsXmlNode *node, const char *subject)
{
	const char *text = node->text + strspn(node->text, " \t\r\n");
	int length = strcspn(text, "\t\r\n");

	if (*text)
		ereport(ERROR, (errcode(ERRCODE_FDW_REPLY_HANDLE),
						errmsg("%s is not a valid EDMX document", subject),
						errdetail("There is text between the elements in \"%s\": \"%s\".",
								  mls_edm_show(node->name), mls_edm_show(pnstrdup(text, length)))));
}

static void
index_schema(Edm *edm, const MlsXmlNode *node)
{
	static const char *const names[] = {
		[EDM_ENTITY] = "EntityType",
		[EDM_COMPLEX] = "ComplexType",
		[EDM_ENUM] = "EnumType",
		[EDM_DEFINITION] = "TypeDefinition",
	};
	const char *schema = mls_xml_attribute(node, "Namespace");
	ListCell *lc;

	check_no_text(node, edm->subject);
	schema = schema ? schema : "";
	foreach (lc, node->children)
	{
		const MlsXmlNode *child = lfirst(lc);

		for (int kind = 0; kind < lengthof(names); kind++)
			if (strcmp(child->name, names[kind]) == 0)
				add_type(edm, schema, child, kind);
		if (strcmp(child->name, "EntityContainer") == 0)
			add_container(edm, schema, child);
	}
}

/* Targets are types by any name, so that the types of all schemas must be known. */
static void
index_targets(Edm *edm, const MlsXmlNode *node)
{
	const char *schema = mls_xml_attribute(node, "Namespace");
	ListCell *lc;

	foreach (lc, node->children)
		if (strcmp(((MlsXmlNode *) lfirst(lc))->name, "Annotations") == 0)
			add_target(edm, schema ? schema : "", lfirst(lc));
}

/* Namespaces and aliases of the document's schemas, and of those it refers to. */
static void
index_namespaces(Edm *edm, const MlsXmlNode *parent, const char *element, bool is_external)
{
	ListCell *lc;

	foreach (lc, parent->children)
	{
		const MlsXmlNode *node = lfirst(lc);
		const char *namespace = mls_xml_attribute(node, "Namespace");

		if (strcmp(node->name, element) != 0)
			continue;
		add_prefix(edm, namespace, namespace, is_external);
		add_prefix(edm, mls_xml_attribute(node, "Alias"), namespace, is_external);
	}
}

static void
check_root(const MlsXmlNode *root, const char *subject)
{
	if (strcmp(root->name, "Edmx") == 0 && mls_xml_child(root, "DataServices"))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_FDW_REPLY_HANDLE), errmsg("%s is not an EDMX document", subject),
			 strcmp(root->name, "Edmx") == 0
				 ? errdetail("It has no element \"DataServices\".")
				 : errdetail("Its outermost element is \"%s\", not \"Edmx\".",
							 mls_edm_show(root->name))));
}

Edm *
mls_edm_read(const MlsXmlNode *root, const char *subject)
{
	Edm *edm = palloc0(sizeof(Edm));
	const MlsXmlNode *services;
	ListCell *lc;

	check_root(root, subject);
	check_no_text(root, subject);
	services = mls_xml_child(root, "DataServices");
	check_no_text(services, subject);
	edm->subject = subject;
	edm->types = mls_edm_names(sizeof(EdmType));
	edm->targets = mls_edm_names(sizeof(Target));
	edm->prefixes = mls_edm_names(sizeof(Prefix));
	index_namespaces(edm, services, "Schema", false);
	foreach (lc, root->children)
		index_namespaces(edm, lfirst(lc), "Include", true);
	foreach (lc, services->children)
		if (strcmp(((MlsXmlNode *) lfirst(lc))->name, "Schema") == 0)
			index_schema(edm, lfirst(lc));
	foreach (lc, services->children)
		if (strcmp(((MlsXmlNode *) lfirst(lc))->name, "Schema") == 0)
			index_targets(edm, lfirst(lc));
	return edm;
}
