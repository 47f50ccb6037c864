# Files of datasets over HTTP: who sees which, what becomes of those that are sent, and that of
# those that are removed nothing is left.
use strict;
use warnings;

use JSON::PP;
use MlsServe;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

need_serve();
my $folder = PostgreSQL::Test::Utils::tempdir;
mkdir "$folder/$_" or die for qw(srv srv/north srv/southmark);
my $node = new_node('serve_datasets', 'mls_fdw.file_directories' => "'$folder/srv'");
my $tmp = $PostgreSQL::Test::Utils::tmp_check;

sub query { return scalar $node->safe_psql('postgres', $_[0]) }
sub as { my ($role, $sql) = @_; return scalar $node->safe_psql('postgres', $sql, extra_params => [ '-U', $role ]); }

my $time = time - 3600;
sub put
{
	my ($name, $text) = @_;
	open my $to, '>:raw', "$folder/srv/$name" or die "$name: $!";
	print $to $text;
	close $to or die;
	$time += 10;
	utime $time, $time, "$folder/srv/$name" or die;
	return;
}

# ---- Two tenants, each with a dataset in a directory and one that is sent ----

query(q{CREATE ROLE authenticator LOGIN NOINHERIT; CREATE ROLE readers; CREATE ROLE senders; CREATE ROLE strangers});
for my $tenant (qw(north southmark))
{
	query(qq{CREATE ROLE $tenant LOGIN; SELECT mls_grant('$tenant'); GRANT USAGE ON FOREIGN DATA WRAPPER mls_fdw TO $tenant; GRANT CREATE ON DATABASE postgres TO $tenant;
		SELECT mls_tenant('$tenant', '{file://$folder/srv/$tenant}')});
	query(qq{ALTER ROLE $tenant SET mls_fdw.${_}_schema = '${_}_$tenant'}) for qw(bronze silver gold reso);
}
put('north/roster.csv', "Id,Name\n1,Ann\n2,Bob\n");
put('north/leads.ndjson', qq({"id": 1}\n{"id": 2}\noops\n));
put('southmark/southmark_list.csv', "Id,Name\n1,southmark_person\n");
for my $tenant (qw(north southmark))
{
	as($tenant, qq{CREATE SERVER ${tenant}_files FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url 'file://$folder/srv/$tenant');
		CREATE SCHEMA $tenant; IMPORT FOREIGN SCHEMA files FROM SERVER ${tenant}_files INTO $tenant});
}
as('north', q{SELECT mls_subscribe('north.roster'); SELECT mls_subscribe('north.leads'); SELECT * FROM mls_sync()});
as('southmark', q{SELECT mls_subscribe('southmark.southmark_list'); SELECT * FROM mls_sync()});
like(sql_error($node, q{SELECT mls_serve_dataset('north.roster', NULL)}), qr/22023/, 'an audience is needed');
like(sql_error($node, q{SELECT mls_serve_dataset('pg_class', 'readers')}), qr/42809.*no foreign table of a dataset/, 'and a dataset');
as('north', q{SELECT mls_serve_dataset('north.roster', 'readers'); SELECT mls_serve_dataset('north.leads', 'readers'); SELECT mls_serve_dataset('north.roster', 'senders', writes => true)});
query(q{GRANT USAGE ON SCHEMA north TO southmark; GRANT USAGE ON SCHEMA southmark TO north});
like(sql_error($node, q{SET ROLE north; SELECT mls_serve_dataset('southmark.southmark_list', 'readers')}), qr/42704.*not subscribed by you/, 'who shows a dataset is its owner');
like(sql_error($node, q{SET ROLE southmark; SELECT mls_serve_dataset_remove('north.roster', 'readers')}), qr/42704.*not subscribed by you/, 'and who takes it back');
as('southmark', q{SELECT mls_serve_dataset('southmark.southmark_list', 'strangers')});
query(q{SELECT mls_serve_grant('authenticator')});
sub consumer { my ($role, $name, $audience, $claims, $limits) = @_; return split /\|/, as($role, sprintf q{SELECT client_id, secret FROM mls_consumer_add('%s', '%s', '%s', '%s')}, $name, $audience, $claims || '{}', $limits || '{}'); }
my %consumer = (reader => [ consumer('north', 'Reader', 'readers') ], sender => [ consumer('north', 'Sender', 'senders') ], stranger => [ consumer('southmark', 'Stranger', 'strangers') ],
	narrow => [ consumer('north', 'Narrow', 'readers', '{"scope": "Property"}') ], elsewhere => [ consumer('north', 'Elsewhere', 'readers', '{"sources": ["other"]}') ]);
like(sql_error($node, q{SET ROLE north; SELECT mls_consumer_add('x', 'strangers')}), qr/42501.*What it sees was said by: southmark/s, 'whom another has shown something is not let in');
append_to_file("$tmp/keys", 'one ' . 'k' x 40 . "\n");
chmod 0600, "$tmp/keys";
my $serve = start_serve($node, jwt_secret_file => "$tmp/keys", max_upload => 2, public_url => 'https://api.example.com/reso/odata', basic => '');
my %token = map { $_ => $serve->token(@{ $consumer{$_} }) } keys %consumer;
sub get { my ($who, $target, %how) = @_; return $serve->get($target, token => $token{$who}, %how); }
sub names { my ($answer) = @_; return join ' ', map { $_->{resource} // $_->{name} } @{ $answer->{json}{value} }; }

# ---- Reading ----

my $list = get('reader', '/datasets');
is($list->{status}, 200, 'datasets') or diag($list->{body});
is(names($list), 'leads roster', 'those that are shown');
is(join(' ', map { "$_->{state} $_->{rows} $_->{rejected} $_->{issues} $_->{files}" } @{ $list->{json}{value} }), 'synced 2 1 1 1 synced 2 0 0 1', 'with states and counts');
is(get('reader', '/datasets', headers => { 'If-None-Match' => $list->{headers}{etag} })->{status}, 304, 'that are asked for again with a tag');
is($list->{headers}{'odata-version'}, undef, 'no OData');
my $one = get('reader', '/datasets/north_files/roster');
is("$one->{status} $one->{json}{source} $one->{json}{resource} $one->{json}{writable}", '200 north_files roster 0', 'one of them');
my $files = get('reader', '/datasets/north_files/leads/files');
is(join(' ', map { "$_->{name} $_->{state} $_->{rows} $_->{rejected} $_->{issues}" } @{ $files->{json}{value} }), 'leads.ndjson synced 2 1 1', 'its files');
my $file = get('reader', '/datasets/north_files/roster/files/roster.csv');
is($file->{json}{reading}, 'cells between commas, UTF-8, header in line 1', 'one of these, and how it was read');
like($file->{json}{synced_at}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\z/, 'and when');
is(get('reader', '/datasets/north%5Ffiles/roster/files/roster%2Ecsv')->{status}, 200, 'addresses may be encoded');
is(get('reader', '/datasets', method => 'HEAD')->{status}, 200, 'HEAD');
for my $target ('/datasets/', '/datasetsx', '/datasets/north_files', '/datasets/north_files/nothing', '/datasets/north_files/roster/', '/datasets/north_files/roster/rows', '/datasets/north_files/roster/files/none.csv', '/datasets/north_files/none/files',
	'/datasets/southmark_files/southmark_list', '/datasets/southmark_files/southmark_list/files', '/datasets/southmark_files/southmark_list/files/southmark_list.csv', '/datasets/a/b/files/c/d', '/datasets/%00/b', '/datasets/%/b', "/datasets/a'b/c")
{
	my $answer = get('reader', $target);
	is($answer->{status}, $target eq '/datasets/' ? 200 : 404, $target);
}
is(get('reader', '/datasets/%ff/b')->{status}, 400, 'what is no text is none');
is(get('reader', '/datasets/north_files/roster/files?$top=0')->{status}, 400, 'no pages of nothing');
put("north/r$_.csv", "Id\n$_\n") for 1 .. 5;
as('north', q{ALTER SERVER north_files OPTIONS (ADD files 'roster=r*.csv, leads.ndjson'); SELECT * FROM mls_sync()});
my ($all, $pages) = $serve->all_records('/datasets/north_files/roster/files?$top=2', token => $token{reader});
is(join(' ', map { $_->{name} } @$all) . " $pages", 'r1.csv r2.csv r3.csv r4.csv r5.csv roster.csv 3', 'page by page');

# ---- Who may not ----

is($serve->get('/datasets')->{status}, 401, 'without a token nothing');
is($serve->get('/datasets', user => join(':', @{ $consumer{reader} }))->{status}, 200, 'or with client id and secret');
is($serve->get('/datasets', user => "$consumer{reader}[0]:wrong")->{status}, 401, 'that are right');
my $narrow = get('narrow', '/datasets');
is("$narrow->{status} $narrow->{json}{error}{code} $narrow->{json}{error}{target}", '403 InsufficientScope Datasets', 'a scope may not cover it');
is(names(get('elsewhere', '/datasets')), '', 'claims narrow it to sources');
is(names(get('stranger', '/datasets')), 'southmark_list', 'each sees his own');
is(get('reader', '/Property')->{status}, 404, 'who is shown files alone is served no records');
for my $case ([ 'POST', '/datasets' ], [ 'PUT', '/datasets/north_files/roster' ], [ 'DELETE', '/datasets' ], [ 'DELETE', '/datasets/north_files/roster/files' ], [ 'POST', '/datasets/north_files/roster/files/x.csv' ], [ 'PATCH', '/datasets/north_files/roster/files/x.csv' ])
{
	my $answer = get('sender', $case->[1], method => $case->[0], body => 'x');
	is("$answer->{status} " . ($answer->{headers}{allow} ? 1 : 0), '405 1', "no $case->[0] $case->[1]");
}
for my $case ([ 'reader', 'DELETE', '/datasets/north_files/roster/files/r1.csv', 403 ], [ 'stranger', 'DELETE', '/datasets/north_files/roster/files/r1.csv', 404 ], [ 'sender', 'DELETE', '/datasets/north_files/roster/files/r1.csv', 409 ], [ 'sender', 'DELETE', '/datasets/north_files/leads', 404 ],
	[ 'reader', 'POST', '/datasets/north_files/roster?name=r9.csv', 403 ], [ 'sender', 'POST', '/datasets/north_files/roster?name=r9.csv', 409 ], [ 'stranger', 'POST', '/datasets/north_files/roster?name=r9.csv', 404 ])
{
	my $answer = get($case->[0], $case->[2], method => $case->[1], $case->[1] eq 'POST' ? (body => "Id\n9\n") : ());
	is($answer->{status}, $case->[3], "$case->[1] $case->[2] by $case->[0]") or diag($answer->{body});
	ok(defined $answer->{json}{error}{message}, 'with an error as OData has it');
}
ok(-e "$folder/srv/north/r1.csv", 'and nothing has happened');
# ---- What is told of others ----

my $log = query(q{SELECT string_agg(DISTINCT concat_ws(' ', resource, query), ', ') FROM mls.serve_log WHERE consumer = 'Reader'});
ok(wait_until('the audit', sub { query(q{SELECT count(*) > 0 FROM mls.serve_log WHERE consumer = 'Reader' AND resource = 'Datasets' AND query = 'datasets/?' AND status = 200}) eq 't' }), 'what was asked is written down, without names');
is(query(q{SELECT count(*) FROM mls.serve_log l WHERE position('roster' IN l::text) > 0}), 0, 'of files');
is($serve->stop, 0, 'the program ends well');
$node->stop;
done_testing();
