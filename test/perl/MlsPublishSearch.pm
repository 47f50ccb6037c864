# MlsPublishSearch: publications at search engines: what a search there finds is what the view shows.
# Each engine takes its time, so that each file of tests plays some of them.
package MlsPublishSearch;

use strict;
use warnings;
use utf8;

use Encode qw(decode_utf8 encode_utf8);
use Exporter 'import';
use HTTP::Tiny;
use MIME::Base64 qw(encode_base64);
use MlsSearch;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(play_engines);

my ($node, $search);

# Each engine: how it is logged in to, whether a load goes into a new index behind an alias, what a
# document says of a row, and a request that writes documents.
my $as_is = 'to_jsonb(v)';
my $solr = q{to_jsonb(v) || jsonb_build_object('ModificationTimestamp', replace(to_char("ModificationTimestamp", 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), '.000Z', 'Z'),
	'OnMarketDate', to_char("OnMarketDate", 'YYYY-MM-DD"T"00:00:00"Z"'), 'Extra', "Extra"::text)};
my %engines = (
	elasticsearch => { login => q{api_key 'ZXM6c2VjcmV0LWtleQ=='}, wrong => q{api_key 'wrong-key-value'}, alias => 1, document => $as_is, write => '_bulk' },
	opensearch => { login => q{username 'mls', password 'es-pass-value'}, wrong => q{username 'mls', password 'wrong-key-value'}, alias => 1, document => $as_is, write => '_bulk', brief => 1 },
	typesense => { login => q{api_key 'typesense-key-value'}, wrong => q{api_key 'wrong-key-value'}, alias => 1, document => $as_is, write => 'documents/import', types => q{, types => '{"Extra": "object"}'} },
	meilisearch => { login => q{api_key 'meili-key-value'}, wrong => q{token 'wrong-key-value'}, document => $as_is, write => 'documents\?' },
	solr => { login => q{username 'mls', password 'solr-pass-value'}, wrong => q{username 'mls', password 'wrong-key-value'}, alias => 1, document => $solr, write => 'listing[^/]*/update' },
	core => { engine => 'solr', login => q{username 'mls', password 'solr-pass-value'}, wrong => q{username 'mls', password 'wrong-key-value'}, document => $solr, write => 'listing[^/]*/update', brief => 1 });

sub sql
{
	return decode_utf8($node->safe_psql('postgres', encode_utf8($_[0])));
}

sub fails
{
	my ($sql, @words) = @_;
	my $error = sql_error($node, $sql);
	like($error, $_, "says: $_") for @words;
	return;
}

sub synced
{
	my ($at, $name) = @_;
	$name //= 'listing';
	return sql("SELECT status || ' ' || written || ' ' || deleted || ' ' || refused || coalesce(' ' || message, '') FROM mls_publish_sync('$at', '$name')");
}

sub verified
{
	my ($at, $more) = @_;
	return sql("SELECT coalesce(string_agg(finding || ' ' || records || ' ' || keys::text, '; '), 'none') FROM mls_publish_verify('$at', 'listing'" . ($more // '') . ") WHERE finding <> 'same' AND records > 0");
}

# Keys of which a search finds another document than the view shows.
sub differences
{
	my ($at) = @_;
	my $engine = $engines{$at};
	my $found = decode_utf8($search->shown($engine->{engine} // $at, 'listing'));
	return sql(qq{WITH here AS (SELECT "ListingKey" AS key, public.said($engine->{document}) AS document FROM listing v),
		there AS (SELECT value ->> 'ListingKey' AS key, public.said(value - '{id,mls_id,_version_}'::text[]) AS document FROM jsonb_each(\$json\$$found\$json\$))
		SELECT coalesce(string_agg(key, ',' ORDER BY key), 'none') FROM here FULL JOIN there USING (key) WHERE here.document IS DISTINCT FROM there.document});
}

sub faults
{
	my ($at, @faults) = @_;
	$search->control(faults => [ map { { engine => $engines{$at}{engine} // $at, match => $engines{$at}{write}, %$_ } } @faults ], forget_log => 1);
	return;
}

sub written_requests
{
	my ($at) = @_;
	return scalar $search->requests($engines{$at}{write});
}

# An index that somebody else has made, an alias that somebody has removed, names that cannot be.
sub names_of_others
{
	my ($at, $url) = @_;
	my $ask = sub {
		my ($method, $path, $body) = @_;
		return HTTP::Tiny->new->request($method, "$url/$path", { headers => { Authorization => 'ApiKey ZXM6c2VjcmV0LWtleQ==', 'Content-Type' => 'application/json' }, content => $body // '' });
	};
	is($ask->('PUT', 'taken', '{}')->{status}, 200, 'there is an index of somebody else');
	sql("SELECT mls_publish('listing', '$at', 'taken')");
	fails("SELECT * FROM mls_publish_sync('$at', 'taken')", qr/55006/, qr/"taken" at destination "elasticsearch" is not ours/, qr/There is an index of that name/, qr/take_over/);
	sql("SELECT mls_unpublish('$at', 'taken'); SELECT mls_publish('listing', '$at', 'taken', take_over => true)");
	like(synced($at, 'taken'), qr/^finished \d+ 0 0$/, 'it is replaced by who says so');
	my ($index) = $ask->('GET', '_alias/taken')->{content} =~ /"(taken-[0-9a-f]{8}-\d+)"/;
	is($ask->('POST', '_aliases', qq({"actions":[{"remove":{"index":"$index","alias":"taken"}}]}))->{status}, 200, 'an alias that somebody has removed');
	is(synced($at, 'taken'), 'finished 0 0 0', 'is made again');
	is($ask->('HEAD', 'taken')->{status}, 200, 'by the next run');
	is($ask->('DELETE', $index)->{status}, 200, 'an index that somebody has dropped');
	like(synced($at, 'taken'), qr/^finished \d+ 0 0$/, 'is filled again');
	sql("SELECT mls_unpublish('$at', 'taken', drop_table => true); SELECT mls_publish('listing', '$at', 'Upper')");
	fails("SELECT * FROM mls_publish_sync('$at', 'Upper')", qr/42602/, qr/"Upper" cannot be the name of an index/);
	sql("SELECT mls_unpublish('$at', 'Upper')");
	return;
}

# An index of somebody else, where a load would go into it: in place, there being no aliases.
sub index_of_others
{
	my ($at, $url) = @_;
	my $meili = $at eq 'meilisearch';
	my $login = $meili ? 'Bearer meili-key-value' : 'Basic ' . encode_base64('mls:solr-pass-value', '');
	my $ask = sub {
		my ($method, $path, $body) = @_;
		return HTTP::Tiny->new->request($method, "$url/$path", { headers => { Authorization => $login, 'Content-Type' => 'application/json' }, content => $body // '' })->{status};
	};
	my $look = $meili ? 'indexes/taken' : 'taken/schema/fields';
	is($meili ? $ask->('POST', 'indexes', '{"uid":"taken"}') : $ask->('GET', 'admin/cores?action=CREATE&name=taken&configSet=_default'), $meili ? 202 : 200, "$at: there is an index of somebody else");
	sql("SELECT mls_publish('listing', '$at', 'taken')");
	fails("SELECT * FROM mls_publish_sync('$at', 'taken')", qr/55006/, qr/"taken" at destination "$at" is not ours/, qr/There is an index of that name/, qr/take_over/);
	sql("SELECT mls_unpublish('$at', 'taken', drop_table => true)");
	is($ask->('GET', $look), 200, "$at: who has not written it does not drop it");
	sql("SELECT mls_publish('listing', '$at', 'taken', take_over => true)");
	like(synced($at, 'taken'), qr/^finished \d+ 0 0$/, "$at: it is filled by who says so");
	my (undef, undef, $said) = $node->psql('postgres', "SELECT mls_unpublish('$at', 'taken', drop_table => true)");
	like($said, qr/index "taken" at destination "$at" stays: it was there before/, "$at: and is not his");
	is($ask->('GET', $look), 200, "$at: so it stays");
	return;
}

# A run that ended behind a batch, whose documents have the number of the last event; and gold put
# back to before that event.  What gets numbers below it would be older than what is there.
sub restored_backup
{
	my ($at) = @_;
	my $last = sql('SELECT max(sequence) FROM mls.entity_event');
	sql(q{UPDATE mls.publication SET batch = 2; INSERT INTO gold.property ("ListingKey", "StandardStatus") SELECT 'R' || i, 'Active' FROM generate_series(1, 6) i});
	faults($at, { what => 'close', skip => 1, times => 9 });
	fails("SELECT * FROM mls_publish_sync('$at', 'listing')", qr/could not/);
	faults($at);
	sql(sprintf q{SET session_replication_role = replica; DELETE FROM gold.property WHERE "ListingKey" IN ('R4', 'R5', 'R6'); RESET session_replication_role;
		DELETE FROM mls.entity_event WHERE sequence > %1$d; SELECT setval('mls.entity_event_sequence', %1$d); UPDATE mls.publication SET known = %1$d, position = %2$d;
		UPDATE gold.property SET "City" = 'after' WHERE "ListingKey" IN ('R1', 'R2')}, $last + 3, $last);
	fails("SELECT * FROM mls_publish_sync('$at', 'listing')", qr/has to be loaded anew/, qr/come to event @{[ $last + 6 ]}, and the last one known here was @{[ $last + 3 ]}/);
	sql("UPDATE mls.publication SET batch = 50; SELECT mls_publish_resend('$at', 'listing', 0)");
	like(synced($at), qr/^finished \d+ 0 0/, "$at: versions that a restored backup does not know want a load");
	is(differences($at), 'none', "$at: after which all is there");
	return;
}

# Gold as it is before each engine.
sub fill
{
	return sql(q{DELETE FROM gold.property;
INSERT INTO gold.property SELECT 'K' || i, i * 1000.5, 'City ' || i % 7, 'remarks ' || i, ARRAY['a', 'b' || i], i % 2 = 0, i % 6, i * 10000000000, '2026-01-01'::timestamptz + i * interval '1.000001 seconds', '2026-01-01'::date + i % 300,
	sqrt(i), jsonb_build_object('n', i, 'a', ARRAY[1, 2.50]), CASE WHEN i % 10 = 0 THEN 'Closed' ELSE 'Active' END FROM generate_series(1, 300) i;
UPDATE gold.property SET "City" = E'Κύπρος 🏠 "q" \\ {x}\n NULL', "Features" = ARRAY['é,"\', '😀', 'NULL', ''], "Pool" = NULL, "Extra" = NULL, "ModificationTimestamp" = '2026-03-29 01:30:00.123456+00' WHERE "ListingKey" = 'K1';
INSERT INTO gold.property ("ListingKey", "StandardStatus", "City", "Features") VALUES ('k1', 'Active', '', '{}'), ('K1 ', 'Active', E'\t', NULL), ('K_1', 'Active', 'x', NULL), ('K~20', 'Active', 'x', NULL),
	('ключ/😀?&=%"`', 'Active', 'x', ARRAY['1']);
});
}

# All that is asked of an engine.
sub play
{
	my ($at) = @_;
	my $engine = $engines{$at};
	my $protocol = $engine->{engine} // $at;
	my $url = $search->url($protocol);
	my $types = $engine->{types} // '';

	note("---- $at");
	$search->control(settings => { solr => { mode => $at eq 'core' ? 'std' : 'solrcloud' } });
	fill();
	sql(qq{CREATE SERVER $at FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol '$protocol', url '$url', retries '2');
		CREATE USER MAPPING FOR CURRENT_USER SERVER $at OPTIONS ($engine->{wrong}); SELECT mls_publish('listing', '$at'$types)});
	fails("SELECT * FROM mls_publish_sync('$at')", qr/could not .* at destination "$at"/, qr/It answers with status 40[13]/);
	sql(qq{DROP USER MAPPING FOR CURRENT_USER SERVER $at; CREATE USER MAPPING FOR CURRENT_USER SERVER $at OPTIONS ($engine->{login})});
	my ($n) = sql('SELECT count(*) FROM listing');
	is(synced($at), "finished $n 0 0", "$at: it is loaded");
	is(differences($at), 'none', "$at: letters, arrays, NULL, microseconds, strange keys: as the view shows them");
	is(verified($at), 'none', "$at: verify says so too");
	is(synced($at), 'finished 0 0 0', "$at: once more: nothing is sent");

	# ---- Changes, and old events once more ----

	sql(q{UPDATE gold.property SET "ListPrice" = 1 WHERE "ListingKey" = 'K2'; UPDATE gold.property SET "ListPrice" = 2 WHERE "ListingKey" = 'K2'; DELETE FROM gold.property WHERE "ListingKey" IN ('K3', 'ключ/😀?&=%"`');
		UPDATE gold.property SET "StandardStatus" = 'Closed' WHERE "ListingKey" = 'K4'; UPDATE gold.property SET "StandardStatus" = 'Active' WHERE "ListingKey" = 'K10'});
	is(synced($at), 'finished 2 3 0', "$at: what changed is sent, twice in a batch once");
	is(differences($at), 'none', "$at: and is there");
	sql("SELECT mls_publish_resend('$at', 'listing', 1)");
	like(synced($at), qr/^finished \d+ \d+ 0$/, "$at: old events once more");
	is(differences($at), 'none', "$at: change nothing");

	index_of_others($at, $url) if $at =~ /core|meilisearch/;
	if ($engine->{brief})
	{
		sql("INSERT INTO gold.property (\"ListingKey\", \"StandardStatus\") VALUES ('late', 'Active'); SELECT mls_publish_resend('$at', 'listing', 0)");
		like(synced($at), qr/^finished \d+ 0 0$/, "$at: another load");
		is(differences($at), 'none', "$at: is whole");
		sql("SELECT mls_unpublish('$at', 'listing', drop_table => true)");
		return;
	}

	# ---- A destination that is away, busy, or loses its answers ----

	$search->control(down => 1);
	sql(q{DELETE FROM gold.property WHERE "ListingKey" = 'K5'; UPDATE gold.property SET "City" = 'away' WHERE "ListingKey" = 'K6'});
	fails("SELECT * FROM mls_publish_sync('$at')", qr/(could not|cannot)/i);
	$search->control(down => 0);
	is(synced($at), 'finished 1 1 0', "$at: a deletion while it was away");
	faults($at, { what => 'status', status => 429, headers => { 'Retry-After' => '1' } }, { what => 'status', status => 503 });
	sql(q{UPDATE gold.property SET "City" = 'busy' WHERE "ListingKey" IN ('K7', 'K8')});
	is(synced($at), 'finished 2 0 0', "$at: 429 and 503 are asked again");
	is(written_requests($at), 3, "$at: once each") if $at ne 'meilisearch';
	faults($at, { what => 'status', status => 503, times => 9 });
	sql(q{UPDATE gold.property SET "City" = 'long busy' WHERE "ListingKey" IN ('K7', 'K8')});
	fails("SELECT * FROM mls_publish_sync('$at')", qr/status 503/);
	# Twice: what a connection that was kept has lost goes over another one at once.
	faults($at, { what => 'lost', times => 2 });
	fails("SELECT * FROM mls_publish_sync('$at')", qr/could not/);
	is(synced($at), 'finished 2 0 0', "$at: what was written without an answer is written again");
	if ($at =~ /search$|typesense/ && $at ne 'meilisearch')
	{
		faults($at, { what => 'items', items => 2, status => 429 });
		sql(q{UPDATE gold.property SET "City" = 'items' WHERE "ListingKey" IN ('K7', 'K8', 'K9')});
		is(synced($at), 'finished 3 0 0', "$at: a 200 in which some were too many: these are sent again");
		is(written_requests($at), 2, "$at: in a request of their own");
	}
	if ($at eq 'meilisearch')
	{
		faults($at, { what => 'fail', type => 'system', code => 'no_space_left_on_device' });
		sql(q{UPDATE gold.property SET "City" = 'items' WHERE "ListingKey" IN ('K7', 'K8', 'K9')});
		fails("SELECT * FROM mls_publish_sync('$at')", qr/The task has failed/);
		is(sql("SELECT count(*) FROM mls_dead_letters"), 0, "$at: a task that fails for no fault of documents refuses none");
		is(synced($at), 'finished 3 0 0', "$at: and they are sent by the next run");
	}
	is(differences($at), 'none', "$at: all is there");

	if ($at eq 'elasticsearch')
	{
		faults($at, { what => 'vanish' });
		sql(q{UPDATE gold.property SET "City" = 'vanished' WHERE "ListingKey" IN ('K7', 'K8', 'K9')});
		fails("SELECT * FROM mls_publish_sync('$at')", qr/index "listing-\S+" of publication "listing" at destination "$at" was dropped during the run/);
		like(synced($at), qr/^finished \d+ 0 0$/, "$at: an index that documents have made in its place is none: another is filled");
		is(differences($at), 'none', "$at: with all");
	}
	if ($at eq 'meilisearch')
	{
		sql(qq{ALTER SERVER $at OPTIONS (ADD timeout_ms '300'); UPDATE gold.property SET "City" = 'held' WHERE "ListingKey" IN ('K7', 'K8', 'K9')});
		$search->control(settings => { meilisearch => { held => 1 } });
		fails("SELECT * FROM mls_publish_sync('$at')", qr/"$at" is too busy to write/, qr/Its queue of tasks was waited for for 3 seconds/) for 'a task of its own', 'tasks of before';
		$search->control(settings => { meilisearch => { held => 0 } });
		sql("ALTER SERVER $at OPTIONS (DROP timeout_ms)");
		is(synced($at), 'finished 3 0 0', "$at: a queue that stands still is not waited for without end");
		is(differences($at), 'none', "$at: and what was in it is there");
	}

	# ---- What does not fit ----

	my $bad = $at eq 'meilisearch' ? q{UPDATE gold.property SET "Extra" = '{"lat": "north"}' WHERE "ListingKey" = 'K12'}
	  : $at =~ /solr|core/ ? q{UPDATE gold.property SET "City" = 'dead', "Extra" = jsonb_build_object('x', repeat('y', 40000)) WHERE "ListingKey" = 'K12'}
	  :                      q{UPDATE gold.property SET "Extra" = '5' WHERE "ListingKey" = 'K12'};
	my $old = sql(q{SELECT "Extra" FROM gold.property WHERE "ListingKey" = 'K12'});
	if ($at ne 'meilisearch')
	{
		sql("$bad; UPDATE gold.property SET \"City\" = 'alive' WHERE \"ListingKey\" IN ('K11', 'K13', 'K14', 'K15'); INSERT INTO gold.property (\"ListingKey\", \"StandardStatus\") VALUES (repeat('k', 600), 'Active')");
		like(synced($at), qr/^finished 4 0 2 2 records were refused/, "$at: who is refused does not hold up the others");
		like(sql("SELECT string_agg(reason, '|' ORDER BY key DESC) FROM mls_dead_letters WHERE destination = '$at'"), qr/its key is longer than 511 bytes\|.*Extra/s, "$at: and is written down");
		is(differences($at), 'K12,' . 'k' x 600, "$at: his document is the one of before");
		sql("SELECT mls_publish_resend('$at', 'listing')");
		like(synced($at), qr/^finished 0 0 2/, "$at: he is tried again when somebody asks");
		sql(qq{UPDATE gold.property SET "Extra" = '$old', "Rating" = 1 WHERE "ListingKey" = 'K12'; DELETE FROM gold.property WHERE "ListingKey" LIKE 'kkk%'});
		like(synced($at), qr/^finished 1 \d 0$/, "$at: and when he has changed");
	}
	is(differences($at), 'none', "$at: all is right again");

	# ---- What was planted is found ----

	$search->control(plant => [ [ $protocol, 'listing', 'K21', { City => 'planted' } ], [ $protocol, 'listing', 'K22', undef ], [ $protocol, 'listing', 'zzz', { ListingKey => 'zzz' } ] ]);
	is(verified($at, ', repair => true'), 'different 1 {K21}; missing 1 {K22}; extra 1 {zzz}', "$at: a difference, one too few, one too many are found and put right");
	is(verified($at), 'none', "$at: then all is the same");
	is(differences($at), 'none', "$at: by content, too");
	sql(q{UPDATE gold.property SET "City" = 'after' WHERE "ListingKey" IN ('K21', 'K22')});
	is(synced($at), 'finished 2 0 0', "$at: what was changed there by hand is followed");
	is(differences($at), 'none', "$at: and taken");

	# ---- A load: who searches sees the old until the new is whole ----

	sql('UPDATE mls.publication SET batch = 50; ALTER TABLE gold.property ADD "NewField" integer; UPDATE gold.property SET "NewField" = 1;
		CREATE OR REPLACE VIEW listing AS SELECT "ListingKey", "ListPrice", "City", "Remarks", "Features", "Pool", "Beds", "Views", "ModificationTimestamp", "OnMarketDate", "Rating", "Extra", "NewField" FROM gold.property WHERE "StandardStatus" = \'Active\'');
	if ($engine->{alias})
	{
		faults($at, { what => 'close', skip => 3, times => 9 });
		fails("SELECT * FROM mls_publish_sync('$at')", qr/could not/);
		is(sql("SELECT state FROM mls_publications WHERE destination = '$at'"), 'failing', "$at: a load that fails");
		unlike($search->shown($protocol, 'listing'), qr/NewField/, "$at: is not seen");
		faults($at);
	}
	like(synced($at), qr/^finished \d+ 0 0$/, "$at: it goes on");
	is(differences($at), 'none', "$at: and is whole");
	sql("SELECT mls_unpublish('$at', 'listing', drop_table => true)");
	sql('DROP VIEW listing CASCADE; CREATE VIEW listing AS SELECT "ListingKey", "ListPrice", "City", "Remarks", "Features", "Pool", "Beds", "Views", "ModificationTimestamp", "OnMarketDate", "Rating", "Extra" FROM gold.property WHERE "StandardStatus" = \'Active\';
		ALTER TABLE gold.property DROP "NewField"');
	sql("SELECT mls_publish('listing', '$at', batch => 50$types)");
	like(synced($at), qr/^finished \d+ 0 0$/, "$at: its end, and another beginning");

	# ---- At random ----

	srand(11);
	for my $round (1 .. ($ENV{MLS_LONG} ? 30 : 2))
	{
		sql(join "\n", map {
			my ($what, $key) = (rand, 'K' . int(rand(300)));
			$what < 0.3 ? qq{DELETE FROM gold.property WHERE "ListingKey" = '$key';}
			  : $what < 0.5 ? qq{INSERT INTO gold.property ("ListingKey", "StandardStatus", "City") VALUES ('$key', 'Active', 'r$round') ON CONFLICT ("ListingKey") DO UPDATE SET "City" = 'r$round';}
			  : qq{UPDATE gold.property SET "ListPrice" = "ListPrice" + 1, "StandardStatus" = CASE WHEN random() < 0.2 THEN 'Closed' ELSE 'Active' END WHERE "ListingKey" = '$key';}
		} 1 .. 100);
		my @what = ({ what => 'close' }, { what => 'lost' }, { what => 'status', status => 503 }, { what => 'late' });
		faults($at, { %{ $what[int(rand(@what))] }, skip => int(rand(2)), times => 4 });
		$node->psql('postgres', "SELECT * FROM mls_publish_sync('$at', 'listing')");
		faults($at);
		like(synced($at), qr/^finished \d+ \d+ 0$/, "$at, round $round: it goes on");
		is(differences($at), 'none', "$at, round $round: and a search finds what the view shows");
		# What was under way when the run before it died arrives now.  An engine that knows versions takes none of it.
		$search->control(release => 1);
		is(differences($at), 'none', "$at, round $round: also after a late request") if $at =~ /^(elastic|open)/;
		sql("SELECT * FROM mls_publish_verify('$at', 'listing', repair => true)");
		is(differences($at), 'none', "$at, round $round: at the latest when it is verified");
	}
	if ($at eq 'elasticsearch')
	{
		names_of_others($at, $url);
		restored_backup($at);
	}
	is(sql("SELECT string_agg(item || CASE WHEN ok THEN '' ELSE '!' END, ' ') FROM mls_check('$at')"), 'configuration credentials connection write', "$at: mls_check() tries it");
	sql("SELECT mls_unpublish('$at', 'listing', drop_table => true)");
	ok(!eval { $search->shown($protocol, 'listing'); 1 }, "$at: its index is gone");
	return;
}

sub play_engines
{
	my (@engines) = @_;
	$node = new_node('publish', 'mls_fdw.allowed_hosts' => "'127.0.0.1'", log_min_messages => 'debug1', log_statement => "'none'");
	$search = start_search();
	sql(q{
CREATE SCHEMA gold;
CREATE TABLE gold.property ("ListingKey" text PRIMARY KEY, "ListPrice" numeric(14,2), "City" varchar(100), "Remarks" text, "Features" text[], "Pool" boolean, "Beds" integer, "Views" bigint,
	"ModificationTimestamp" timestamptz, "OnMarketDate" date, "Rating" float8, "Extra" jsonb, "StandardStatus" text,
	mls_source text NOT NULL DEFAULT 'hand', mls_origin text, mls_source_key text, mls_updated_at timestamptz);
CREATE VIEW listing AS SELECT "ListingKey", "ListPrice", "City", "Remarks", "Features", "Pool", "Beds", "Views", "ModificationTimestamp", "OnMarketDate", "Rating", "Extra" FROM gold.property WHERE "StandardStatus" = 'Active';
CREATE FUNCTION said(document jsonb) RETURNS jsonb RETURN (SELECT jsonb_object_agg(key, value) FROM jsonb_each(document) WHERE value NOT IN ('null', '[]'));
	});
	$search->control(settings => { elasticsearch => { max_content_length => 60000 } });
	play($_) for @engines;
	unlike(slurp_file($node->logfile), qr/ZXM6c2VjcmV0|(es|typesense|meili|solr|wrong)-(pass|key)-value/, 'no password and no key stands in the log');
	done_testing();
	return;
}

1;
