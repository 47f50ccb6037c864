/*
 * store_name.c
 *		Names of files in stores: <aa>/<sha256>.<extension>; and of documents.
 */
#include "postgres.h"

#include "media/store.h"

#define HEX "0123456789abcdef"
#define EXTENSION HEX "ghijklmnopqrstuvwxyz"

char *
mls_store_name(const uint8 *sha256, const char *extension)
{
	char *hex = mls_hex(sha256, MLS_SHA256_BYTES);
	char *name = psprintf("%.2s/%s.%s", hex, hex, extension);

	if (!mls_store_is_name(name))
		elog(ERROR, "\"%s\" is no extension of a file", extension);
	return name;
}

bool
mls_store_is_name(const char *name)
{
	int digits = 2 * MLS_SHA256_BYTES;
	int length;

	if (strspn(name, HEX) != 2 || name[2] != '/' || strncmp(name, name + 3, 2) != 0 ||
		strspn(name + 3, HEX) != digits || name[3 + digits] != '.')
		return false;
	name += 3 + digits + 1;
	length = strspn(name, EXTENSION);
	return length >= 1 && length <= MLS_STORE_EXTENSION && name[length] == '\0';
}

#define DOCUMENT_PARTS 4

bool
mls_store_is_document(const char *name)
{
	int parts = 1;

	if (strlen(name) > MLS_STORE_LONGEST_DOCUMENT)
		return false;
	/* These folders are the files'. */
	if (strspn(name, HEX "ABCDEF") == 2 && name[2] == '/')
		return false;
	for (;;)
	{
		int length = strspn(name, EXTENSION "ABCDEFGHIJKLMNOPQRSTUVWXYZ-_.");

		if (length == 0 || strchr("-_.", name[0]) != NULL)
			return false;
		name += length;
		if (*name == '\0')
			return true;
		if (*name++ != '/' || ++parts > DOCUMENT_PARTS)
			return false;
	}
}
