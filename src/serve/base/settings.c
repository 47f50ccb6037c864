/*
 * settings.c
 *		The one copy of the settings, with what holds where nothing is said.
 */
#include "serve/base/settings.h"

ServeSettings serve_settings = {
	.listen = "127.0.0.1:8080",
	.threads = 4,
	.timeout_ms = 15000,
	.connections = 1000,
	.idle_seconds = 30,
	.token_seconds = 3600,
	.anonymous_rate = 10,
	.max_upload_mb = 32,
	.site_idle_seconds = 1800,
	.site_session_seconds = 43200,
};
