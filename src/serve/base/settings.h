/*
 * settings.h
 *		What the program was started with.  Set by main.c before any thread is, and only read
 *		from then on.
 */
#ifndef SERVE_SETTINGS_H
#define SERVE_SETTINGS_H

#include <stdbool.h>

typedef struct ServeSettings
{
	const char *listen;       /* "127.0.0.1:8080" */
	const char *admin_listen; /* the same, or the path of a socket; NULL: none */
	const char *conninfo;     /* of libpq; what it does not say comes from PGHOST and the like */
	const char *public_url;   /* how clients reach the service's root; ends with "/" */
	const char *root_path;    /* the path of that: "/" or "/odata/" */
	const char *secret_file;  /* keys that sign tokens; NULL: no tokens */
	const char *audience;     /* aud of tokens; public_url without its last "/" if not given */
	const char *issuer;       /* iss of tokens: public_url without its last "/" */
	const char *anonymous;    /* audience of requests without a token; NULL: none is served */
	const char *origins;      /* of CORS, with commas; "*": all; NULL: none */
	const char *media;   /* directories whose files are served, "s3", with commas; NULL: none */
	const char *trusted; /* proxies whose X-Forwarded-For holds, with commas; NULL: none */
	int threads;         /* of the database: so many connections */
	int page_rows;       /* what A's limits say, 0 takes the default */
	int max_page_rows;
	int expand_rows;
	int timeout_ms;     /* of a statement */
	int connections;    /* of clients at once */
	int idle_seconds;   /* a connection that sends nothing so long is closed */
	int token_seconds;  /* that a token lasts */
	int anonymous_rate; /* requests a second of one address without a token */
	int max_upload_mb;  /* of a file that is sent, with what stands around it */
	bool basic;         /* client id and secret are taken on data as well */
	bool metadata_xml;  /* $metadata is XML even where only JSON is accepted */
	bool open_tables;   /* tables without row security are served */
	bool ne_null_sql;   /* see ServeLimits */

	const char *site;         /* where the operators' site is, as listen; NULL: nowhere */
	const char *site_url;     /* how browsers reach it; NULL: as the address says */
	int alert_seconds;        /* rules of alerts are looked at so often; 0: not by us */
	int site_idle_seconds;    /* a session that is not used so long ends */
	int site_session_seconds; /* each session ends then */
	bool site_open;           /* other machines may reach it without a proxy */
} ServeSettings;

extern ServeSettings serve_settings;

#endif /* SERVE_SETTINGS_H */
