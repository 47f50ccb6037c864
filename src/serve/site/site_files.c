/*
 * site_files.c
 *		Pages, scripts and styles: the files of this folder, put into the program as they are by
 *		the assembler, so that it is one file and reads none.
 */
#include <string.h>

#include "serve/site/site_room.h"

/* SERVE_SITE_FOLDER is told by the Makefile, which compiles this anew when a file has changed. */
#define FILE_IN(symbol, name)                                                                      \
	__asm__(".section .rodata\n"                                                                   \
			".balign 16\n"                                                                         \
			".global serve_site_file_" #symbol "\n"                                                \
			"serve_site_file_" #symbol ":\n"                                                       \
			".incbin \"" SERVE_SITE_FOLDER "/" name "\"\n"                                         \
			".global serve_site_file_" #symbol "_end\n"                                            \
			"serve_site_file_" #symbol "_end:\n"                                                   \
			".byte 0\n"                                                                            \
			".previous\n");                                                                        \
	extern const char serve_site_file_##symbol[];                                                  \
	extern const char serve_site_file_##symbol##_end[]

#define FILE_AS(symbol, name, type)                                                                \
	{                                                                                              \
		name, type, serve_site_file_##symbol,                                                      \
			(size_t) (serve_site_file_##symbol##_end - serve_site_file_##symbol)                   \
	}

#define SCRIPT "text/javascript; charset=utf-8"

FILE_IN(index, "index.html");
FILE_IN(style, "site.css");
FILE_IN(icon, "icon.svg");
FILE_IN(main, "site.js");
FILE_IN(dom, "dom.js");
FILE_IN(api, "api.js");
FILE_IN(charts, "charts.js");
FILE_IN(actions, "actions.js");
FILE_IN(overview, "overview.js");
FILE_IN(source, "source.js");
FILE_IN(runs, "runs.js");
FILE_IN(live, "live.js");
FILE_IN(schedules, "schedules.js");
FILE_IN(record, "record.js");
FILE_IN(datasets, "datasets.js");
FILE_IN(quality, "quality.js");
FILE_IN(mapping, "mapping.js");
FILE_IN(consumers, "consumers.js");
FILE_IN(market, "market.js");
FILE_IN(questions, "questions.sql");

const ServeSiteFile *
serve_site_file(const char *name)
{
	static ServeSiteFile files[19];

	if (!files[0].name)
	{
		const ServeSiteFile all[] = {
			FILE_AS(index, "index.html", "text/html; charset=utf-8"),
			FILE_AS(style, "site.css", "text/css; charset=utf-8"),
			FILE_AS(icon, "icon.svg", "image/svg+xml"),
			FILE_AS(main, "site.js", SCRIPT),
			FILE_AS(dom, "dom.js", SCRIPT),
			FILE_AS(api, "api.js", SCRIPT),
			FILE_AS(charts, "charts.js", SCRIPT),
			FILE_AS(actions, "actions.js", SCRIPT),
			FILE_AS(overview, "overview.js", SCRIPT),
			FILE_AS(source, "source.js", SCRIPT),
			FILE_AS(runs, "runs.js", SCRIPT),
			FILE_AS(live, "live.js", SCRIPT),
			FILE_AS(schedules, "schedules.js", SCRIPT),
			FILE_AS(record, "record.js", SCRIPT),
			FILE_AS(datasets, "datasets.js", SCRIPT),
			FILE_AS(quality, "quality.js", SCRIPT),
			FILE_AS(mapping, "mapping.js", SCRIPT),
			FILE_AS(consumers, "consumers.js", SCRIPT),
			FILE_AS(market, "market.js", SCRIPT),
		};

		_Static_assert(sizeof(all) == sizeof(files), "a place for each file");
		memcpy(files, all, sizeof(files));
	}
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		if (strcmp(files[i].name, name) == 0)
			return &files[i];
	return NULL;
}

ServeSiteFile
serve_site_questions_text(void)
{
	return (ServeSiteFile) FILE_AS(questions, "questions.sql", "text/plain");
}
