/*
 * rets_answer.h
 *		Answers of RETS as they are read: reply codes, records, objects.
 *
 * An answer can only be judged at its end: servers send rows first and learn of
 * an error later (RETS-STATUS).  The reader takes bytes as they come, gives
 * records as soon as they are whole, and says only at the end whether the answer
 * was one.
 */
#ifndef MLS_RETS_ANSWER_H
#define MLS_RETS_ANSWER_H

#include "postgres.h"

#include "nodes/pg_list.h"

#include "protocol/protocol.h"
#include "xml/xml.h"

/* ---- rets_reply.c: reply codes ---- */

typedef enum RetsReplyClass
{
	RETS_REPLY_OK,          /* what came is valid */
	RETS_REPLY_TRUNCATED,   /* valid, and there is more: page on; never without a record */
	RETS_REPLY_EMPTY,       /* no rows, objects or metadata; no error */
	RETS_REPLY_LATER,       /* fails at the moment: wait and repeat */
	RETS_REPLY_BUSY,        /* too many sessions or requests of this user: wait, then repeat */
	RETS_REPLY_SESSION,     /* the session is lost: log in once more, repeat once */
	RETS_REPLY_SMALLER,     /* asked for too much at once: split the request */
	RETS_REPLY_CREDENTIALS, /* the account, its password or its user agent */
	RETS_REPLY_DENIED,      /* this login may not */
	RETS_REPLY_REQUEST,     /* query, field, class or resource is wrong */
	RETS_REPLY_UNSUPPORTED, /* the server cannot do this, or not in this form */
	RETS_REPLY_FATAL        /* any other error, and every code that is not known */
} RetsReplyClass;

/* Class of a reply code outside of a login; at_login: of the same code as answer to one. */
extern RetsReplyClass mls_rets_reply_class(int code, bool at_login);

/* Is a class an error?  Only OK, TRUNCATED and EMPTY are none. */
extern bool mls_rets_is_error(RetsReplyClass class);

/* Does a reply code say that a query could not be understood? */
extern bool mls_rets_is_syntax(int code);

/* May the same request succeed later (LATER, BUSY, SESSION)? */
extern bool mls_rets_is_temporary(RetsReplyClass class);

/* ---- rets_answer.c ---- */

typedef enum RetsFormat
{
	RETS_COMPACT, /* COMPACT and COMPACT-DECODED; also login and logout */
	RETS_STANDARD_XML,
	RETS_METADATA /* of either format: only the reply is read, the rest is handed on */
} RetsFormat;

typedef struct RetsAnswer
{
	bool started;            /* the element RETS was read */
	int code;                /* its ReplyCode */
	const char *text;        /* its ReplyText, or what stands in the element */
	int status_code;         /* ReplyCode of a RETS-STATUS, or -1: none */
	const char *status_text; /* its ReplyText */
	int64 count;             /* Records of COUNT, or -1 */
	char delimiter;
	int ncolumns;         /* 0 until COLUMNS was read */
	const char **columns; /* as COLUMNS names them, or as asked for */
	List *missing;        /* of char *: fields asked for that have no column */
	bool maxrows;         /* MAXROWS was read: more rows exist than were sent */
	bool ended;           /* </RETS> was read */
	int64 records;        /* read, given out or not */
	int64 bytes;          /* fed */
	MlsXmlRepairs repairs;
	int64 short_rows; /* rows without their last values, which are null */
	int64 open_rows;  /* rows that end with the delimiter before an empty last value */
	int64 long_rows;  /* rows with more values than columns, all of these empty */
	const char *body; /* text of RETS-RESPONSE, or of RETS itself: login and logout lines */
} RetsAnswer;

/* A DATA row that has more values than there are columns: which is which cannot be known. */
typedef struct RetsBadRow
{
	int64 number; /* from 1, within the answer */
	int nvalues;
	int ncolumns;
	const char *text; /* as received, decoded; not terminated */
	int length;
} RetsBadRow;

typedef struct RetsReaderOptions
{
	RetsFormat format;
	const char *purpose; /* for messages: "page 3 of resource \"Property:RES\"" */
	const char *source;  /* for messages: name of the source */
	const char *charset; /* of the Content-Type header, or NULL */

	/*
	 * STANDARD-XML: names of elements that may repeat ("Room", or "Rooms/Room" where
	 * a name is used otherwise too), NULL-terminated.  They are arrays even when one
	 * came; any other is an array only when several came.
	 */
	const char *const *repeated;

	/*
	 * COMPACT: the fields that were asked for (List of char *).  A column whose name differs
	 * from one of them by case alone is that one; those without a column are in answer->missing.
	 */
	List *fields;

	/* Text that stands where a value is withheld; such values are null.  Or NULL. */
	const char *restricted;

	/*
	 * Meaning of a coded value as JSON, or NULL: goes beside the value into the record,
	 * as "<column>@decoded".  column is its place in answer->columns.  Asked about no
	 * value (NULL), it says whether the column has meanings.
	 */
	const char *(*decode)(void *arg, const RetsAnswer *answer, int column, const char *value,
						  int length);
	void *decode_arg;

	/* RETS_METADATA: is handed the events of what is in the answer; or NULL. */
	void (*take)(void *arg, const MlsXmlEvent *event);
	void *take_arg;

	/* Called for a bad row, which is left out; with NULL such a row is an error. */
	void (*bad_row)(void *arg, const RetsBadRow *row);
	void *bad_row_arg;
} RetsReaderOptions;

typedef struct RetsReader RetsReader;

/*
 * A reader of one answer, in CurrentMemoryContext, with all it holds.  The options
 * are copied, what they point to is not.
 */
extern RetsReader *mls_rets_reader(const RetsReaderOptions *options);

/* What is known of the answer so far; final after mls_rets_finish. */
extern const RetsAnswer *mls_rets_answer(const RetsReader *reader);

/*
 * Takes the next bytes, of any number, and reads them as far as they go.  The bytes
 * are not needed afterwards; what is held is the records not yet given out, so that
 * pieces of some hundred kilobytes keep the memory small.  What cannot be read is an error
 * (ERRCODE_FDW_REPLY_HANDLE) that names purpose and source.
 */
extern void mls_rets_feed(RetsReader *reader, const char *bytes, Size length);

/*
 * The records that are whole, as a page in CurrentMemoryContext, and forgets them;
 * NULL if there are fewer than `least` (0 counts as 1) - ask again after feeding
 * more, and with 1 after mls_rets_finish.  page->values is NIL.
 *
 * Records are JSON objects whose values are strings as received, `null` where
 * nothing was sent; their slices are those of JSON (MLS_STRING, MLS_NULL,
 * MLS_OBJECT, MLS_ARRAY), so that what bronze keeps reads back as the same row.
 * Attributes of nested elements are members "@name", text beside them "#text".
 */
extern MlsPage *mls_rets_page(RetsReader *reader, int least);

/*
 * Says that no more bytes come.  An answer without its end tag is an error, so is
 * one that is no RETS answer.  The reply code is the caller's to judge:
 * mls_rets_outcome.
 */
extern void mls_rets_finish(RetsReader *reader);

/* Frees a reader and what it holds, before its context would. */
extern void mls_rets_reader_free(RetsReader *reader);

/* ---- rets_reply.c: what an answer says of itself ---- */

/* The reply that counts, RETS-STATUS before RETS; text is never NULL. */
typedef struct RetsOutcome
{
	RetsReplyClass class;
	int code;         /* of the reply; one of HTTP (they are smaller) where there was none */
	const char *text; /* as sent, or what the code means */
} RetsOutcome;

extern RetsOutcome mls_rets_outcome(const RetsAnswer *answer, bool at_login);

/* Is a body no RETS answer but a web page (a login form, a proxy's message)? */
extern bool mls_rets_is_html(const char *body, Size length);

/* A line `Key=Value` of a login or logout answer; spaces trimmed, `Info=KEY;Type;Value` resolved. */
typedef struct RetsPair
{
	const char *key;
	const char *value;
} RetsPair;

/* The lines of answer->body (List of RetsPair *), in their order. */
extern List *mls_rets_pairs(const char *body);

/* ---- rets_objects.c ---- */

/* One object of a GetObject answer, or the error in its place. */
typedef struct RetsObject
{
	const char *content_id;   /* key of the record; "" if not said */
	const char *object_id;    /* number, or "*" */
	const char *content_type; /* lower case, without parameters; "" if not said */
	const char *description;  /* or NULL */
	const char *location;     /* or NULL */
	bool preferred;
	int code; /* reply code of a RETS body, or 0 */
	const char *text;
	const char *bytes; /* points into the body */
	Size length;
	bool cut; /* the answer ends within it */
} RetsObject;

/*
 * The objects of an answer (List of RetsObject *), single and multipart alike.
 * An answer that is an error as a whole is one object with its code.  headers (List of
 * char *, "name: value") are those of a single object.
 */
extern List *mls_rets_split_objects(const char *content_type, List *headers, const char *body,
									Size length, const char *purpose, const char *source);

#endif /* MLS_RETS_ANSWER_H */
