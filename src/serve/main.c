/*
 * main.c
 *		mls_serve: audiences of gold as a RESO Web API.
 *
 * Settings come from flags, and where there is none from the environment.
 */
#include <errno.h>
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "serve/base/bytes.h"
#include "serve/base/moment.h"
#include "serve/base/serve_log.h"
#include "serve/base/settings.h"
#include "serve/http/serve_http.h"
#include "serve/pool/pool.h"
#include "serve/schema/cache.h"
#include "serve/site/site.h"
#include "serve/sql/query.h"
#include "serve/token/token.h"

#define START_MS 30000 /* that the first reading of models may take */
#define DRAIN_MS 30000

typedef enum Kind
{
	TEXT,
	NUMBER,
	SWITCH
} Kind;

/* A setting: the flag --page-size is MLS_SERVE_PAGE_SIZE in the environment. */
typedef struct Setting
{
	const char *flag;
	Kind kind;
	void *place;
	int least;
	int most;
	const char *argument;
	const char *help;
} Setting;

static const char *role_for_sql = "web_anon";
static const char *model_file;
static bool debug;

static const Setting settings[] = {
	{"listen", TEXT, &serve_settings.listen, 0, 0, "ADDRESS:PORT",
	 "where to serve: 127.0.0.1:8080; port 0: any that is free; or the path of a socket"},
	{"admin", TEXT, &serve_settings.admin_listen, 0, 0, "ADDRESS:PORT",
	 "where /live, /ready and /metrics are, or the path of a socket; nowhere if not given"},
	{"public-url", TEXT, &serve_settings.public_url, 0, 0, "URL",
	 "how clients reach the service; addresses in answers begin so"},
	{"database", TEXT, &serve_settings.conninfo, 0, 0, "CONNINFO",
	 "how to reach the database (libpq); what it does not say comes from PGHOST, PGUSER and so on"},
	{"threads", NUMBER, &serve_settings.threads, 1, 256, "N", "connections to the database: 4"},
	{"timeout", NUMBER, &serve_settings.timeout_ms, 10, 3600000, "MS",
	 "what a request may take in the database: 15000"},
	{"page-size", NUMBER, &serve_settings.page_rows, 1, 100000, "N",
	 "records of a page when the client says nothing: 100"},
	{"max-page-size", NUMBER, &serve_settings.max_page_rows, 1, 100000, "N",
	 "records of a page at most: 1000"},
	{"max-expand", NUMBER, &serve_settings.expand_rows, 1, 100000, "N",
	 "records of one expanded collection at most: 1000"},
	{"jwt-secret-file", TEXT, &serve_settings.secret_file, 0, 0, "FILE",
	 "keys that sign tokens, secrets or RSA keys in PEM; without it no tokens are given"},
	{"token-seconds", NUMBER, &serve_settings.token_seconds, 1, 86400, "N", "a token lasts: 3600"},
	{"audience", TEXT, &serve_settings.audience, 0, 0, "NAME", "aud of tokens: the public URL"},
	{"anonymous", TEXT, &serve_settings.anonymous, 0, 0, "ROLE",
	 "audience of requests without a token; without it they are refused"},
	{"anonymous-rate", NUMBER, &serve_settings.anonymous_rate, 1, 100000, "N",
	 "requests a second of one address without a token: 10"},
	{"basic", SWITCH, &serve_settings.basic, 0, 0, NULL,
	 "takes client id and secret as HTTP Basic on data as well"},
	{"media", TEXT, &serve_settings.media, 0, 0, "LIST",
	 "directories of stores whose files are at /media/SHA256, with commas between; s3: those of "
	 "buckets are, by a redirect; none if not given"},
	{"max-upload", NUMBER, &serve_settings.max_upload_mb, 1, 1000, "MB",
	 "length of a request that brings files for datasets: 32; four of these are taken at once"},
	{"origins", TEXT, &serve_settings.origins, 0, 0, "LIST",
	 "origins whose scripts may read answers (CORS), with commas between"},
	{"trusted-proxies", TEXT, &serve_settings.trusted, 0, 0, "LIST",
	 "addresses whose X-Forwarded-For is believed, with commas between"},
	{"max-connections", NUMBER, &serve_settings.connections, 1, 100000, "N",
	 "connections of clients at once: 1000"},
	{"idle-seconds", NUMBER, &serve_settings.idle_seconds, 1, 86400, "N",
	 "a connection that sends nothing so long is closed: 30"},
	{"metadata-xml", SWITCH, &serve_settings.metadata_xml, 0, 0, NULL,
	 "$metadata is XML even for who accepts JSON only"},
	{"ne-null-sql", SWITCH, &serve_settings.ne_null_sql, 0, 0, NULL,
	 "\"ne\" and \"not\" leave out nulls, as SQL does and OData does not"},
	{"open-tables", SWITCH, &serve_settings.open_tables, 0, 0, NULL,
	 "serves tables that have no row security as well"},
	{"site", TEXT, &serve_settings.site, 0, 0, "ADDRESS:PORT",
	 "where the operators' site is, or the path of a socket; nowhere if not given"},
	{"site-url", TEXT, &serve_settings.site_url, 0, 0, "URL",
	 "how browsers reach the site, if by a proxy"},
	{"site-open", SWITCH, &serve_settings.site_open, 0, 0, NULL,
	 "the site may be at an address that other machines reach"},
	{"site-idle-seconds", NUMBER, &serve_settings.site_idle_seconds, 1, 86400, "N",
	 "who does nothing on the site so long is logged out: 1800"},
	{"site-session-seconds", NUMBER, &serve_settings.site_session_seconds, 1, 604800, "N",
	 "everybody is logged out after so long: 43200"},
	{"alerts", NUMBER, &serve_settings.alert_seconds, 5, 86400, "SECONDS",
	 "has rules of alerts looked at so often; not if not given"},
	{"role", TEXT, &role_for_sql, 0, 0, "ROLE", "audience of --sql and --sql-lines: web_anon"},
	{"model", TEXT, &model_file, 0, 0, "FILE",
	 "what that audience reads, as mls.serve_model() gives it: no database is needed then"},
	{"debug", SWITCH, &debug, 0, 0, NULL,
	 "says more; it may hold values of the database's messages"},
};

#define NSETTINGS ((int) (sizeof(settings) / sizeof(settings[0])))

static void
fail(const char *format, const char *what)
{
	fprintf(stderr, "mls_serve: ");
	fprintf(stderr, format, what);
	fputc('\n', stderr);
	exit(1);
}

/* ---- Settings ---- */

static void
set(const Setting *setting, const char *value, const char *name)
{
	char *end;
	long number;

	switch (setting->kind)
	{
		case TEXT:
			*(const char **) setting->place = value;
			break;
		case NUMBER:
			errno = 0;
			number = strtol(value, &end, 10);
			if (end == value || *end || errno || number < setting->least || number > setting->most)
			{
				fprintf(stderr, "mls_serve: %s is a number from %d to %d\n", name, setting->least,
						setting->most);
				exit(1);
			}
			*(int *) setting->place = (int) number;
			break;
		case SWITCH:
			*(bool *) setting->place = strcmp(value, "0") != 0 && strcmp(value, "off") != 0 &&
									   strcmp(value, "false") != 0 && value[0];
			break;
	}
}

static void
read_environment(void)
{
	for (int i = 0; i < NSETTINGS; i++)
	{
		char name[64] = "MLS_SERVE_";
		size_t length = strlen(name);
		const char *value;

		for (const char *c = settings[i].flag; *c; c++)
			name[length++] = *c == '-' ? '_' : (char) (*c >= 'a' && *c <= 'z' ? *c - 32 : *c);
		name[length] = '\0';
		value = getenv(name);
		if (value)
			set(&settings[i], value, name);
	}
}

static void
show_help(void)
{
	printf(
		"mls_serve serves audiences of gold as a RESO Web API.\n\nUsage: mls_serve [FLAG]...\n\n");
	for (int i = 0; i < NSETTINGS; i++)
	{
		char flag[64];

		snprintf(flag, sizeof(flag), "--%s%s%s", settings[i].flag, settings[i].argument ? " " : "",
				 settings[i].argument ? settings[i].argument : "");
		printf("  %-30s %s\n", flag, settings[i].help);
	}
	printf("  %-30s %s\n", "--sql ADDRESS", "shows the SQL of \"Property?$top=1\" and ends");
	printf("  %-30s %s\n", "--sql-lines", "the same for each line of standard input");
	printf("  %-30s %s\n", "--version", "says which version this is");
	printf("\nEach setting may stand in the environment instead: --page-size is "
		   "MLS_SERVE_PAGE_SIZE.\nThe manual is mls_serve(1).\n");
}

/* What to do besides serving: the address of --sql, or "" for lines; NULL: serve. */
static const char *
read_flags(int argc, char **argv)
{
	struct option options[NSETTINGS + 6] = {0};
	const char *sql = NULL;
	int which;

	for (int i = 0; i < NSETTINGS; i++)
		options[i] = (struct option){settings[i].flag,
									 settings[i].kind == SWITCH ? no_argument : required_argument,
									 NULL, 1000 + i};
	options[NSETTINGS] = (struct option){"sql", required_argument, NULL, 's'};
	options[NSETTINGS + 1] = (struct option){"sql-lines", no_argument, NULL, 'l'};
	options[NSETTINGS + 2] = (struct option){"version", no_argument, NULL, 'V'};
	options[NSETTINGS + 3] = (struct option){"help", no_argument, NULL, 'h'};
	while ((which = getopt_long(argc, argv, "h", options, NULL)) != -1)
	{
		if (which >= 1000)
			set(&settings[which - 1000], optarg ? optarg : "on", settings[which - 1000].flag);
		else if (which == 's')
			sql = optarg;
		else if (which == 'l')
			sql = "";
		else if (which == 'V')
		{
			printf("mls_serve %s\n", MLS_VERSION);
			exit(0);
		}
		else if (which == 'h')
		{
			show_help();
			exit(0);
		}
		else
			exit(1);
	}
	if (optind < argc)
		fail("there is no use for \"%s\": see mls_serve --help", argv[optind]);
	return sql;
}

/* What follows from the public address. */
static void
set_addresses(const char *place)
{
	static char url[1024];
	static char bare[1024];
	const char *from = serve_settings.public_url;
	size_t length;
	char *path;

	if (from)
		snprintf(url, sizeof(url) - 1, "%s", from);
	else
		snprintf(url, sizeof(url) - 1, "http://%s", place[0] == '/' ? "localhost" : place);
	length = strlen(url);
	if ((strncmp(url, "https://", 8) != 0 && strncmp(url, "http://", 7) != 0) ||
		strpbrk(url, "?#\"\\<> ") || length > 900)
		fail("\"%s\" is no public URL: https://host/path", url);
	while (length > 0 && url[length - 1] == '/')
		url[--length] = '\0';
	snprintf(bare, sizeof(bare), "%s", url);
	strcat(url, "/");
	path = strchr(strstr(url, "://") + 3, '/');
	serve_settings.public_url = url;
	serve_settings.root_path = path;
	serve_settings.issuer = bare;
	if (!serve_settings.audience)
		serve_settings.audience = bare;
	if (strpbrk(serve_settings.audience, "\"\\\r\n"))
		fail("\"%s\" is no name of an audience of tokens", serve_settings.audience);
}

/* ---- --sql ---- */

/* All of a file, of malloc. */
static char *
read_model_file(void)
{
	FILE *file = fopen(model_file, "r");
	ServeBytes bytes = {0};
	char piece[65536];
	size_t length;

	if (!file)
		fail("\"%s\" cannot be opened", model_file);
	while ((length = fread(piece, 1, sizeof(piece), file)) > 0)
		serve_bytes_add(&bytes, piece, length);
	fclose(file);
	return serve_bytes_take(&bytes, &length);
}

static int
show_sql(const char *text)
{
	char problem[512] = "the file is empty";
	char *json =
		model_file ? read_model_file() : serve_fetch_model(role_for_sql, problem, sizeof(problem));
	const ServeLimits limits = {.page_rows = serve_settings.page_rows,
								.max_page_rows = serve_settings.max_page_rows,
								.expand_rows = serve_settings.expand_rows,
								.ne_null_sql = serve_settings.ne_null_sql};
	const char *wrong;
	ServeArena *arena = serve_arena_new();
	ServeModel *model;
	bool good = true;

	if (!json)
		fail("%s", problem);
	model = serve_model_read(arena, json, &wrong);
	free(json);
	if (!model)
		fail("the model cannot be used: %s", wrong);
	if (text[0])
		good = serve_print_sql(model, &limits, text, stdout);
	else
		serve_print_sql_lines(model, &limits, stdin, stdout);
	serve_arena_free(arena);
	return good ? 0 : 1;
}

/* ---- Serving ---- */

/* Tells systemd, if it waits. */
static void
notify_manager(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd;

	if (!path || strlen(path) >= sizeof(address.sun_path) || (path[0] != '/' && path[0] != '@'))
		return;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	memcpy(address.sun_path, path, strlen(path));
	if (path[0] == '@')
		address.sun_path[0] = '\0';
	if (fd >= 0 && sendto(fd, state, strlen(state), MSG_NOSIGNAL, (struct sockaddr *) &address,
						  (socklen_t) (offsetof(struct sockaddr_un, sun_path) + strlen(path))) < 0)
		serve_log(SERVE_LOG_WARNING, "systemd could not be told: %s", strerror(errno));
	if (fd >= 0)
		close(fd);
}

/* Until models were read and a connection works, or a while has passed. */
static void
wait_until_ready(void)
{
	int64_t until = serve_now_ms() + START_MS;

	while (!(serve_cache_loaded() && serve_pool_works()))
	{
		const struct timespec moment = {.tv_nsec = 20000000};

		if (serve_now_ms() > until)
			fail("%s", "what is served could not be read from the database");
		nanosleep(&moment, NULL);
	}
}

static int
open_listener(const char *where, char *place, size_t space)
{
	char problem[512];
	int fd = serve_listen_on(where, place, space, problem, sizeof(problem));

	if (fd < 0)
		fail("%s", problem);
	return fd;
}

/* Each connection is a file; the usual limit of 1024 is less than what may be asked for. */
static void
raise_file_limit(void)
{
	struct rlimit limit;
	rlim_t wanted = (rlim_t) serve_settings.connections + (rlim_t) serve_settings.threads + 64;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= wanted)
		return;
	limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
	if (setrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur < wanted)
		serve_log(SERVE_LOG_WARNING,
				  "%d connections need %ld open files, and %ld are allowed (ulimit -n)",
				  serve_settings.connections, (long) wanted, (long) limit.rlim_cur);
}

/* Whether requests of the API could be answered at all. */
static bool
serves_somebody(void)
{
	return serve_settings.secret_file || serve_settings.anonymous || serve_settings.basic;
}

static void
wait_for_signals(const sigset_t *signals)
{
	for (;;)
	{
		int which;

		if (sigwait(signals, &which) != 0)
			continue;
		if (which != SIGHUP)
			return;
		if (!serves_somebody())
			continue;
		serve_log(SERVE_LOG_NOTE, "reading keys and what is served again");
		serve_listener_reload();
	}
}

static void
start_site(void)
{
	char problem[512];
	char place[256] = "";

	if (!serve_settings.site)
		return;
	if (!serve_site_start(open_listener(serve_settings.site, place, sizeof(place)), place, problem,
						  sizeof(problem)))
		fail("%s", problem);
	serve_log(SERVE_LOG_NOTE, "site on %s", place);
}

/* The site alone needs no role of its own: nothing is served. */
static void
serve_site_alone(const sigset_t *signals)
{
	start_site();
	serve_alert_clock_start();
	notify_manager("READY=1");
	wait_for_signals(signals);
	notify_manager("STOPPING=1");
	serve_site_stop();
	serve_alert_clock_stop();
}

static void
serve(const sigset_t *signals)
{
	char problem[512];
	char place[256] = "";
	char admin_place[256] = "";
	int listener = serve_listen_inherited();
	int admin = -1;

	if (listener < 0)
		listener = open_listener(serve_settings.listen, place, sizeof(place));
	else if (!serve_settings.public_url)
		fail("%s", "with a socket of systemd --public-url has to be said");
	set_addresses(place);
	if (serve_settings.secret_file &&
		!serve_keys_read(serve_settings.secret_file, problem, sizeof(problem)))
		fail("%s", problem);
	if (!serve_startup_check(problem, sizeof(problem)))
		fail("%s", problem);
	if (!serves_somebody())
		fail("%s", "nobody could be served: give --jwt-secret-file, --basic or --anonymous");
	if (serve_settings.admin_listen)
		admin = open_listener(serve_settings.admin_listen, admin_place, sizeof(admin_place));
	raise_file_limit();
	serve_pool_start();
	serve_listener_start();
	serve_clerk_start();
	if (admin >= 0 && !serve_admin_start(admin))
		fail("cannot serve on %s", admin_place);
	wait_until_ready();
	if (!serve_front_start(listener))
		fail("cannot serve on %s", place);
	if (admin >= 0)
		serve_log(SERVE_LOG_NOTE, "metrics on %s", admin_place);
	start_site();
	serve_alert_clock_start();
	serve_log(SERVE_LOG_NOTE, "listening on %s as %s", place[0] ? place : "systemd's socket",
			  serve_settings.public_url);
	notify_manager("READY=1");
	wait_for_signals(signals);
	serve_log(SERVE_LOG_NOTE, "ending: what runs is answered first");
	notify_manager("STOPPING=1");
	if (!serve_front_drain(DRAIN_MS))
		serve_log(SERVE_LOG_WARNING, "requests were still running after %d s", DRAIN_MS / 1000);
	serve_listener_stop();
	serve_pool_stop();
	serve_front_stop();
	serve_site_stop();
	serve_admin_stop();
	serve_clerk_stop();
	serve_alert_clock_stop();
}

int
main(int argc, char **argv)
{
	sigset_t signals;
	const char *sql;

	read_environment();
	sql = read_flags(argc, argv);
	serve_log_start(debug ? SERVE_LOG_DEBUG : SERVE_LOG_NOTE);
	signal(SIGPIPE, SIG_IGN);
	if (sql)
		return show_sql(sql);
	/* All threads leave these to the one that waits for them. */
	sigemptyset(&signals);
	sigaddset(&signals, SIGHUP);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	if (serve_settings.site && !serves_somebody())
		serve_site_alone(&signals);
	else
		serve(&signals);
	return 0;
}
