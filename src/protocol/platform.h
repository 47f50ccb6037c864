/*
 * platform.h
 *		What differs between platforms: rows of constants, which server options override.
 */
#ifndef MLS_PROTOCOL_PLATFORM_H
#define MLS_PROTOCOL_PLATFORM_H

#include "postgres.h"

#include "http/source.h"

typedef enum MlsOrdering
{
	MLS_ORDER_ANY,       /* $orderby on plain columns, key included */
	MLS_ORDER_TIMESTAMP, /* no $orderby; always by modification time */
	MLS_ORDER_NONE       /* no order promised */
} MlsOrdering;

/* How records are written, where a source can do it in several ways. */
typedef enum MlsFormat
{
	MLS_FORMAT_COMPACT,         /* rows with codes */
	MLS_FORMAT_COMPACT_DECODED, /* rows with what the codes mean */
	MLS_FORMAT_XML              /* nested elements */
} MlsFormat;

/* What columns of lookups hold, where a source sends codes. */
typedef enum MlsLookups
{
	MLS_LOOKUPS_DECODED, /* what the codes mean */
	MLS_LOOKUPS_CODED    /* the codes */
} MlsLookups;

/* How the rest of an answer is had that was too long. */
typedef enum MlsPaging
{
	MLS_PAGING_PROBE,  /* by position, checked; by keys where that fails */
	MLS_PAGING_OFFSET, /* by position only */
	MLS_PAGING_KEYS    /* by keys: behind the last one, or all listed first and then asked for */
} MlsPaging;

typedef struct MlsPlatform
{
	const char *name;
	const char *token_url; /* default, or NULL */
	MlsTokenStyle token_style;
	const char *scope;
	const char *key_parameter; /* of addresses, for api_key; NULL: it goes into a header */

	/* paging */
	int page_size;                /* records asked for per page in scans and syncs */
	int key_page_size;            /* when only key and timestamp are selected */
	int expand_page_size;         /* with $expand */
	bool prefer;                  /* page size by Prefer: odata.maxpagesize, else by $top */
	const char *replication_path; /* appended to the resource for whole-set reads, or NULL */
	MlsOrdering ordering;

	/* filter language */
	bool or_allowed;
	bool in_allowed;
	bool parentheses_allowed;
	int max_or;          /* at most so many `or` per request; 0 no limit */
	int url_length;      /* longest address */
	bool enum_qualified; /* enumeration literals as Namespace.Type'Value' */
	bool any_allowed;    /* collections by any(); else has for flags only */

	/* what is faithful enough to push (design, section 6) */
	bool null_tests;
	bool not_equal;
	bool negation;
	bool text_exact;      /* string eq and contains compare byte for byte */
	bool text_match;      /* contains, startswith, endswith exist */
	int timestamp_digits; /* fraction digits the server shows and accepts */
	bool count_exact;     /* $count counts exactly */

	/* replication */
	const char *timestamp;       /* usual name of the modification timestamp */
	const char *required_filter; /* e.g. MLS Grid's OriginatingSystemName, %s by option; or NULL */
	const char *deletion_flag;   /* boolean field that is false on removed records, or NULL */
	int overlap_s;               /* how far back a sync starts */

	/* sources with sessions */
	const char *version;     /* of the protocol, as announced */
	bool standard_names;     /* ask by standard names */
	MlsFormat format;        /* of records */
	MlsLookups lookups;      /* what their columns hold */
	MlsPaging paging;        /* how the rest of a long answer is had */
	const char *all_query;   /* met by all records, {key} and {timestamp} are fields; or NULL */
	int key_batch;           /* keys per request */
	bool timestamp_alone;    /* a timestamp stands for "from then on", without more */
	int object_limit;        /* most files of one answer */
	const char *object_type; /* of the photos of records */
	bool object_commas;      /* numbers of files stand between commas, not colons */
	int expand_limit;        /* most records in an expanded collection; 0 none known */

	MlsRates rates;

	/* files of records */
	const char
		*media_timestamp; /* field that moves when the bytes of a file do, and with nothing else */
	int media_size;       /* of the protocol's media_sizes; 0: files as they are */
	MlsRates media_rates; /* of the hosts of files, where they are no part of `rates` */
	bool media_counts;    /* files are a part of `rates` */
	bool media_token_agent;  /* their hosts want the token as User-Agent */
	const char *media_hosts; /* these hosts alone get it, beside the source's own */
} MlsPlatform;

#endif /* MLS_PROTOCOL_PLATFORM_H */
