# Metadata as servers really send it: one bad entity set among good ones, and good
# documents in an unusual form.
use strict;
use warnings;

use Encode ();
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('odata_metadata');
my $mls = start_mls(listings => 30, samples => 5, fields => 'small');
my $url = $mls->url;
$node->safe_psql('postgres', qq{
	CREATE SERVER demo FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url '$url', retries '0');
	CREATE USER MAPPING FOR CURRENT_USER SERVER demo OPTIONS (token 'static-token-value');
});

sub query { return $node->safe_psql('postgres', @_); }

# Imports into a fresh schema t; returns what the client was told.
sub import
{
	my ($what) = @_;
	my ($status, $out, $err) = $node->psql('postgres', qq{
		SET client_min_messages = warning; DROP SCHEMA IF EXISTS t CASCADE; CREATE SCHEMA t;
		RESET client_min_messages;
		IMPORT FOREIGN SCHEMA reso $what FROM SERVER demo INTO t});
	return $err;
}

sub tables
{
	return query(q{SELECT string_agg(relname, ' ' ORDER BY relname COLLATE "C") FROM pg_class
		WHERE relnamespace = 't'::regnamespace AND relkind = 'f'});
}

# Lets the server answer all requests for metadata so.
sub serve
{
	my ($document, %more) = @_;
	$mls->reset;
	$mls->fault(kind => 'status', status => 200, match => 'metadata', times => -1, body => $document,
		content_type => 'application/xml', %more);
	return;
}

# ---- one bad set ----

my $partly = slurp_file("$ENV{MLS_TREE}/test/edmx/partly_bad.xml");
serve($partly);
my $told = import('');
is(tables(), 'abstract_keyed_set property', 'a bad entity set does not end the import of the others');
like($told, qr/NOTICE:  metadata of source "demo": resource "NoKeySet" is left out: its type "NoKey" has no key/, 'it is told');
like($told, qr/: 7 further findings/, 'as often as is readable');
unlike($told, qr/ERROR/, 'and is no error');
like(import('LIMIT TO (property)'), qr/NOTICE/, 'LIMIT TO a good one');
is(tables(), 'property', 'imports it');
for my $name ('"AliasKeySet"', 'alias_key_set')
{
	like(import("LIMIT TO (property, $name)"),
		qr/WARNING:  resource "AliasKeySet" of source "demo" cannot be imported\nDETAIL:  In the metadata, its key is "Info\/ID", a part of another field\./,
		"LIMIT TO $name says why not");
	is(tables(), 'property', 'and imports the rest of the list');
}
unlike(import('EXCEPT ("AliasKeySet")'), qr/WARNING/, 'EXCEPT may name what is left out anyway');
like(query(q{SELECT detail FROM mls_check('demo') WHERE item = 'metadata'}),
	qr/2 resources with 3 fields\. Read with 12 findings, the first: resource "NoKeySet" is left out/, 'mls_check tells it, too');

# A subscribed resource whose declaration becomes bad is not taken for gone.
$mls->reset;
import('LIMIT TO (office)');
query(q{SET client_min_messages = error; ALTER SERVER demo OPTIONS (ADD schema_check_interval '0');
	SELECT mls_subscribe('t.office')});
my $sync = q{SELECT status, received, message FROM mls_sync()};
like(query($sync), qr/^finished\|\d+\|/, 'a resource is synced');
(my $spoilt = $partly) =~ s/NoKeySet/Office/;
serve($spoilt);
like(query("SET client_min_messages = error; $sync"),
	qr/^finished\|\d+\|.*the metadata cannot be read for this resource, since its type "NoKey" has no key/,
	'also when its declaration has become unreadable');
unlike(query('SELECT string_agg(reason, E\'\n\') FROM mls.issue'), qr/does not declare the resource/, 'which is not taken for its end');
query(q{SELECT mls_unsubscribe('t.office')});

# ---- good documents in an unusual form ----

my $good = '<Edmx Version="4.0"><DataServices><Schema Namespace="n"><EntityType Name="Office"><Key><PropertyRef Name="OfficeKey"/></Key>'
  . '<Property Name="OfficeKey" Type="Edm.String"/><Property Name="OfficeName" Type="Edm.String">'
  . '<Annotation Term="Core.Description" String="Größe"/></Property></EntityType>'
  . '<EntityContainer Name="C"><EntitySet Name="Office" EntityType="n.Office"/></EntityContainer></Schema></DataServices></Edmx>';

# Serves bytes that are no UTF-8, and imports.
sub imports_office
{
	my ($what, $bytes, $type) = @_;
	serve('', body_bytes => join('', map { sprintf '%02x', ord } split //, $bytes), content_type => $type || 'application/xml');
	is(import(''), '', "$what: imported without a word");
	is(query(q{SELECT col_description('t.office'::regclass, 2)}), 'Größe', "$what: all characters are there");
	return;
}

my $text = Encode::decode('UTF-8', $good);
imports_office('UTF-16, little end first', "\xFF\xFE" . Encode::encode('UTF-16LE', qq{<?xml version="1.0" encoding="utf-16"?>$text}));
imports_office('UTF-16, big end first', "\xFE\xFF" . Encode::encode('UTF-16BE', qq{<?xml version="1.0" encoding="utf-16"?>$text}), 'application/xml; charset=utf-16');
imports_office('UTF-16 without a mark', Encode::encode('UTF-16LE', qq{<?xml version="1.0" encoding="utf-16"?>$text}));
imports_office('UTF-16 that says it is UTF-8', "\xFF\xFE" . Encode::encode('UTF-16LE', qq{<?xml version="1.0" encoding="utf-8"?>$text}));
imports_office('UTF-8 that says it is UTF-16', qq{<?xml version="1.0" encoding="utf-16"?>$good});
imports_office('blanks before the declaration', qq{\r\n  <?xml version="1.0" encoding="utf-8"?>$good});
imports_office('a mark and blanks', qq{\xEF\xBB\xBF\n<?xml version="1.0"?>$good});
imports_office('blanks and a mark', qq{\n\xEF\xBB\xBF<?xml version="1.0"?>$good});
imports_office('ISO-8859-1', Encode::encode('ISO-8859-1', qq{<?xml version="1.0" encoding="ISO-8859-1"?>$text}));

# ---- metadata in JSON ----

my $csdl = '{"$Version":"4.01","$EntityContainer":"n.C","n":{"Office":{"$Kind":"EntityType","$Key":["OfficeKey"],"OfficeKey":{}}}}';
serve($csdl, content_type => 'application/json');
my $error = import('');
like($error, qr/ERROR:  could not read metadata of source "demo"\nDETAIL:  The answer is metadata written in JSON \(CSDL JSON, content type "application\/json"\), though XML was asked for/,
	'CSDL JSON is called by its name');
unlike($error, qr/option url/, 'and url is not blamed');
my @asked = map { $_->{query} } grep { $_->{path} =~ /metadata/ } $mls->requests;
is(scalar @asked, 2, 'the source was asked a second time');
like($asked[1], qr/\$format=application(?:\/|%2F)xml/, 'by the address');
serve($csdl, content_type => 'application/json', times => 1);
is(import('LIMIT TO (office)'), '', 'which helps where the header is not looked at');
is(tables(), 'office', 'the tables are made');

done_testing();
