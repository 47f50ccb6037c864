/*
 * consumers.c
 *		Consumers as the database lists them, tokens that are revoked, and secrets that the
 *		database has confirmed a moment ago.
 */
#include <json-c/json.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "serve/base/bytes.h"
#include "serve/base/encoding.h"
#include "serve/base/moment.h"
#include "serve/base/settings.h"
#include "serve/token/token.h"

/* What a token says of itself; claims of a consumer cannot say it. */
static const char *const reserved[] = {"iss", "aud", "sub", "client_id", "role",  "iat",
									   "nbf", "exp", "jti", "ver",       "scope", NULL};

struct ServeConsumerList
{
	int n;
	int room;
	ServeConsumer *consumers;
};

static pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
static ServeConsumerList *current;
static _Atomic uint64_t generation;

/* ---- The list ---- */

static void
free_list(ServeConsumerList *list)
{
	if (!list)
		return;
	for (int i = 0; i < list->n; i++)
	{
		free((char *) list->consumers[i].client_id);
		free((char *) list->consumers[i].name);
		free((char *) list->consumers[i].role);
		free((char *) list->consumers[i].claims);
		free((char *) list->consumers[i].scope);
	}
	free(list->consumers);
	free(list);
}

ServeConsumerList *
serve_consumers_begin(void)
{
	return serve_allocate(sizeof(ServeConsumerList));
}

/* More than a billion of anything is no limit. */
#define MOST 1e9

static double
number_of(struct json_object *object, const char *name)
{
	struct json_object *value;
	double number;

	if (!json_object_object_get_ex(object, name, &value))
		return 0;
	number = json_object_get_double(value);
	return number > MOST ? MOST : number > 0 ? number : 0;
}

ServeRates
serve_rates_read(const char *limits)
{
	ServeRates rates = {0};
	struct json_object *object = limits ? json_tokener_parse(limits) : NULL;

	if (json_object_is_type(object, json_type_object))
	{
		rates.per_second = number_of(object, "per_second");
		rates.burst = number_of(object, "burst");
		rates.per_day = (int64_t) number_of(object, "per_day");
		rates.concurrency = (int) number_of(object, "concurrency");
		rates.page_rows = (int) number_of(object, "page_size");
	}
	json_object_put(object);
	return rates;
}

/* Claims without what a token says of itself, of malloc; "{}" if they are none. */
char *
serve_claims_clean(const char *claims)
{
	struct json_object *object = claims ? json_tokener_parse(claims) : NULL;
	char *text;

	if (json_object_is_type(object, json_type_object))
	{
		for (int i = 0; reserved[i]; i++)
			json_object_object_del(object, reserved[i]);
		text = serve_copy_text(json_object_to_json_string_ext(
			object, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	}
	else
		text = serve_copy_text("{}");
	json_object_put(object);
	return text;
}

char *
serve_claims_scope(const char *claims)
{
	struct json_object *object = claims ? json_tokener_parse(claims) : NULL;
	struct json_object *scope = NULL;
	char *text = NULL;

	/* What is no text names nothing, so it allows nothing. */
	if (json_object_is_type(object, json_type_object) &&
		json_object_object_get_ex(object, "scope", &scope))
		text = serve_copy_text(
			json_object_is_type(scope, json_type_string) ? json_object_get_string(scope) : "");
	json_object_put(object);
	return text;
}

void
serve_consumers_add(ServeConsumerList *list, const char *client_id, const char *name,
					const char *role, const char *claims, const char *limits, int64_t not_before,
					bool active)
{
	ServeConsumer *one;

	if (list->n == list->room)
	{
		int room = list->room ? list->room * 2 : 16;
		ServeConsumer *larger = serve_allocate(sizeof(ServeConsumer) * (size_t) room);

		if (list->n)
			memcpy(larger, list->consumers, sizeof(ServeConsumer) * (size_t) list->n);
		free(list->consumers);
		list->consumers = larger;
		list->room = room;
	}
	one = &list->consumers[list->n++];
	one->client_id = serve_copy_text(client_id);
	one->name = serve_copy_text(name);
	one->role = serve_copy_text(role);
	one->claims = serve_claims_clean(claims);
	one->scope = serve_claims_scope(claims);
	one->rates = serve_rates_read(limits);
	one->not_before = not_before;
	one->active = active;
}

static int
by_client_id(const void *a, const void *b)
{
	return strcmp(((const ServeConsumer *) a)->client_id, ((const ServeConsumer *) b)->client_id);
}

void
serve_consumers_publish(ServeConsumerList *list)
{
	ServeConsumerList *before;

	if (list->n)
		qsort(list->consumers, (size_t) list->n, sizeof(ServeConsumer), by_client_id);
	pthread_rwlock_wrlock(&lock);
	before = current;
	current = list;
	generation++;
	pthread_rwlock_unlock(&lock);
	free_list(before);
}

uint64_t
serve_consumers_generation(void)
{
	return generation;
}

bool
serve_consumer_find(ServeArena *arena, const char *client_id, ServeConsumer *consumer)
{
	ServeConsumer wanted = {.client_id = client_id};
	ServeConsumer *found = NULL;

	pthread_rwlock_rdlock(&lock);
	if (current && current->n)
		found = bsearch(&wanted, current->consumers, (size_t) current->n, sizeof(ServeConsumer),
						by_client_id);
	if (found)
	{
		*consumer = *found;
		consumer->client_id = serve_copy(arena, found->client_id);
		consumer->name = serve_copy(arena, found->name);
		consumer->role = serve_copy(arena, found->role);
		consumer->claims = serve_copy(arena, found->claims);
		if (found->scope)
			consumer->scope = serve_copy(arena, found->scope);
	}
	pthread_rwlock_unlock(&lock);
	return found != NULL;
}

char *
serve_claims_text(ServeArena *arena, const ServeConsumer *consumer, const ServeToken *token,
				  const char *scope)
{
	ServeBytes out = {0};
	size_t length = strlen(consumer->claims);
	char *text;

	serve_bytes_text(&out, "{\"role\":");
	serve_bytes_json_text(&out, consumer->role);
	serve_bytes_text(&out, ",\"sub\":");
	serve_bytes_json_text(&out, consumer->name);
	serve_bytes_text(&out, ",\"scope\":");
	serve_bytes_json_text(&out, scope ? scope : SERVE_SCOPE_ALL);
	if (consumer->client_id)
	{
		serve_bytes_text(&out, ",\"client_id\":");
		serve_bytes_json_text(&out, consumer->client_id);
	}
	if (token)
	{
		serve_bytes_text(&out, ",\"iss\":");
		serve_bytes_json_text(&out, serve_settings.issuer);
		serve_bytes_text(&out, ",\"aud\":");
		serve_bytes_json_text(&out, serve_settings.audience);
		serve_bytes_format(&out, ",\"iat\":%lld,\"exp\":%lld,\"jti\":", (long long) token->issued,
						   (long long) token->expires);
		serve_bytes_json_text(&out, token->jti);
	}
	if (length > 2)
	{
		serve_bytes_text(&out, ",");
		serve_bytes_add(&out, consumer->claims + 1, length - 2);
	}
	serve_bytes_text(&out, "}");
	text = serve_copy_bytes(arena, out.data, out.length);
	serve_bytes_free(&out);
	return text;
}

/* ---- Revoked tokens ---- */

typedef struct Revoked
{
	struct Revoked *next;
	int64_t until; /* seconds since 1970: it has expired then */
	char jti[];
} Revoked;

#define REVOKED_LISTS 1024

static pthread_mutex_t revoked_lock = PTHREAD_MUTEX_INITIALIZER;
static Revoked *revoked[REVOKED_LISTS];

static unsigned
list_of(const char *jti)
{
	uint32_t hash = 2166136261u;

	for (; *jti; jti++)
		hash = (hash ^ (unsigned char) *jti) * 16777619u;
	return hash % REVOKED_LISTS;
}

void
serve_revoke(const char *jti, int64_t until)
{
	int64_t now = serve_calendar_ms() / 1000 - 60;
	Revoked **link = &revoked[list_of(jti)];
	Revoked *one;

	if (until < now)
		return;
	pthread_mutex_lock(&revoked_lock);
	while ((one = *link) != NULL)
	{
		if (one->until >= now && strcmp(one->jti, jti) != 0)
		{
			link = &one->next;
			continue;
		}
		*link = one->next;
		free(one);
	}
	one = serve_allocate(sizeof(Revoked) + strlen(jti) + 1);
	one->until = until;
	strcpy(one->jti, jti);
	*link = one;
	pthread_mutex_unlock(&revoked_lock);
}

bool
serve_is_revoked(const char *jti)
{
	bool found = false;

	pthread_mutex_lock(&revoked_lock);
	for (Revoked *one = revoked[list_of(jti)]; one && !found; one = one->next)
		found = strcmp(one->jti, jti) == 0;
	pthread_mutex_unlock(&revoked_lock);
	return found;
}

/* ---- Secrets that were right a moment ago ---- */

#define KNOWN_LOGINS 256
#define KNOWN_MS 60000

/* A keyed hash of client id and secret: the secret itself is not kept. */
typedef struct KnownLogin
{
	unsigned char hash[32];
	int64_t until;
	uint64_t generation;
} KnownLogin;

static pthread_mutex_t known_lock = PTHREAD_MUTEX_INITIALIZER;
static KnownLogin known[KNOWN_LOGINS];
static unsigned char known_salt[32];
static bool known_salted;

static bool
hash_login(const char *client_id, const char *secret, unsigned char hash[32])
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	unsigned int length = 32;
	bool good;

	if (!known_salted)
		known_salted = RAND_bytes(known_salt, sizeof(known_salt)) == 1;
	good = context && known_salted && EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1 &&
		   EVP_DigestUpdate(context, known_salt, sizeof(known_salt)) == 1 &&
		   EVP_DigestUpdate(context, client_id, strlen(client_id) + 1) == 1 &&
		   EVP_DigestUpdate(context, secret, strlen(secret)) == 1 &&
		   EVP_DigestFinal_ex(context, hash, &length) == 1;
	EVP_MD_CTX_free(context);
	return good;
}

bool
serve_login_known(const char *client_id, const char *secret)
{
	unsigned char hash[32];
	bool found = false;

	pthread_mutex_lock(&known_lock);
	if (hash_login(client_id, secret, hash))
	{
		const KnownLogin *slot = &known[(hash[0] | hash[1] << 8) % KNOWN_LOGINS];

		found = slot->until > serve_now_ms() && slot->generation == generation &&
				serve_same_bytes(slot->hash, hash, sizeof(hash));
	}
	pthread_mutex_unlock(&known_lock);
	return found;
}

void
serve_login_remember(const char *client_id, const char *secret)
{
	unsigned char hash[32];

	pthread_mutex_lock(&known_lock);
	if (hash_login(client_id, secret, hash))
	{
		KnownLogin *slot = &known[(hash[0] | hash[1] << 8) % KNOWN_LOGINS];

		memcpy(slot->hash, hash, sizeof(hash));
		slot->until = serve_now_ms() + KNOWN_MS;
		slot->generation = generation;
	}
	pthread_mutex_unlock(&known_lock);
}
