# Stores of files: a directory, and buckets of S3 at a reader that recomputes every signature.
# What is written is read again; what is wrong is said in one clear message; no secret shows.
use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use JSON::PP ();
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $folder = PostgreSQL::Test::Utils::tempdir;
mkdir "$folder/$_" or die for qw(srv srv/photos other);
my $node = new_node('store', 'log_min_messages' => 'debug2', 'log_statement' => "'none'", 'mls_fdw.file_directories' => "'$folder/srv'",
	'mls_fdw.allowed_hosts' => "'127.0.0.1, *.localhost'");
my $mls = start_mls(listings => 2);
my $endpoint = "http://127.0.0.1:$mls->{port}";
my ($key, $secret, $token) = ('AKIATESTKEYVALUE', 's3cr3t/Key+Value=for-tests', 'tok/en+Value==');
my $seen = '';

# One session does it all; what it shows is kept.
my $psql = $node->background_psql('postgres');
$psql->query_safe(q{CREATE FUNCTION failure(sql text) RETURNS text LANGUAGE plpgsql AS $$
	DECLARE s text; m text; d text; h text;
	BEGIN
		EXECUTE sql;
		RETURN 'it works';
	EXCEPTION WHEN OTHERS THEN
		GET STACKED DIAGNOSTICS s = RETURNED_SQLSTATE, m = MESSAGE_TEXT, d = PG_EXCEPTION_DETAIL, h = PG_EXCEPTION_HINT;
		RETURN concat_ws(' ', 'ERROR:', s || ': ' || m, 'DETAIL: ' || nullif(d, ''), 'HINT: ' || nullif(h, ''));
	END $$});

sub query
{
	my ($sql) = @_;
	my $out = $psql->query_safe($sql);
	$seen .= $out;
	return $out;
}

# SQL that must fail, with a SQLSTATE and words of the message, its detail and its hint.
sub fails
{
	my ($sql, $state, @words) = @_;
	my $found = query("SELECT failure(\$try\$$sql\$try\$)");
	like($found, qr/^ERROR: (?:$state): /, "$state: " . substr($sql =~ s/\s+/ /gr, 0, 70));
	like($found, $_, "says: $_") for @words;
	return;
}

# The answer of mls_check, as "item ok" in one line, and the details.
sub check
{
	my ($store) = @_;
	my @rows = map { [ split /\|/, $_, 3 ] } split /\n/, query("SELECT item, ok, detail FROM mls_check('$store')");
	return (join(' ', map { "$_->[0]" . ($_->[1] eq 't' ? '' : '!') } @rows), join "\n", map { $_->[2] } @rows);
}

sub name_of
{
	my ($bytes, $extension) = @_;
	my $hex = sha256_hex($bytes);
	return substr($hex, 0, 2) . "/$hex.$extension";
}

sub put
{
	my ($store, $text, $extension) = @_;
	return query("SELECT mls_store_put('$store', convert_to('$text', 'UTF8'), '@{[ $extension // 'txt' ]}', 'text/plain')");
}

sub listed
{
	my ($store, $more) = @_;
	return join ' ', split /\n/, query("SELECT name FROM mls_store_list('$store'" . ($more // '') . ')');
}

# ---- A directory ----

query(qq{CREATE SERVER disk FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'file', url 'file://$folder/srv/photos', public_url 'https://cdn.example.com/p')});
is((check('disk'))[0], 'configuration store write read list delete addresses', 'a directory is checked');
is(join(' ', map { glob("$_/*") } glob("$folder/srv/photos/*")), '', 'and nothing is left of it');
my @texts = map { "file $_" } 1 .. 30;
my @names = sort map { name_of($_, 'txt') } @texts;
is(join(' ', sort map { put('disk', $_) } @texts), "@names", 'names are those of the content');
is(put('disk', $texts[0]), name_of($texts[0], 'txt'), 'the same once more is the same');
is(listed('disk'), "@names", 'they are listed in order');
is(listed('disk', ", most => 7"), "@names[0 .. 6]", 'some of them');
is(listed('disk', ", after => '$names[6]'"), "@names[7 .. 29]", 'and those behind');
my $digits = substr($names[3], 3, 5);
is(listed('disk', ", prefix => '$digits'"), $names[3], 'by the beginning of the hash');
is(query("SELECT convert_from(mls_store_get('disk', '@{[ name_of($texts[4], 'txt') ]}'), 'UTF8')"), $texts[4], 'read');
is(query("SELECT mls_store_get('disk', '@{[ name_of('nothing', 'txt') ]}') IS NULL"), 't', 'what is not there is NULL');
is(query("SELECT sum(bytes) FROM mls_store_list('disk')"), length(join '', @texts), 'lengths');
is(query("SELECT length(mls_store_get('disk', mls_store_put('disk', repeat('x', 3000000)::bytea, 'bin', 'application/octet-stream')))"), 3000000, 'a longer one');
my $mode = sprintf '%o', (stat "$folder/srv/photos/" . name_of($texts[0], 'txt'))[2] & 07777;
is($mode, '640', 'its mode');
is((sprintf '%o', (stat "$folder/srv/photos/" . substr name_of($texts[0], 'txt'), 0, 2)[2] & 07777), '750', 'and that of its folder, which the group reaches');
query("SELECT mls_store_delete('disk', ARRAY['$names[0]', '$names[1]', '@{[ name_of('nothing', 'txt') ]}', '@{[ name_of('x' x 3000000, 'bin') ]}'])");
is(listed('disk'), "@names[2 .. 29]", 'deleted, what was not there, too');
is(query("SELECT mls_store_link('disk', '$names[2]') IS NULL"), 't', 'a directory has no signed links');

fails("SELECT mls_store_get('disk', '$_')", '42602', qr/store "disk" has no file of such a name/)
  for '../../etc/passwd', 'a%2Fb', '', 'x' x 300, "$names[2]/..", uc $names[2], 'feeds/.hidden', 'a/b/c/d/e.xml', '/feeds/x.xml', '../' . 'a' x 64 . '.txt';
fails(qq{SELECT mls_store_put('disk', '\\x00', '$_', 'text/plain')}, '22023', qr/is no extension of a file/) for '../x', 'JPG', '', 'toolongext';
fails(qq{SELECT mls_store_put('disk', '\\x00', 'txt', E'$_')}, '22023', qr/is no content type/) for 'a/b\r\nX: y', 'text', '/', 'a/"b"';
fails("SELECT * FROM mls_store_list('disk', 'AB')", '22023', qr/is not the beginning of a hash/);
fails("SELECT * FROM mls_store_list('disk', most => 0)", '22023', qr/a list has 1 to 1,000,000 files/);

# Nothing leads out of the listed directories.
symlink "$folder/other", "$folder/srv/way" or die;
mkdir "$folder/srvs" or die;
query(qq{CREATE SERVER $_->[0] FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'file', url 'file://$_->[1]')})
  for [ 'linked', "$folder/srv/way" ], [ 'outside', "$folder/other" ], [ 'beside', "$folder/srvs" ], [ 'missing', "$folder/srv/none" ];
fails("SELECT mls_store_put('linked', '\\x00', 'txt', 'text/plain')", '42809', qr/could not open the directory of store "linked"/, qr/symbolic links are not followed/);
fails("SELECT mls_store_put('$_', '\\x00', 'txt', 'text/plain')", '42501', qr/store "$_" may not be in its directory/, qr/mls_fdw.file_directories/) for 'outside', 'beside';
fails("SELECT mls_store_put('missing', '\\x00', 'txt', 'text/plain')", '58P01', qr/could not open the directory/, qr/No such file/, qr/HINT: Make the directory/);
my $planted = name_of('planted', 'txt');
my ($place) = $planted =~ m{^(..)};
rename "$folder/srv/photos/$place", "$folder/aside";
symlink "$folder/other", "$folder/srv/photos/$place" or die;
fails("SELECT mls_store_put('disk', 'planted', 'txt', 'text/plain')", '42809', qr/could not write a file/);
fails("SELECT mls_store_get('disk', '$planted')", '42809', qr/could not read a file/);
unlink "$folder/srv/photos/$place";
is(put('disk', 'planted'), $planted, 'without the link it goes');
unlink "$folder/srv/photos/$planted";
symlink '/etc/passwd', "$folder/srv/photos/$planted" or die;
fails("SELECT mls_store_get('disk', '$planted')", '42809', qr/could not read a file/);
is(put('disk', 'planted'), $planted, 'a link in the place of a file is replaced');
is(query("SELECT convert_from(mls_store_get('disk', '$planted'), 'UTF8')"), 'planted', 'by the file');
is(join(' ', glob("$folder/other/*")), '', 'nothing was written outside');
fails("SET mls_fdw.file_directories = 'srv'", '22023', qr/invalid value for parameter/, qr/not an absolute path/);
query('CREATE ROLE plain LOGIN');
fails("SET ROLE plain; SET mls_fdw.file_directories = '/'", '42501', qr/permission denied/);

# A directory that may not be written says so.
chmod 0500, "$folder/srv/photos";
SKIP: {
	skip 'root may write everywhere', 8 if $> == 0;
	# A name whose folder is not there yet.
	my $n = 0;
	$n++ while -d "$folder/srv/photos/" . substr(sha256_hex("new $n"), 0, 2);
	fails("SELECT mls_store_put('disk', 'new $n', 'txt', 'text/plain')", '42501', qr/could not write a file of store "disk"/, qr/Permission denied/, qr/writable/);
	# The first thing that is written is whose it is; an error of another file before says nothing about it.
	mkdir "$folder/srv/closed" or die;
	query(qq{CREATE SERVER closed FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'file', url 'file://$folder/srv/closed')});
	chmod 0500, "$folder/srv/closed";
	fails("SELECT mls_store_put('closed', 'new', 'txt', 'text/plain')", '42501', qr/could not write a file of store "closed"/, qr/Permission denied/, qr/writable/);
	query('DROP SERVER closed');
}
chmod 0750, "$folder/srv/photos";

# What a process has left behind that is over, goes; what may be another machine's a day later, and is no file before.
my ($cluster, $alive) = split /\|/, query('SELECT system_identifier, pg_backend_pid() FROM pg_control_system()');
my $over = query('SELECT max(n) FROM generate_series(1, 4000000, 1000003) n WHERE n NOT IN (SELECT pid FROM pg_stat_activity)');
my ($young, $old, $ours, $left, $mark) = map { "$folder/srv/photos/$_" } "$place/.mls_tmp.1$cluster.$over.1", "$place/.mls_tmp.1$cluster.$over.2", "$place/.mls_tmp.$cluster.$alive.3",
  "$place/.mls_tmp.$cluster.$over.4", ".mls_tmp.$cluster.$over.5";
append_to_file($_, 'half') for $young, $old, $ours, $left, $mark;
utime 0, 0, $old;
unlike(listed('disk'), qr/tmp/, 'a half written file is not listed');
query("ALTER SERVER disk OPTIONS (ADD shared 'true')");
is(query("SELECT mls_store_sweep('disk')"), 1, 'of a place that clusters share the old one goes');
query('ALTER SERVER disk OPTIONS (DROP shared)');
is(query("SELECT mls_store_sweep('disk')"), 2, 'of another those of processes that are over');
is(join(' ', map { -e $_ ? 1 : 0 } $young, $old, $ours, $left, $mark), '1 0 1 0 0', 'and no others');
unlink $ours;

# ---- What a store is not ----

query(qq{CREATE FOREIGN TABLE t (a text) SERVER disk OPTIONS (resource 'x');
	CREATE SERVER plain_source FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url '@{[ $mls->url ]}')});
fails('SELECT * FROM t', '42809', qr/server "disk" is a store of files and has no foreign tables/);
fails("SELECT mls_subscribe('t')", '42809', qr/server "disk" is a store of files/);
fails('IMPORT FOREIGN SCHEMA x FROM SERVER disk INTO public', '42809', qr/server "disk" is a store of files and has no resources/);
fails("SELECT mls_store_put('plain_source', '\\x00', 'txt', 'text/plain')", '42809', qr/server "plain_source" is not a store of files/);
my $make = 'CREATE SERVER bad FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol';
fails("$make 'file', url '$_')", '22023', qr/invalid value for option "url"/)
  for 'https://example.com/', '/srv', 'file://srv/photos', 'file:///', 'file:///a/../b', 'file:///a//b', 's3://', 's3:///x', 's3://-b', 's3://b/../c', 's3://b/x//y', 's3://a..b', 's3://' . 'b' x 64;
fails("$make 'file')", 'HV00J', qr/option "url" is required/);
fails("$make 'file', url 's3://b', path_style 'yes')", '22023', qr/invalid value for option "path_style"/);
fails("$make 'file', url 's3://b', endpoint 's3://b')", '22023', qr/invalid value for option "endpoint"/);
fails("$make 'file', url 's3://b', secret_key 'hush')", 'HV00D', qr/invalid option "secret_key"/, qr/user mapping/);
fails("$make 'reso', url 'https://x.example.com', endpoint 'https://y.example.com')", 'HV00D', qr/invalid option "endpoint"/, qr/Perhaps you meant the option "url"/);

# ---- Buckets ----

sub s3
{
	my (%change) = @_;
	$mls->control('s3', \%change);
	return;
}

sub bucket
{
	my ($name) = @_;
	return JSON::PP::decode_json($mls->get('s3'))->{buckets}{ $name // 'photos' };
}

sub make_store
{
	my ($name, $url, %options) = @_;
	my $list = join ', ', map { "$_ '$options{$_}'" } sort keys %options;
	query(qq{CREATE SERVER $name FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'file', url '$url', retries '1', $list);
		CREATE USER MAPPING FOR PUBLIC SERVER $name OPTIONS (access_key '$key', secret_key '$secret')});
	return;
}

make_store('s', 's3://photos', endpoint => $endpoint);
is((check('s'))[0], 'configuration store write read list delete addresses', 'a bucket is checked');
is_deeply(bucket(), {}, 'and nothing is left of it');
is(put('s', $texts[0], 'jpg'), name_of($texts[0], 'jpg'), 'a file in a bucket');
is_deeply(bucket(), { name_of($texts[0], 'jpg') => { bytes => length $texts[0], sha256 => sha256_hex($texts[0]), type => 'text/plain' } }, 'is there as it should be');
is(query("SELECT convert_from(mls_store_get('s', '@{[ name_of($texts[0], 'jpg') ]}'), 'UTF8')"), $texts[0], 'and read');
is(query("SELECT length(mls_store_get('s', mls_store_put('s', '\\x'::bytea, 'bin', 'a/b')))"), 0, 'an empty one');
is(query("SELECT mls_store_get('s', mls_store_put('s', '\\x00ff000a0d'::bytea, 'bin', 'a/b'))"), '\x00ff000a0d', 'bytes of all kinds');
is(query("SELECT length(mls_store_get('s', mls_store_put('s', repeat('x', 6000000)::bytea, 'bin', 'a/b')))"), 6000000, 'one that is read from a file');

# A prefix of whatever characters; pages of a list; deletion of many.
my $odd = q{a+b =(c)'!*,;&$%41:@/Ärger–é~};
make_store('odd', 's3://photos/' . ($odd =~ s/'/''/gr), endpoint => $endpoint);
s3(reset => JSON::PP::true, page => 4, put => [ 'photos', "$odd/zz/not-ours.txt", 'x' ]);
is((check('odd'))[0], 'configuration store write read list delete addresses', 'an odd prefix is signed right');
put('odd', $_) for @texts[ 0 .. 9 ];
@names = sort map { name_of($_, 'txt') } @texts[ 0 .. 9 ];
is_deeply([ sort map { utf8::encode($_); $_ } grep { !/not-ours/ } keys %{ bucket() } ], [ map { "$odd/$_" } @names ], 'keys begin with it');
is(listed('odd'), "@names", 'a list of several pages');
is(listed('odd', ", after => '$names[4]', most => 3"), "@names[5 .. 7]", 'a part of it');
is(listed('odd', ", prefix => '" . substr($names[2], 3, 6) . "'"), $names[2], 'by hash');
query("SELECT mls_store_delete('odd', ARRAY['$names[0]', '$names[1]', '$names[2]'])");
is(listed('odd'), "@names[3 .. 9]", 'three deleted by one request');
s3(no_bulk => JSON::PP::true);
query("SELECT mls_store_delete('odd', ARRAY['$names[3]', '$names[4]'])");
is(listed('odd'), "@names[5 .. 9]", 'and two by one each, where the service has no other way');
s3(no_bulk => JSON::PP::false, delete_errors => [ $names[5] ]);
fails("SELECT mls_store_delete('odd', ARRAY['$names[5]', '$names[6]'])", '42501', qr/could not delete files of store "odd"/, qr/AccessDenied/, qr/s3:DeleteObject/);
is(listed('odd'), "@names[5, 7 .. 9]", 'a failure within an answer of 200 is one');

# The bucket in the host's name; a bucket with a dot; temporary credentials.
s3(reset => JSON::PP::true, host => 'localhost');
make_store('host', 's3://photos/p', endpoint => "http://localhost:$mls->{port}", path_style => 'false');
is((check('host'))[0], 'configuration store write read list delete addresses', 'the bucket in the name of the host');
put('host', 'by host');
is(join(' ', keys %{ bucket() }), 'p/' . name_of('by host', 'txt'), 'is the right one');
s3(host => undef);
make_store('dotted', 's3://a.b', endpoint => $endpoint);
is((check('dotted'))[0], 'configuration store write read list delete addresses', 'a bucket with a dot');
query("ALTER SERVER dotted OPTIONS (ADD path_style 'false')");
fails("SELECT mls_store_put('dotted', 'x', 'txt', 'a/b')", 'HV024', qr/bucket "a.b" of store "dotted" cannot stand in the name of a host/);
query('ALTER SERVER dotted OPTIONS (DROP path_style)');
for my $bad ("$endpoint/a.b", "$endpoint/?x", "http://user\@127.0.0.1:$mls->{port}")
{
	fails("ALTER SERVER dotted OPTIONS (SET endpoint '$bad'); SELECT mls_store_put('dotted', 'x', 'txt', 'a/b')", 'HV024|22023', qr/endpoint/);
}
s3(session_token => $token);
query("ALTER USER MAPPING FOR PUBLIC SERVER s OPTIONS (ADD session_token '$token')");
is((check('s'))[0], 'configuration store write read list delete addresses', 'temporary credentials');
my $tokened = put('s', 'linked');
my $link = query("SELECT mls_store_link('s', '$tokened', '1 minute')");
is($mls->{http}->get($link)->{content}, 'linked', 'a signed link holds the token') or diag($link);
query("ALTER USER MAPPING FOR PUBLIC SERVER s OPTIONS (SET session_token 'old-token-value')");
fails("SELECT mls_store_put('s', 'x', 'txt', 'a/b')", '28000', qr/could not write a file of store "s"/, qr/InvalidToken/, qr/session_token/);
query('ALTER USER MAPPING FOR PUBLIC SERVER s OPTIONS (DROP session_token)');
s3(reset => JSON::PP::true);

# Services that list in another order, or do not begin where they are told to.
my @listed = sort map { put('s', "ordered $_") } 1 .. 3;
my %page = (bare => '', 'behind another' => ", after => '$listed[0]'", 'of two' => ', most => 2');
for my $order ([ names => [] ], [ backwards => [ sort keys %page ] ], [ deaf => ['behind another'] ])
{
	my ($name, $wrong) = @$order;
	s3(order => $name);
	for my $case (sort keys %page)
	{
		$node->psql('postgres', "SELECT count(*) FROM mls_store_list('s'$page{$case})", stderr => \my $error);
		like($error, (grep { $_ eq $case } @$wrong) ? qr/store "s" does not list its files in the order of their names/ : qr/^$/, "a list $case, $name");
	}
}
s3(order => 'names');

# Signed links.
my $name = put('s', 'for a link');
$link = query("SELECT mls_store_link('s', '$name', '2 hours')");
like($link, qr{^\Q$endpoint/photos/$name\E\?X-Amz-Algorithm=.*X-Amz-Expires=7200.*&X-Amz-Signature=[0-9a-f]{64}$}, 'a link');
is($mls->{http}->get($link)->{content}, 'for a link', 'is followed by anybody');
is($mls->{http}->get($link =~ s/Expires=7200/Expires=7201/r)->{status}, 403, 'but not changed');
is($mls->{http}->get($link =~ s/\Q$name\E/$tokened/r)->{status}, 403, 'nor for another file');
is($mls->{http}->request('DELETE', $link)->{status}, 400, 'nor to delete it');
s3(skew_s => 7300);
is($mls->{http}->get($link)->{status}, 403, 'and ends');
s3(skew_s => 0);
fails("SELECT mls_store_link('s', '$name', '$_')", '22023', qr/a link is valid for 1 second to 7 days/) for '0', '8 days', '1 month', '-1 hour';

# A large file goes in parts; a failure to join them that passes is none.
s3(complete_error => 1);
my $large = q{SELECT length(mls_store_put('s', convert_to(repeat('y', 106000000), 'UTF8'), 'bin', 'a/b'))};
is(query($large), 71, 'a file of 106 MB');
is(bucket()->{ name_of('y' x 106000000, 'bin') }{sha256}, sha256_hex('y' x 106000000), 'is joined from its parts');
is(scalar(grep { $_->{method} eq 'PUT' && $_->{query} =~ /partNumber/ } $mls->requests), 4, 'of which there were four');
s3(reset => JSON::PP::true, deny => ['put_part']);
fails($large, '42501', qr/could not write a file of store "s"/, qr/AccessDenied/);
is_deeply(JSON::PP::decode_json($mls->get('s3'))->{uploads}, {}, 'what does not come to its end is taken back');
my @left = map { name_of("left $_", 'bin') } 1 .. 3;
s3(begin => $_) for @left, 'not/ours.bin';
is(query("SELECT mls_store_sweep('s')"), 0, 'or later, where that was not possible');
s3(age => 90000, page => 2);
is(query("SELECT mls_store_sweep('s')"), 3, 'by the sweep, a day later');
is(join(' ', map { $_->{key} } values %{ JSON::PP::decode_json($mls->get('s3'))->{uploads} }), 'not/ours.bin', 'and nothing else');

# ---- What can be wrong, one clear message each ----

s3(reset => JSON::PP::true);
my $put = "SELECT mls_store_put('s', 'x', 'txt', 'a/b')";
sub wrong
{
	my ($change, $back, $state, @words) = @_;
	query($change) if $change;
	fails($put, $state, qr/could not write a file of store "s"/, @words);
	my ($items, $details) = check('s');
	is($items, 'configuration store write!', 'mls_check stops there');
	like($details, $_, "and says: $_") for @words;
	query($back) if $back;
	return;
}
wrong("ALTER USER MAPPING FOR PUBLIC SERVER s OPTIONS (SET secret_key 'wrong-secret-value')", "ALTER USER MAPPING FOR PUBLIC SERVER s OPTIONS (SET secret_key '$secret')",
	'28000', qr/SignatureDoesNotMatch/, qr/secret_key of the user mapping/);
wrong("ALTER USER MAPPING FOR PUBLIC SERVER s OPTIONS (SET access_key 'AKIAWRONGVALUE')", "ALTER USER MAPPING FOR PUBLIC SERVER s OPTIONS (SET access_key '$key')",
	'28000', qr/InvalidAccessKeyId/, qr/access_key of the user mapping/);
s3(region => 'eu-west-3');
wrong('', '', 'HV000', qr/AuthorizationHeaderMalformed/, qr/in the region "eu-west-3", requests are signed for "us-east-1"/);
query("ALTER SERVER s OPTIONS (ADD region 'eu-west-3')");
is((check('s'))[0], 'configuration store write read list delete addresses', 'with that region it goes');
query('ALTER SERVER s OPTIONS (DROP region)');
s3(region => 'us-east-1', skew_s => 3600);
wrong('', '', 'HV000', qr/RequestTimeTooSkewed/, qr/Set the clock of this machine: it says .*, that of the service says/);
s3(skew_s => 0);
for my $case ([ 'nowhere', '42704', qr/NoSuchBucket/, qr/no bucket "nowhere"/ ], [ 'closed', '42501', qr/AccessDenied/, qr/s3:PutObject/ ], [ 'full', '53100', qr/QuotaExceeded/, qr/has no room/ ])
{
	my ($bucket, @words) = @$case;
	query("ALTER SERVER s OPTIONS (SET url 's3://$bucket')");
	wrong('', '', @words);
}
query("ALTER SERVER s OPTIONS (SET url 's3://photos')");
s3(keep => JSON::PP::false);
my ($items, $details) = check('s');
is($items, 'configuration store write read! list! delete addresses', 'a service that keeps nothing');
like($details, qr/does not know the file that it has just taken/, 'is found out');
s3(keep => JSON::PP::true);

# Answers that are none, and those that pass.
sub answers
{
	my ($fault, $state, @words) = @_;
	$mls->fault(match => '/photos', times => -1, %$fault);
	fails($put, $state, qr/./, @words);
	$mls->reset;
	return;
}
my $slow = '<?xml version="1.0" encoding="UTF-8"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>';
answers({ kind => 'status', status => 503, body => $slow, content_type => 'application/xml' }, '53400', qr/SlowDown/, qr/busy/);
answers({ kind => 'status', status => 200, body => $slow =~ s/SlowDown/InternalError/r, content_type => 'application/xml' }, '53400', qr/InternalError/);
answers({ kind => 'html200' }, 'HV000', qr/What answered with status 200 is not S3/, qr/endpoint/);
answers({ kind => 'redirect', status => 307, to => "http://127.0.0.1:1/photos" }, 'HV000', qr/The service answered 307/, qr/region/);
answers({ kind => 'status', status => 403, body => '<html>proxy</html>' }, '42501', qr/The service answered 403\./);
answers({ kind => 'status', status => 507, body => '' }, '53100', qr/507/);
$mls->fault(kind => 'status', match => '/photos', status => 503, body => $slow, times => 1);
is(put('s', 'patience'), name_of('patience', 'txt'), 'one that is busy once is asked again');
$mls->fault(kind => 'close', match => '/photos', times => 1);
is(put('s', 'more patience'), name_of('more patience', 'txt'), 'so is one that hangs up');
$mls->fault(kind => 'truncate', match => '/photos', times => -1, length => 'right');
fails("SELECT mls_store_get('s', '@{[ name_of('patience', 'txt') ]}')", '\\w{5}', qr/./);
$mls->reset;
s3(spoil => [ name_of('patience', 'txt') ]);
isnt(query("SELECT encode(sha256(mls_store_get('s', '@{[ name_of('patience', 'txt') ]}')), 'hex')"), sha256_hex('patience'), 'spoilt bytes are given as they are: who reads compares');
fails("SELECT * FROM mls_store_list('s')", 'HV000', qr/could not list the files of store "s"/, qr/is not S3/) if $mls->fault(kind => 'html200', match => '/photos', times => 1);

# Where to it may go: no redirect was followed, no private host asked, no plain http.
make_store('private', 's3://photos', endpoint => 'https://10.0.0.1', connect_timeout_ms => 1000);
make_store('plainly', 's3://photos', endpoint => 'http://example.com');
fails("SELECT mls_store_put('private', 'x', 'txt', 'a/b')", '42501', qr/may not be asked at its address/);
fails("SELECT mls_store_put('plainly', 'x', 'txt', 'a/b')", '42501', qr/may not be asked over plain http/);

# ---- Who may ----

query('GRANT USAGE ON FOREIGN SERVER s TO plain');
fails("SET ROLE plain; $put", '42501', qr/permission denied for function mls_store_put/);
query('GRANT EXECUTE ON FUNCTION mls_store_put, mls_store_link TO plain');
query('SET ROLE plain');
is(query($put), name_of('x', 'txt'), 'who may use the server and call the function');
query('RESET ROLE');
query('GRANT USAGE ON FOREIGN SERVER outside TO plain');
my (undef, undef, $err) = $node->psql('postgres', "SET mls_fdw.file_directories = '/'; SELECT mls_store_put('outside', 'x', 'txt', 'a/b')", extra_params => [ '-U', 'plain' ]);
like($err, qr/store "outside" may not be in its directory/, 'a setting made before the library came is not taken from him');
query('REVOKE USAGE ON FOREIGN SERVER s FROM plain');
fails("SET ROLE plain; $put", '42501', qr/permission denied for foreign server s/);
fails("SET ROLE plain; SELECT mls_store_link('s', '$name')", '42501', qr/permission denied for foreign server s/);
query('DROP USER MAPPING FOR PUBLIC SERVER s');
fails($put, '42704', qr/user mapping not found for user/, qr/OPTIONS \(access_key '...', secret_key '...'\)/);

# ---- No secret shows ----

query('SELECT * FROM pg_stat_activity');
$psql->quit;
$node->stop;
my $log = slurp_file($node->logfile);
like($log, qr/DEBUG:/, 'the log is at debug level');
# What a link is for is to be given away; the test has asked for them.
$seen =~ s/X-Amz-\S+//g;
for my $word ($key, $secret, $token, 'wrong-secret-value', 'AKIAWRONGVALUE', 'old-token-value', 'Credential=', 'aws4_request')
{
	ok(index($seen, $word) < 0, "no $word in what clients see") or diag(substr($seen, index($seen, $word) - 200, 300));
	ok(index($log, $word) < 0, "no $word in the server log") or diag(substr($log, index($log, $word) - 200, 300));
}
$mls->stop;
done_testing();
