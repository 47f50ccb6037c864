# mls_objects: the files of a record, in each form in which sources answer.
use strict;
use warnings;

use JSON::PP ();
use MlsRets;
use MlsTest;
use Test::More;

my $mls = start_mls(listings => 40);
my $node = new_node('rets_objects');
my $yes = JSON::PP::true();
my $no = JSON::PP::false();
create_rets($node, $mls, 'r', tables => 'property_all, media_media', object_limit => 30);

# A listing with several pictures, and one that has none.
my ($key, $pictures) = split /\|/, $node->safe_psql('postgres', q{
	SELECT m_resource_record_key, count(*) FROM r.media_media GROUP BY 1 HAVING count(*) BETWEEN 3 AND 25
	ORDER BY 2 DESC, 1 LIMIT 1});
cmp_ok($pictures, '>', 2, 'a listing with pictures');

sub objects
{
	my ($arguments, $columns) = @_;
	return $node->safe_psql('postgres', "SELECT $columns FROM mls_objects('r', 'Property', $arguments)");
}

sub configure
{
	my (%options) = @_;
	$mls->reset;
	rets_option($mls, %options);
	return;
}

# ---- addresses ----

my $about = q{count(*), count(DISTINCT object_id), count(*) FILTER (WHERE preferred),
	bool_and(location ~ '^http.*/[0-9]+\.jpg$'), count(bytes), min(content_id), min(description)};
my $all = "$pictures|$pictures|1|t|0|$key|Picture 1";
is(objects("'$key'", $about), $all, 'addresses of all photos');
is(objects("'$key', location => true, object => '2'", 'object_id, preferred, location, bytes'),
	'2|f|http://127.0.0.1:' . "$mls->{port}/rets/photos/$key/Photo/2.jpg|", 'the address of one');
like(objects("'$key', 'Thumbnail', object => '1'", 'location'), qr{/Thumbnail/}, 'of another type');

# ---- bytes ----

my $bytes = q{count(*), count(location), bool_and(content_type = 'image/jpeg'),
	bool_and(encode(substr(bytes, 1, 4), 'hex') = 'ffd8ffe0'),
	bool_and(encode(substr(bytes, length(bytes) - 6), 'hex') = '0d0a00ffd90d0a'), md5(string_agg(md5(bytes), '' ORDER BY object_id::int))};
my $truth = objects("'$key', location => false", $bytes);
like($truth, qr/^$pictures\|0\|t\|t\|t\|/, 'bytes of all photos, to the last');
is(objects("'$key', location => false, object => '2'", 'md5(bytes)'),
	$node->safe_psql('postgres', "SELECT md5(bytes) FROM mls_objects('r', 'Property', '$key', location => false) WHERE object_id = '2'"),
	'one photo alone is the same as among others');
for my $case (
	[ 'bare LF', bare_lf => $yes ], [ 'no closing boundary', close_boundary => $no ],
	[ 'both', bare_lf => $yes, close_boundary => $no ],
	[ 'boundary unquoted', boundary => 'creaboundary' ],
	[ 'boundary and a parameter after it', boundary => '"simple boundary"; charset=utf-8' ],
	[ 'errors among headers', header_errors => $yes ],
	[ "CREA's numbers", comma_numbers => $yes, location_ignored => $yes, boundary => 'creaboundary' ],
	[ 'a cookie with the 200', cookie_on => '200' ], [ 'absolute addresses', urls => 'absolute' ])
{
	my ($name, %options) = @$case;
	configure(%options);
	is(objects("'$key', location => false", $bytes), $truth, "bytes: $name");
	next if $options{location_ignored};
	is(objects("'$key'", $about), $all, "addresses: $name");
}
configure(location_ignored => $yes);
is(objects("'$key'", $bytes), $truth, 'bytes where addresses were asked for and are not given');

# ---- none, and errors ----

for my $form ([], [ header_errors => $yes ], [ bare_lf => $yes, close_boundary => $no, header_errors => $yes ])
{
	configure(@$form);
	is(objects("'no-such-listing'", 'count(*)'), '0', "no object is no row (@$form)");
	is(objects("'$key', object => '999'", 'count(*)'), '0', "... nor is one beyond the last (@$form)");
}
configure(location => $no);
like(sql_error($node, "SELECT * FROM mls_objects('r', 'Property', '$key')"), qr/reply code 20414/, 'addresses are not supported');
is(objects("'$key', location => false", $bytes), $truth, 'but bytes are');
$mls->reset;
like(sql_error($node, "SELECT * FROM mls_objects('r', 'Nothing', '$key')"), qr/reply code 20400/, 'an unknown resource');
like(sql_error($node, "SELECT * FROM mls_objects('r', 'Property', '$key', 'Sculpture')"), qr/reply code 20401/, 'an unknown type');
for my $bad ('', '1:2', 'a,b:*')
{
	like(sql_error($node, "SELECT * FROM mls_objects('r', 'Property', '$bad')"), qr/22023.*cannot be asked for/s, "key '$bad'");
}
for my $bad ('', '1,2', '**', '-1', '1:2')
{
	like(sql_error($node, "SELECT * FROM mls_objects('r', 'Property', '$key', object => '$bad')"), qr/22023.*neither a number/s, "object '$bad'");
}
is(scalar(grep { $_->{path} =~ /getobject/ } $mls->requests), 2, 'what cannot be asked for is not asked');
$node->safe_psql('postgres', q{ALTER SERVER r OPTIONS (SET object_limit '2')});
like(sql_error($node, "SELECT * FROM mls_objects('r', 'Property', '$key')"), qr/54000.*object_limit allows 2/s, 'more objects than are allowed');
$node->safe_psql('postgres', q{ALTER SERVER r OPTIONS (SET object_limit '1000')});

# ---- sessions, codes, faults ----

for my $form (qw(20701 20037 401 412 html))
{
	$mls->reset;
	$mls->fault(kind => 'session_loss', form => $form, match => '/rets/getobject');
	is(objects("'$key', location => false", $bytes), $truth, "a session lost by $form is opened again");
}
$mls->reset;
$mls->fault(kind => 'rets_reply', code => 20412, match => '/rets/getobject', times => 1);
is(objects("'$key'", $about), $all, 'a busy source is asked again');
$mls->reset;
$mls->fault(kind => 'truncate', match => '/rets/getobject', times => 1);
is(objects("'$key', location => false", $bytes), $truth, 'an answer cut short is fetched again');
$mls->reset;
$mls->fault(kind => 'empty_body', match => '/rets/getobject', times => -1);
like(sql_error($node, "SELECT * FROM mls_objects('r', 'Property', '$key')"), qr/said to have parts, but has none/, 'parts that are none');
like(sql_error($node, "SELECT * FROM mls_objects('r', 'Property', '$key', location => false, object => '1')"),
	qr/neither bytes nor an address/, 'an object that is nothing');
$mls->reset;
$mls->fault(kind => 'stall', match => '/rets/getobject', times => -1);
my $from = time;
like(sql_error($node, "SET statement_timeout = '500ms'; SELECT * FROM mls_objects('r', 'Property', '$key')"), qr/57014/, 'it can be cancelled');
cmp_ok(time - $from, '<', 30, '... at once');
$mls->reset;

# ---- who may ----

$node->safe_psql('postgres', q{CREATE ROLE other; CREATE USER MAPPING FOR other SERVER r OPTIONS (username 'agent', password 'basic-pass-value')});
like(sql_error($node, "SET ROLE other; SELECT * FROM mls_objects('r', 'Property', '$key')"), qr/42501.*permission denied for function/s, 'not everybody');
$node->safe_psql('postgres', 'GRANT EXECUTE ON FUNCTION mls_objects(text, text, text, text, boolean, text) TO other');
like(sql_error($node, "SET ROLE other; SELECT * FROM mls_objects('r', 'Property', '$key')"), qr/42501.*permission denied for foreign server/s, 'nor without USAGE on the server');
$node->safe_psql('postgres', 'GRANT USAGE ON FOREIGN SERVER r TO other');
is($node->safe_psql('postgres', "SET ROLE other; SELECT count(*) FROM mls_objects('r', 'Property', '$key')"), $pictures, 'with both');
$node->safe_psql('postgres', q{CREATE SERVER web FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url 'http://127.0.0.1:1/odata');
	CREATE USER MAPPING FOR CURRENT_USER SERVER web OPTIONS (token 'static-token-value')});
like(sql_error($node, "SELECT * FROM mls_objects('web', 'Property', '1')"), qr/0A000.*cannot be fetched/s, 'a protocol without objects');

done_testing();
