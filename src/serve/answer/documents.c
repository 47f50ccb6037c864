/*
 * documents.c
 *		The service document, and $metadata: made once for what a role may read, compressed
 *		once, and kept with it.
 */
#include <stdlib.h>
#include <string.h>

#include "serve/answer/parts.h"
#include "serve/base/settings.h"

typedef struct Document
{
	char *body;
	size_t length;
	char *compressed;
	size_t compressed_length;
	char *tag;
} Document;

typedef struct Documents
{
	Document xml;
	Document json;
} Documents;

static void
free_documents(void *memory)
{
	Documents *documents = memory;
	Document *both[] = {&documents->xml, &documents->json};

	for (int i = 0; i < 2; i++)
	{
		free(both[i]->body);
		free(both[i]->compressed);
		free(both[i]->tag);
	}
	free(documents);
}

static const Document *
document_of(ServeCall *call, bool xml)
{
	ServeRole *role = call->role;
	Document *document;

	pthread_mutex_lock(&role->lock);
	if (!role->documents)
	{
		role->documents = serve_allocate(sizeof(Documents));
		role->free_documents = free_documents;
	}
	document = xml ? &((Documents *) role->documents)->xml : &((Documents *) role->documents)->json;
	if (!document->body)
	{
		ServeBytes out = {0};

		if (xml)
			serve_metadata_xml(&out, role->model);
		else
			serve_metadata_json(&out, role->model);
		document->body = serve_bytes_take(&out, &document->length);
		document->compressed =
			serve_gzip(document->body, document->length, &document->compressed_length);
		document->tag = serve_copy_text(serve_etag(call->arena, document->body, document->length));
	}
	pthread_mutex_unlock(&role->lock);
	return document;
}

void
serve_answer_metadata(ServeCall *call)
{
	/* JSON is 4.01's. */
	bool xml = call->form.xml || call->version == 400 || serve_settings.metadata_xml;
	const Document *document;

	if (!call->form.xml && !call->form.json)
	{
		serve_fail_odata(call, 406, "NotAcceptable", "metadata is XML or JSON", "Accept");
		return;
	}
	document = document_of(call, xml);
	call->reply.status = 200;
	call->reply.content_type = xml ? "application/xml" : "application/json";
	call->reply.shared = true;
	call->reply.gzip = document->compressed && serve_takes_gzip(call);
	call->reply.body = call->reply.gzip ? document->compressed : document->body;
	call->reply.length = call->reply.gzip ? document->compressed_length : document->length;
	if (document->tag)
		serve_reply_header(call, "ETag", document->tag);
}

void
serve_answer_service_document(ServeCall *call)
{
	const ServeModel *model = call->role->model;
	ServeBytes out = {0};

	if (!call->form.json)
	{
		serve_fail_odata(call, 406, "NotAcceptable", "the service document is JSON", "Accept");
		return;
	}
	serve_bytes_text(&out, "{");
	if (call->form.level != SERVE_LEVEL_NONE)
	{
		serve_bytes_text(&out, "\"@odata.context\":");
		serve_bytes_json_text(&out,
							  serve_printf(call->arena, "%s$metadata", serve_settings.public_url));
		serve_bytes_text(&out, ",");
	}
	serve_bytes_text(&out, "\"value\":[");
	for (int i = 0; i < model->nresources; i++)
	{
		serve_bytes_text(&out, i > 0 ? ",{\"name\":" : "{\"name\":");
		serve_bytes_json_text(&out, model->resources[i].name);
		serve_bytes_text(&out, ",\"kind\":\"EntitySet\",\"url\":");
		serve_bytes_json_text(&out, model->resources[i].name);
		serve_bytes_text(&out, "}");
	}
	serve_bytes_text(&out, "]}");
	serve_reply_body(call, 200, serve_json_type(&call->form), &out);
	call->reply.tagged = true;
}
