/*
 * fuzz_url.c
 *		A fuzz target: addresses, and names of files at them.
 *
 * An input has lines: a source's address, a link, a path, a value.  Whatever they are,
 * what is asked stays with the source, and the value of a secret is never shown.
 */
#include "postgres.h"

#include "mb/pg_wchar.h"

#include "http/http.h"
#include "http/transport.h"
#include "protocol/dataset/dataset_place.h"

#include "fuzz.h"

#define SECRET "hush-hush"
#define OTHER_SECRET "mumbled"

typedef struct Input
{
	const uint8 *bytes;
	Size length;
} Input;

/* The next line, as a text; what is behind a NUL in it is not seen. */
static char *
next_line(Input *input)
{
	const char *start = (const char *) input->bytes;
	const char *end = memchr(start, '\n', input->length);
	Size length = end ? end - start : input->length;

	input->bytes += length + (end != NULL);
	input->length -= length + (end != NULL);
	return pnstrdup(start, length);
}

static void
check_origin(const char *base, const char *url)
{
	MlsUrl a;
	MlsUrl b;

	require(mls_url_split(base, &a) && mls_url_split(url, &b));
	require(mls_url_same_origin(&a, &b) && !b.has_user);
}

static char *
built(const MlsHttpSource *source, const char *path, const char *value, const char *secret)
{
	MlsUrlParam filter = {"$filter", value};
	MlsUrlParam token = {"access_token", secret};

	return mls_url_build(source->url, path, list_make2(&filter, &token));
}

/*
 * What was built of a source's address leads to the source; and what is secret is not shown:
 * with another secret the same is.
 */
static void
check_built(const MlsHttpSource *source, const char *path, const char *value)
{
	char *url = built(source, path, value, SECRET);
	char *other = built(source, path, value, OTHER_SECRET);

	check_origin(source->url, url);
	require(strcmp(url, other) != 0);
	require(strcmp(mls_url_display(url), mls_url_display(other)) == 0);
	require(strcmp(mls_url_relative(source, url), mls_url_relative(source, other)) == 0);
	require(strcmp(mls_url_readable(source, url), mls_url_readable(source, other)) == 0);
	require(mls_url_same_host(source->url, url));
	require(strpbrk(url, " \r\n") == NULL);
}

/* Whatever names a file, the name is one, and leads nowhere. */
static void
check_name(const char *address, const char *told)
{
	char *name = mls_dataset_name_told(address, psprintf("attachment; %s", told));

	require(strpbrk(name, "/\\\r\n") == NULL && *name != '.' && *name != '~' && *name != ' ');
	require(strlen(name) <= DATASET_LONGEST_NAME);
	require(pg_encoding_verifymbstr(PG_UTF8, name, strlen(name)) == strlen(name));
}

static void
run(void *arg)
{
	Input input = *(Input *) arg;
	char *base = next_line(&input);
	char *link = next_line(&input);
	char *path = next_line(&input);
	char *value = next_line(&input);
	MlsHttpSource source = {.server_id = 1, .name = "test", .url = base};
	MlsUrlParam param = {"name", value};

	(void) mls_url_display(link);
	(void) mls_url_problem(link);
	check_name(link, value);
	require(strpbrk(mls_url_form(list_make1(&param)), " \r\n") == NULL);
	if (mls_url_problem(base) != NULL)
		return;
	check_built(&source, path, value);
	/* An error, unless it stays with the source. */
	check_origin(base, mls_url_resolve(&source, base, link));
}

void
fuzz_url(const uint8 *bytes, Size length)
{
	Input input = {.bytes = bytes, .length = length};

	(void) fuzz_run(run, &input);
}
