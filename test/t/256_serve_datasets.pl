# Files of datasets over HTTP: who sees which, what becomes of those that are sent, and that of
# those that are removed nothing is left.
use strict;
use warnings;

use JSON::PP;
use MlsBooks;
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
# ---- What is sent ----

query(q{GRANT USAGE ON SCHEMA public TO north});
as('north', q{CREATE SERVER inbox FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url 'upload:', files 'list=list*, other=other*');
	SELECT mls_upload('inbox', 'list_0.csv', convert_to(E'Id,Name\n0,Zoe\n', 'UTF8')); CREATE SCHEMA inbox; IMPORT FOREIGN SCHEMA files FROM SERVER inbox INTO inbox;
	SELECT mls_subscribe('inbox.list'); SELECT mls_serve_dataset('inbox.list', 'senders', writes => true); SELECT mls_serve_dataset('inbox.list', 'readers')});
sub state_of { my ($name) = @_; my $answer = get('sender', "/datasets/inbox/list/files/$name"); return $answer->{json}{state} // $answer->{status}; }
sub becomes { my ($name, $state) = @_; return ok(wait_until("$name is $state", sub { state_of($name) eq $state }, 180), "$name becomes $state"); }
sub send_to { my ($target, $body, $type, %how) = @_; return get($how{who} || 'sender', $target, method => 'POST', body => $body, headers => { 'Content-Type' => $type // 'application/octet-stream' }); }

my $sent = send_to('/datasets/inbox/list?name=list_1.csv', "Id,Name\n1,Ann\n2,Bob\n", 'text/csv');
is("$sent->{status} $sent->{json}{value}[0]{name} $sent->{json}{value}[0]{state} $sent->{json}{sync}", '202 list_1.csv pending begun', 'a file is sent') or diag($sent->{body});
is($sent->{headers}{location}, 'https://api.example.com/reso/odata/datasets/inbox/list/files/list_1.csv', 'and where to look is said');
becomes('list_1.csv', 'synced');
is(as('north', q{SELECT string_agg(name, ' ' ORDER BY id) FROM silver_north.inbox_list}), 'Zoe Ann Bob', 'its rows are here, with those of files that had waited');
is(get('reader', '/datasets/inbox/list')->{json}{rows}, 3, 'who looks sees how many');
$sent = send_to('/datasets/inbox/list', encode_json({ name => 'list_records', records => [ { Id => 3, Name => 'Eve' } ] }), 'application/json');
is("$sent->{status} $sent->{json}{value}[0]{name}", '202 list_records.json', 'records are sent');
becomes('list_records.json', 'synced');
$sent = send_to('/datasets/inbox/list?name=list_lines.ndjson', qq({"Id": 4, "Name": "Ivy"}\nno line\n), 'application/json');
becomes('list_lines.ndjson', 'synced');
my $lines = get('sender', '/datasets/inbox/list/files/list_lines.ndjson')->{json};
is("$lines->{rows} $lines->{rejected} $lines->{issues}", '1 1 1', 'with what was rejected');
is(as('north', q{SELECT count(*) FROM silver_north.inbox_list}), 5, 'and is here');
send_to('/datasets/inbox/list?name=list_1.csv', "Id,Name\n1,Ann\n2,Rob\n");
ok(wait_until('the same name again', sub { as('north', q{SELECT count(*) FROM silver_north.inbox_list WHERE name = 'Rob'}) == 1 }), 'a file is sent anew');

# ---- What is no file ----

like(send_to('/datasets/inbox/list?name=other_1.csv', "Id\n1\n")->{json}{error}{message}, qr/none of this dataset, which takes list\S*/, 'who sends a file of another name is told which are taken');
like(send_to('/datasets/inbox/list?name=list.exe', 'x')->{json}{error}{message}, qr/which takes list\S*\. By the end of its name it is of no kind that is read: \.csv, /, 'and of which kinds');

my @bad = ([ '/datasets/inbox/list', 'x', undef, 400, 'without a name' ], [ '/datasets/inbox/list?name=', 'x', undef, 400, 'with an empty one' ], [ '/datasets/inbox/list?name=list.csv', '', undef, 400, 'nothing' ],
	[ '/datasets/inbox/list?name=other_1.csv', "Id\n1\n", undef, 422, 'of another dataset' ], [ '/datasets/inbox/list?name=list.exe', 'x', undef, 422, 'of another kind' ], [ '/datasets/inbox/list?name=..%2Flist.csv', 'x', undef, 422, 'with a way out' ], [ '/datasets/inbox/list?name=.list.csv', 'x', undef, 422, 'hidden' ],
	[ '/datasets/inbox/list?name=list%00.csv', 'x', undef, 400, 'with a zero' ], [ '/datasets/inbox/list?name=list%ff.csv', 'x', undef, 400, 'of no text' ], [ '/datasets/inbox/list?name=list%0a.csv', 'x', undef, 422, 'with a line end' ], [ '/datasets/inbox/list?name=list' . 'x' x 300 . '.csv', 'x', undef, 422, 'too long' ],
	[ '/datasets/inbox/list', '{"records": []}', 'application/json', 400, 'records without a name' ], [ '/datasets/inbox/list', '{"name": "list\u0000x", "records": []}', 'application/json', 400, 'a name with a zero' ], [ '/datasets/inbox/list', '{"name": "list"}', 'application/json', 400, 'a name without records' ], [ '/datasets/inbox/list', '[1,2', 'application/json', 400, 'no object' ], [ '/datasets/inbox/list', '{"name": {"a": "records"}, "records', 'application/json', 400, 'half an object' ],
	(map { [ '/datasets/inbox/list', $_->[1], "multipart/form-data; boundary=$_->[0]", 400, "a form: $_->[2]" ] } [ '', 'x', 'no boundary' ], [ 'b', '', 'empty' ], [ 'b', "--b\r\n", 'cut' ], [ 'b', "--b--\r\n", 'without parts' ], [ 'b', "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx\r\n--b--", 'without a file' ],
		[ 'b', "--b\r\nContent-Disposition: form-data; name=\"a\"; filename=\"list_9.csv\"\r\n\r\nId\n1", 'whose file does not end' ], [ 'b', "--b\r\n\r\nx\r\n--b--", 'without headers' ], [ 'x' x 100, 'x', 'a long boundary' ], [ 'b', '--b' . ("\r\nContent-Disposition: form-data; name=a; filename=list.csv\r\n\r\n1\r\n--b" x 101) . '--', 'of too many files' ]));
for my $case (@bad)
{
	my $answer = send_to(@$case[0 .. 2]);
	is($answer->{status}, $case->[3], "no file: $case->[4]") or diag($answer->{body});
	ok(defined $answer->{json}{error}{code}, 'with an error as OData has it');
}
append_to_file("$tmp/long", 'x' x (2 * 1024 * 1024 + 1));
is(send_to('/datasets/inbox/list?name=list_2.csv', "\@$tmp/long")->{status}, 413, 'longer than it may be');
is(get('sender', '/datasets/inbox/list?name=list_2.csv', method => 'POST', headers => { 'Transfer-Encoding' => 'chunked' }, body => "\@$tmp/long")->{status}, 413, 'without saying so as well');
is($serve->get('/datasets/inbox/list?name=list_2.csv', method => 'POST', body => "\@$tmp/long")->{status}, 401, 'nobody known is refused before he has sent');
append_to_file("$tmp/large", "Id,Name\n" . join('', map { "$_,name $_ of many\n" } 100_000 .. 170_000));
is(send_to('/datasets/inbox/list?name=list_large.csv', "\@$tmp/large")->{status}, 202, 'a file of more than a megabyte comes in pieces');
becomes('list_large.csv', 'synced');
is(as('north', q{SELECT count(*), min(name), max(name) FROM silver_north.inbox_list WHERE length(id) = 6}), '70001|name 100000 of many|name 170000 of many', 'and is whole');
is(get('sender', '/datasets/inbox/list/files/list_large.csv', method => 'DELETE')->{json}{rows}, 70001, 'and removed');
is(send_to('/datasets/inbox/list?name=list_2.csv', "Id\n1\n", undef, who => 'reader')->{status}, 403, 'who looks sends nothing');
is(send_to('/datasets/inbox/list?name=list_2.csv', "Id\n1\n", undef, who => 'stranger')->{status}, 404, 'and strangers find nothing');
query("SELECT mls_tenant('north', '{file://$folder/srv/north}', file_bytes => 1000)");
my $large = send_to('/datasets/inbox/list?name=list_2.csv', 'x' x 1001);
is("$large->{status} $large->{json}{error}{code}", '413 FileTooLarge', 'nor more than a tenant may have');
is(as('north', q{SELECT count(*) FROM mls.file WHERE name ~ '^list_2|^list_9'}), 0, 'nothing of it is known');
query("SELECT mls_tenant('north', '{file://$folder/srv/north}')");
is(query(q{SELECT count(*) FROM mls.serve_log WHERE status >= 500}), 0, 'the program had no fault');

# ---- Fifty at once, one of them broken ----

my $boundary = 'x-y-z';
my $form = join '', map { "--$boundary\r\nContent-Disposition: form-data; name=\"file\"; filename=\"C:\\\\data\\\\list_m$_.csv\"\r\nContent-Type: text/csv\r\n\r\n" . ($_ == 25 ? qq{Id,Name\n25,"broken\n} : "Id,Name\n@{[ 100 + $_ ]},m$_\n") . "\r\n" } 1 .. 50;
$sent = send_to('/datasets/inbox/list', "$form--$boundary\r\nContent-Disposition: form-data; name=\"note\"\r\n\r\nx\r\n--$boundary--\r\n", "multipart/form-data; boundary=\"$boundary\"");
is("$sent->{status} " . scalar @{ $sent->{json}{value} }, '202 50', 'fifty files of one form') or diag($sent->{body});
is(join(' ', map { $_->{state} } @{ $sent->{json}{value} }), join(' ', ('pending') x 50), 'wait');
becomes('list_m25.csv', 'failed');
becomes("list_m$_.csv", 'synced') for 1, 50, 9; # the last of them by name
is(as('north', q{SELECT string_agg(state || ' ' || n, ', ' ORDER BY state) FROM (SELECT state, count(*) AS n FROM mls.file WHERE name ~ '^list_m' GROUP BY 1) f}), 'failed 1, synced 49', 'one fails alone');
is(as('north', q{SELECT count(*) FROM silver_north.inbox_list WHERE name ~ '^m'}), 49, 'the rows of the others are here');
my $broken = get('sender', '/datasets/inbox/list/files/list_m25.csv')->{json};
like($broken->{error}, qr/^could not read file "list_m25\.csv" of source "inbox": The quote that opens in line 2 is never closed\.$/, 'it says why');
ok(defined $broken->{next_attempt_at} && $broken->{failures} > 0, 'and when it is tried again');
my $failed = get('reader', '/datasets/inbox/list')->{json};
is("$failed->{state} $failed->{failed}", 'failed 1', 'so does the dataset');
ok(query(q{SELECT next_attempt_at BETWEEN now() + interval '3 minutes' AND now() + interval '1 day' FROM mls.subscription WHERE source = 'inbox'}) eq 't', 'which is minutes away at least');
query(q{UPDATE mls.subscription SET next_attempt_at = now() WHERE source = 'inbox'});
as('north', q{SELECT mls_upload('inbox', 'list_m25.csv', convert_to(E'Id,Name\n125,m25\n', 'UTF8')); SELECT * FROM mls_sync(due => true)});
is(state_of('list_m25.csv'), 'synced', 'mended, it comes with the next try');

# ---- Removing ----

for my $name (map { "list_m$_.csv" } 1 .. 3)
{
	my $gone = get('sender', "/datasets/inbox/list/files/$name", method => 'DELETE');
	is("$gone->{status} $gone->{json}{rows}", '200 1', "$name is removed") or diag($gone->{body});
	is(state_of($name), 404, 'and is not there');
}
is(as('north', q{SELECT (SELECT count(*) FROM silver_north.inbox_list WHERE name IN ('m1', 'm2', 'm3')) + (SELECT count(*) FROM bronze_north.inbox_list WHERE record::text ~ 'list_m[123]\.csv') + (SELECT count(*) FROM mls.file WHERE name ~ '^list_m[123]\.') + (SELECT count(*) FROM mls.upload WHERE name ~ '^list_m[123]\.')}), 0, 'nothing of them is left');
is(as('north', q{SELECT count(*) FROM silver_north.inbox_list WHERE name ~ '^m'}), 47, 'the others are as they were');
is(as('north', q{SELECT status || ' ' || inserted || ' ' || updated FROM mls_sync('inbox')}), 'finished 0 0', 'a sync finds nothing to do');
is(as('north', q{SELECT local_rows = (SELECT count(*) FROM silver_north.inbox_list) FROM mls.subscription WHERE source = 'inbox'}), 't', 'and counts are right');
is(get('sender', '/datasets/inbox/list/files/list_m1.csv', method => 'DELETE')->{status}, 404, 'once');
is(get('reader', '/datasets/inbox/list', method => 'DELETE')->{status}, 403, 'who looks removes nothing');
my $gone = get('sender', '/datasets/inbox/list', method => 'DELETE');
is("$gone->{status} $gone->{json}{rows}", '200 52', 'the dataset is removed') or diag($gone->{body});
is(query(q{SELECT to_regclass('silver_north.inbox_list') IS NULL, to_regclass('bronze_north.inbox_list') IS NULL, to_regclass('inbox.list') IS NULL, (SELECT count(*) FROM mls.upload), (SELECT count(*) FROM mls.subscription WHERE source = 'inbox'), (SELECT count(*) FROM mls.dataset_audience d WHERE NOT EXISTS (SELECT FROM mls.subscription s WHERE s.id = d.subscription))}), 't|t|t|0|0|0', 'tables, files and all that was known of it');
is(names(get('sender', '/datasets')), 'roster', 'it is not shown any more');

# ---- Sheets of a workbook, and names that come again ----

as('north', q{CREATE SERVER books FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url 'upload:', files 'rooms=book.xlsx#1, agents=book.xlsx#Agents'); CREATE SCHEMA books;
	CREATE SERVER once FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url 'upload:', files 'r=*.csv', mode 'append'); CREATE SCHEMA once; SELECT mls_upload('once', 'day.csv', convert_to(E'Id\n1\n', 'UTF8')); IMPORT FOREIGN SCHEMA files FROM SERVER once INTO once});
sub book { my @n = @_; return plain_book(Rooms => [ ['Room'], map { ["r$_"] } @n ], Agents => [ ['Agent'], map { ["a$_"] } @n ]); }
as('north', q{SELECT mls_upload('books', 'book.xlsx', '\\x} . unpack('H*', book(1)) . q{'); IMPORT FOREIGN SCHEMA files FROM SERVER books INTO books; SELECT mls_subscribe(t::regclass), mls_serve_dataset(t::regclass, 'senders', writes => true) FROM unnest('{books.rooms,books.agents,once.r}'::text[]) t; SELECT * FROM mls_sync()});
append_to_file("$tmp/book.xlsx", book(1, 2));
$sent = send_to('/datasets/books/agents?name=book.xlsx', "\@$tmp/book.xlsx");
is("$sent->{status} " . ($sent->{json}{value}[0]{name} // ''), '202 book.xlsx#Agents', 'a workbook is sent to the resource of its second sheet') or diag($sent->{body});
is($sent->{headers}{location}, 'https://api.example.com/reso/odata/datasets/books/agents/files/book.xlsx%23Agents', 'which says where to look');
ok(wait_until('the sheet', sub { (get('sender', '/datasets/books/agents/files/book.xlsx%23Agents')->{json}{rows} // 0) == 2 }), 'its rows are here');
is(as('north', q{SELECT status FROM mls_sync('books', 'rooms')}), 'finished', 'those of the first sheet come with its sync');
is(as('north', q{SELECT string_agg(s.resource || ' ' || f.name || ' ' || f.state || ' ' || f.rows, ', ' ORDER BY s.resource) FROM mls.file f JOIN mls.subscription s ON s.id = f.subscription WHERE s.source = 'books'}), 'agents book.xlsx#Agents synced 2, rooms book.xlsx#1 synced 2', 'and nothing else is known');
is(get('sender', '/datasets/books/agents/files/book.xlsx%23Agents', method => 'DELETE')->{json}{rows}, 2, 'it is removed');
is(as('north', q{SELECT count(*) FROM mls.upload WHERE server = 'books'}), 0, 'with its workbook');
as('north', q{SELECT mls_upload_drop('once', 'day.csv'); SELECT * FROM mls_sync('once')});
is(send_to('/datasets/once/r?name=day.csv', "Id\n2\n")->{status}, 202, 'where each file is taken once, a name may come again that was gone');
ok(wait_until('the new one', sub { (get('sender', '/datasets/once/r/files/day.csv')->{json}{state} // '') =~ /synced|failed/ && as('north', q{SELECT count(*) FROM silver_north.once_r}) == 2 }), 'and brings its rows');

# Of the headers of a form nothing is copied but what is asked for.
my $many = join '', map { "--b\r\nContent-Disposition: form-data" . ';a=b' x 2000 . "; name=f; filename=\"list_h.exe\"\r\n\r\nx\r\n" } 1 .. 100;
append_to_file("$tmp/many", "$many--b--");
is(send_to('/datasets/once/r', "\@$tmp/many", 'multipart/form-data; boundary=b')->{status}, 202, 'a form of many parameters');
my ($peak) = slurp_file('/proc/' . $serve->pid . '/status') =~ /^VmHWM:\s+(\d+) kB/m;
cmp_ok($peak, '<', 500_000, 'takes no more memory than others');

query(q{REVOKE USAGE ON FOREIGN SERVER north_files FROM north; ALTER SERVER north_files OWNER TO postgres});
like(sql_error($node, q{SET ROLE north; SELECT * FROM mls_sync('north_files', 'roster')}), qr/permission denied/, 'a sync that fails for another reason');
my $shut = get('reader', '/datasets/north_files/roster')->{json};
is("$shut->{state} $shut->{error}", 'failed permission denied for foreign server north_files', 'is told of its dataset');
query(q{ALTER SERVER north_files OWNER TO north; GRANT USAGE ON FOREIGN SERVER north_files TO north});
as('north', q{SELECT * FROM mls_sync('north_files')});

# ---- Many datasets at once, and few processes ----

my @boxes = map { "box$_" } 1 .. 6;
as('north', qq{CREATE SERVER $_ FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url 'upload:', files 'r=*.csv'); SELECT mls_upload('$_', 'first.csv', convert_to(E'Id\n0\n', 'UTF8')); CREATE SCHEMA $_; IMPORT FOREIGN SCHEMA files FROM SERVER $_ INTO $_;
	SELECT mls_subscribe('$_.r'); SELECT mls_serve_dataset('$_.r', 'senders', writes => true)}) for @boxes;
my @asked = map { $serve->begin("/datasets/$_/r?name=second.csv", token => $token{sender}, method => 'POST', body => "Id\n1\n2\n") } @boxes;
is(join(' ', map { $serve->finish($_)->{status} } @asked), join(' ', (202) x 6), 'files for more datasets than processes may be at work');
for my $box (@boxes)
{
	ok(wait_until("rows of $box", sub { as('north', "SELECT count(*) FROM silver_north.${box}_r") == 3 }, 180), "are synced one after another: $box");
}

# ---- What docs/serve/datasets.md shows ----

{
	my $page = slurp_file("$ENV{MLS_TREE}/docs/serve/datasets.md");
	my ($sql) = $page =~ /^```sql\n(.*?)^```/ms;
	my $said = query($sql =~ s/reso_api/authenticator/r);
	my ($id, $secret) = $said =~ /^([\w-]{22})\|([\w-]{43})$/m;
	ok(defined $secret, 'its SQL makes a dataset and a consumer') or diag($said);
	ok(wait_until('the consumer is known', sub { defined($token{doc} = $serve->token($id, $secret)) && get('doc', '/datasets')->{status} == 200 }), 'who is served');
	append_to_file("$tmp/agents_$_.csv", "AgentID,Name,Zip\n00$_,Name $_,0213$_\n") for 2, 3;
	my @shell = $page =~ /^```sh\n(.*?)^```/msg;
	s{https://api\.example\.com/reso/odata}{$serve->{url}}g for @shell;
	my ($out, $err) = run_command([ 'env', "token=$token{doc}", 'bash', '-euc', "cd $tmp\n$shell[0]" ]);
	is($err, '', 'its commands run');
	is(join(' ', $out =~ /"name" : "(agents_\d\.\w+)", "state" : "(?:pending|syncing|synced)"/g), 'agents_2.csv agents_3.csv agents_4.csv agents_5.json agents_5.json', 'four files were sent, and one was asked for') or diag($out);
	for my $name (qw(agents_2.csv agents_3.csv agents_4.csv agents_5.json))
	{
		ok(wait_until($name, sub { (get('doc', "/datasets/rosters/agents/files/$name")->{json}{state} // '') eq 'synced' }, 180), "$name is here");
	}
	is(query(q{SELECT string_agg(agent_id || ' ' || zip, ', ' ORDER BY agent_id) FROM silver.rosters_agents}), '002 02132, 003 02133, 007 02139, 012 00501', 'with its rows');
	($out, $err) = run_command([ 'env', "token=$token{doc}", 'bash', '-euc', "cd $tmp\n$shell[1]" ]);
	is(decode_json($out)->{rows}, 1, 'one is removed');
	for my $field (qw(source resource state writable files bytes rows rejected failed issues error next_attempt_at synced_at))
	{
		ok(exists get('doc', '/datasets/rosters/agents')->{json}{$field}, "a dataset has the field $field") if $page =~ /`$field`/;
	}
	my ($words) = $page =~ /one: `name`(.*?) \|$/m;
	is(join(' ', sort keys %{ get('doc', '/datasets/rosters/agents/files/agents_2.csv')->{json} }), join(' ', sort 'name', $words =~ /`(\w+)`/g), 'a file has the fields of the page');
}

# ---- What is told of others ----

my $log = query(q{SELECT string_agg(DISTINCT concat_ws(' ', resource, query), ', ') FROM mls.serve_log WHERE consumer = 'Reader'});
ok(wait_until('the audit', sub { query(q{SELECT count(*) > 0 FROM mls.serve_log WHERE consumer = 'Reader' AND resource = 'Datasets' AND query = 'datasets/?' AND status = 200}) eq 't' }), 'what was asked is written down, without names');
is(query(q{SELECT count(*) FROM mls.serve_log l WHERE position('roster' IN l::text) > 0}), 0, 'of files');
is($serve->stop, 0, 'the program ends well');
$node->stop;
done_testing();
