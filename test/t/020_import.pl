# IMPORT FOREIGN SCHEMA and mls_check against a live server.
use strict;
use warnings;

use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('import');
my $mls = start_mls(listings => 40, samples => 20, fields => 'small', enum => 'enum');
my $url = $mls->url;
$node->safe_psql('postgres', qq{
	CREATE SERVER demo FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url '$url', retries '0');
	CREATE USER MAPPING FOR CURRENT_USER SERVER demo OPTIONS (token 'static-token-value');
});

sub query { return $node->safe_psql('postgres', @_); }

# Imports into a fresh schema t; returns what the client was told.
sub import
{
	my ($what, $options, $server) = @_;
	my ($status, $out, $err) = $node->psql('postgres', sprintf(q{
		SET client_min_messages = warning; DROP SCHEMA IF EXISTS t CASCADE; CREATE SCHEMA t;
		RESET client_min_messages;
		IMPORT FOREIGN SCHEMA reso %s FROM SERVER %s INTO t %s},
		$what, $server || 'demo', $options ? "OPTIONS ($options)" : ''));
	return $err;
}

# Lets the server answer the next request for metadata with a document.
sub serve_metadata
{
	my ($document, $type) = @_;
	$mls->fault(kind => 'status', status => 200, match => 'metadata', body => $document,
		content_type => $type || 'application/xml');
	return;
}

sub tables
{
	return query(q{SELECT string_agg(relname, ' ' ORDER BY relname COLLATE "C") FROM pg_class
		WHERE relnamespace = 't'::regnamespace AND relkind = 'f'});
}

sub columns
{
	my ($table, $what) = @_;
	return query(qq{SELECT attname, format_type(atttypid, atttypmod), attnotnull, attfdwoptions
		FROM pg_attribute WHERE attrelid = 't.$table'::regclass AND attnum > 0 AND attname ~ '$what' ORDER BY attnum});
}

sub table_options
{
	my ($table) = @_;
	return query("SELECT ftoptions FROM pg_foreign_table WHERE ftrelid = 't.$table'::regclass");
}

# ---- which tables ----

$mls->reset;
is(import(''), '', 'a whole schema is imported without a word');
is(scalar(grep { $_->{path} =~ m{^/odata} } $mls->requests), 1, 'with one request');
is(tables(), 'lookup media member office open_house property sampler', 'each entity set is a table');
is(table_options('property'), '{resource=Property,key=ListingKey,timestamp=ModificationTimestamp}',
	'a table knows its resource, key and timestamp');

import('LIMIT TO (office, "Member")');
is(tables(), 'member office', 'LIMIT TO names tables or resources');
like(import('LIMIT TO (office, offices)'), qr/WARNING:  source "demo" has no resource "offices"/,
	'a name that is neither is reported');
import('EXCEPT (lookup, "OpenHouse", sampler)');
is(tables(), 'media member office property', 'EXCEPT does, too');

# ---- columns ----

import('LIMIT TO (sampler, property)');
is(columns('sampler', 'key|uid|choice|tags|clock'), join("\n",
	'sampler_key|bigint|t|{field=SamplerKey}',
	'clock|time without time zone|f|{field=Clock}',
	'uid|uuid|f|{field=Uid,type=Edm.Guid}',
	'tags|text[]|f|{field=Tags}',
	'choice|text|f|{field=Choice,type=Mls.Test.Enums.StandardStatus,enum=true}',
	'choices|text[]|f|{field=Choices,type=Collection(Mls.Test.Enums.AccessibilityFeatures),enum=true}'),
	'columns have names in snake_case, a field, and a type where it does not follow');
is(query('SELECT count(*), count(choice) > 0, count(*) FILTER (WHERE cardinality(choices) > 1) > 0 FROM t.sampler'),
	'20|t|t', 'and can be read');

import('LIMIT TO ("Property")', "names 'preserve'");
is(tables(), 'Property', 'names can be preserved');
is(query(q{SELECT count("ListPrice") > 0 FROM t."Property"}), 't', 'of columns as well');

import('LIMIT TO (property, member)', "expand 'Media, ListAgent'");
is(table_options('property'), '{resource=Property,key=ListingKey,timestamp=ModificationTimestamp,"expand=Media,ListAgent"}',
	'navigations can be expanded');
is(table_options('member'), '{resource=Member,key=MemberKey,timestamp=ModificationTimestamp}', 'where there are such');
is(columns('property', 'media|list_agent$'), "media|jsonb|f|{field=Media}\nlist_agent|jsonb|f|{field=ListAgent}", 'into jsonb');
is(query('SELECT sum(jsonb_array_length(media)) > 0, count(list_agent) > 0 FROM t.property'), 't|t', 'with contents');
like(import('', "expand 'Medai'"), qr/No resource of source "demo" has a navigation "Medai"/, 'a misspelt one is an error');
like(import('', "nmaes 'preserve'"), qr/Perhaps you meant the option "names"/, 'so is a misspelt option');

# ---- difficult documents ----

my $head = '<Edmx Version="4.0"><DataServices><Schema Namespace="n">';
my $tail = '<EntityContainer Name="C"><EntitySet Name="select" EntityType="n.A"/><EntitySet Name="Select" EntityType="n.A"/></EntityContainer></Schema></DataServices></Edmx>';
sub document
{
	my ($properties) = @_;
	return qq{$head<EntityType Name="A"><Key><PropertyRef Name="Id"/></Key>$properties</EntityType>$tail};
}

my @awkward = ('Id', 'order', 'ListPrice', 'listPrice', 'list_price', 'Ctid', "It's", 'a\\b', 'x"y', 'K' x 70 . '1', 'K' x 70 . '2');
my $described = 'Said "so"; it\'s &lt;b&gt; -- $1 \\';
my @properties = map { (my $name = $_) =~ s/"/&quot;/g; qq{<Property Name="$name" Type="Edm.String">
	<Annotation Term="Core.Description"><String>$described</String></Annotation></Property>} } @awkward;
serve_metadata(document(join '', @properties));
is(import(''), '', 'awkward names are no trouble');
is(tables(), 'select select_2', 'two resources of one name get two tables');
(my $names = columns('"select"', '')) =~ s/\|.*//mg;
is($names, join("\n", 'id', 'order', 'list_price', 'list_price_2', 'list_price_3', 'ctid_2', 'it_s', 'a_b', 'x_y',
	'k' x 63, 'k' x 61 . '_2'), 'two fields of one name two columns');
my $before = columns('"select"', '');
serve_metadata(document(join '', reverse @properties));
import('');
is(join("\n", reverse split /\n/, columns('"select"', '')), $before, 'whatever order they come in');
is(query(q{SELECT DISTINCT col_description('t."select"'::regclass, attnum) FROM pg_attribute WHERE attrelid = 't."select"'::regclass AND attnum > 0}),
	q{Said "so"; it's <b> -- $1 \\}, 'columns carry the descriptions as comments');
serve_metadata(document(join '', @properties));
import('', "comments 'false'");
is(query(q{SELECT count(*) FROM pg_description WHERE objoid = 't."select"'::regclass}), '0', 'unless they are not wanted');
serve_metadata(document(join '', @properties));
import('', "names 'preserve'");
is(query(q{SELECT count(*) FROM pg_attribute WHERE attrelid = 't."Select"'::regclass AND attnum > 0 AND attname = ANY (ARRAY['listPrice', E'a\\\\b', 'x"y'])}),
	'3', 'preserved names keep every sign');

my $wide = join '', map { qq{<Property Name="F$_" Type="Edm.String"/>} } 1 .. 2000;
serve_metadata(document("$wide<Property Name=\"ModificationTimestamp\" Type=\"Edm.DateTimeOffset\"/><Property Name=\"Id\" Type=\"Edm.Int64\"/>"));
like(import('LIMIT TO ("Select")'), qr/1589 of 2002 fields become columns; another one holds the whole record/, 'too many fields are reported');
is(columns('"select"', '^(id|modification_timestamp|record)$'), join("\n", 'modification_timestamp|timestamp with time zone|f|{field=ModificationTimestamp}',
	'id|bigint|t|{field=Id}', 'record|jsonb|f|{field=*}'), 'key and timestamp are among the columns, and the record has the rest');

for my $name (qw(strings enumerations structure no_container))
{
	serve_metadata(slurp_file("$ENV{MLS_TREE}/test/edmx/$name.xml"));
	unlike(import(''), qr/ERROR/, "document \"$name\" is imported");
}
serve_metadata(slurp_file("$ENV{MLS_TREE}/test/edmx/enumerations.xml"));
my $told = import('');
is(scalar(() = $told =~ /^.*NOTICE:  metadata of source "demo": /mg), 6, 'findings are told, but not endlessly');
like($told, qr/: 8 further findings/, 'the others are counted');
is(columns('property', 'access|entered'), join("\n",
	'access|text[]|f|{field=Access,type=valley.enums.Access,enum=true,flags=true}',
	'access_list|text[]|f|{field=AccessList,type=Collection(valley.enums.Access),enum=true}',
	'entered|text|f|{field=Entered,type=unknown}'), 'flags and fields without a type are noted in the columns');

# ---- failures leave nothing behind ----

for my $case (['bad_key', qr/ERROR:  metadata of source "demo" describes no resources.*"Property" is left out: its type "Property" has no key/s],
	['bad_set', qr/describes no resources.*"bad.Data.Property" does not exist/s],
	['bad_text', qr/ERROR:  metadata of source "demo" is not a valid EDMX document/],
	['bad_xml', qr/ERROR:  metadata of source "demo" is not well-formed XML/])
{
	my ($name, $pattern) = @$case;
	serve_metadata(slurp_file("$ENV{MLS_TREE}/test/edmx/$name.xml"));
	my $error = import('');
	like($error, $pattern, "document \"$name\" is refused");
	is(scalar(() = $error =~ /ERROR/g), 1, 'with one error');
}
serve_metadata('<html><body>Sign in</body></html>', 'text/html');
like(import(''), qr/could not read metadata of source "demo".*HTML page/s, 'a sign-in page is recognised');
serve_metadata('{"value": []}', 'application/json');
like(import(''), qr/no XML: its content type is "application\/json"/, 'and so is JSON');
$mls->fault(kind => 'status', status => 404, match => 'metadata');
like(import(''), qr/could not fetch metadata from source "demo".*404/s, 'a missing document');
$mls->fault(kind => 'truncate', length => 'wrong', match => 'metadata');
like(import(''), qr/not well-formed|damaged or cut short/, 'a document cut off');

$mls->reset;
query(q{DROP SCHEMA IF EXISTS t CASCADE; CREATE SCHEMA t; CREATE TABLE t.office ()});
my ($status, $out, $err) = $node->psql('postgres', 'IMPORT FOREIGN SCHEMA reso FROM SERVER demo INTO t');
like($err, qr/relation "office" already exists.*importing foreign table "office"/s, 'a name that is in use');
is(tables(), '', 'undoes the whole import');

# ---- privileges, event triggers ----

query(q{
	CREATE ROLE agent LOGIN; CREATE SCHEMA agent AUTHORIZATION agent; GRANT USAGE ON FOREIGN SERVER demo TO agent;
	CREATE USER MAPPING FOR agent SERVER demo OPTIONS (token 'static-token-value')});
($status, $out, $err) = $node->psql('postgres', q{SET ROLE agent;
	IMPORT FOREIGN SCHEMA reso LIMIT TO (office) FROM SERVER demo INTO agent;
	SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = 'agent.office'::regclass;
	IMPORT FOREIGN SCHEMA reso LIMIT TO (office) FROM SERVER demo INTO t});
is($out, 'agent', 'the tables belong to who imports them');
like($err, qr/permission denied for schema t/, 'who needs the right to make them');

query(q{
	CREATE TABLE seen (tag text, object text);
	CREATE FUNCTION see() RETURNS event_trigger LANGUAGE plpgsql AS $$
	BEGIN INSERT INTO seen SELECT command_tag, object_identity FROM pg_event_trigger_ddl_commands(); END $$;
	CREATE EVENT TRIGGER see ON ddl_command_end EXECUTE FUNCTION see()});
import('LIMIT TO (office)');
like(query('SELECT * FROM seen'), qr/^CREATE FOREIGN TABLE\|t\.office$/m, 'event triggers see what is created');
query('DROP EVENT TRIGGER see');

# ---- mls_check ----

sub check
{
	my ($server) = @_;
	return query("SELECT item, ok, detail FROM mls_check('$server')");
}

$mls->reset;
my $report = check('demo');
unlike($report, qr/\|f\|/, 'a check of a good source finds nothing wrong');
like($report, qr/^configuration\|t\|.*\ncredentials\|t\|.*\nservice\|t\|.*\nmetadata\|t\|7 resources with \d+ fields\.\nProperty\|t\|.*\ncount\|t\|The source counts 40 records\.\norder\|t\|.*\npaging\|t\|A page of 2 records leads on to the next\.\nMember\|t\|/,
	'and says so step by step');
cmp_ok(scalar(grep { $_->{path} =~ m{^/odata} } $mls->requests), '<=', 16, 'with few requests');

$mls->fault(kind => 'status', status => 403, match => '/Member', times => -1);
$mls->fault(kind => 'refuse_count');
$report = check('demo');
like($report, qr/^Member\|f\|.*403/m, 'a resource that is not granted is reported');
like($report, qr/^Office\|t\|/m, 'and the check goes on');

query(qq{
	CREATE SERVER wrong FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url '$url', retries '0');
	CREATE USER MAPPING FOR CURRENT_USER SERVER wrong OPTIONS (token 'not-the-token');
	CREATE SERVER nobody FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url '$url', auth 'bearer');
	CREATE SERVER closed FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url 'http://127.0.0.2:1/odata')});
$mls->reset;
like(check('wrong'), qr/^service\|f\|source "wrong" rejected the credentials/m, 'wrong credentials');
unlike(check('wrong'), qr/not-the-token|^metadata/m, 'end it without showing them');
like(check('nobody'), qr/^credentials\|f\|user mapping not found.*CREATE USER MAPPING.*token/m, 'a missing user mapping');
like(check('closed'), qr/^service\|f\|.*mls_fdw\.allowed_hosts/m, 'an address that is not allowed');
like(check('nowhere'), qr/^configuration\|f\|server "nowhere" does not exist/, 'a server that does not exist');
serve_metadata('<html/>', 'text/html');
like(check('demo'), qr/^metadata\|f\|could not read metadata.*\nquota\|/m, 'metadata that cannot be read');

$mls->reset;
$mls->fault(kind => 'stall', match => 'Property', times => -1);
like(sql_error($node, q{SET statement_timeout = '500ms'; SELECT * FROM mls_check('demo')}), qr/57014/,
	'a timeout ends the statement, not a step');
$mls->control('release');
$mls->reset;
like(sql_error($node, q{SET ROLE agent; SELECT * FROM mls_check('demo')}), qr/42501/, 'not everybody may check');
query('GRANT EXECUTE ON FUNCTION mls_check(text) TO agent');
unlike(query(q{SET ROLE agent; SELECT * FROM mls_check('demo')}), qr/\|f\|/, 'those who are allowed to');
like(query(q{SET ROLE agent; SELECT * FROM mls_check('wrong')}), qr/configuration\|f\|permission denied for foreign server wrong/,
	'need the right to use the server');

done_testing();
