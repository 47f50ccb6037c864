/*
 * source.h
 *		Where and how to connect: a source as the transport sees it.
 */
#ifndef MLS_HTTP_SOURCE_H
#define MLS_HTTP_SOURCE_H

#include "postgres.h"

/* User-Agent, unless the option user_agent says otherwise; RETS wants a product and its version. */
#define MLS_HTTP_USER_AGENT "mls_fdw/0.1"

typedef enum MlsAuth
{
	MLS_AUTH_NONE,
	MLS_AUTH_OAUTH2,    /* client credentials: client_id, client_secret */
	MLS_AUTH_BEARER,    /* a fixed token */
	MLS_AUTH_BASIC,     /* username, password */
	MLS_AUTH_HEADER,    /* a header of the source's own: api_key; perhaps with api_user */
	MLS_AUTH_CHALLENGE, /* username, password, as the source asks: Digest, else Basic */
	MLS_AUTH_PASSWORD,  /* username, password, exchanged for a token */
	MLS_AUTH_QUERY,     /* a parameter of the address: api_key */
	MLS_AUTH_SIGNATURE  /* access_key, secret_key: each request is signed as S3 wants it */
} MlsAuth;

/* How client credentials travel to the token endpoint. */
typedef enum MlsTokenStyle
{
	MLS_TOKEN_FORM,  /* as form fields */
	MLS_TOKEN_BASIC, /* as HTTP Basic */
	MLS_TOKEN_JSON   /* user name and password as a JSON object */
} MlsTokenStyle;

/* What the source allows; 0 means no limit. */
typedef struct MlsRates
{
	double per_second;
	int per_minute;
	int per_hour;
	int per_day;
	int64 bytes_per_hour;
} MlsRates;

/* Most bytes of a quota's name, the end included; it is a part of a file's name. */
#define MLS_QUOTA_NAME 64

/*
 * Where and how to connect.  Filled by the options room; has no function that
 * prints it, because it holds secrets.
 */
typedef struct MlsHttpSource
{
	Oid server_id; /* the source */
	/* Identifies its quota: its own, or that of a group of its owner's servers. */
	const char *quota;
	bool quota_shared; /* a group's */
	Oid mapping_id;    /* user mapping; identifies its token */
	const char *name;  /* of the source, for messages */
	const char *url;   /* service root, https://host[:port]/path */
	MlsAuth auth;
	MlsTokenStyle token_style;
	const char *token_url;
	const char *token_platform; /* whose token_url it is, if that is not where url is; else NULL */
	const char *scope;
	const char *client_id;
	const char *client_secret;
	const char *token;
	const char *username;
	const char *password;
	const char *ua_password; /* of the user agent, for sources that ask for one */
	const char *header_name; /* MLS_AUTH_HEADER, e.g. X-Api-Key */
	const char *header_value;
	const char *key_parameter; /* MLS_AUTH_QUERY: the name of the parameter that has header_value */
	const char *api_user;      /* MLS_AUTH_HEADER: in X-Api-User beside it, or NULL */
	const char *access_key;    /* MLS_AUTH_SIGNATURE */
	const char *secret_key;    /* likewise */
	const char *session_token; /* likewise, of temporary credentials; or NULL */
	const char *region;        /* likewise: which one requests are signed for */
	const char *user_agent;
	bool sessions;       /* it keeps sessions: cookies are sent back */
	int max_sessions;    /* it allows so many at a time; 0 for any number */
	const char *ca_file; /* NULL: the system's */
	const char *proxy;   /* NULL: none; the environment is not asked */
	int connect_timeout_ms;
	int timeout_ms;             /* no byte for so long ends a request */
	int64 min_bytes_per_second; /* less, in the mean of timeout_ms, ends it too; 0 for no limit */
	int deadline_ms;            /* for an attempt as a whole; 0 for none */
	int retries;                /* further attempts after the first */
	int64 max_page_bytes;       /* of a body in memory, after decompression */
	int64 max_answer_bytes;     /* of one in a file, likewise */
	MlsRates rates;
} MlsHttpSource;

#endif /* MLS_HTTP_SOURCE_H */
