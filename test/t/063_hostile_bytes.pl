# Hostile bytes: each face of the test server, at each stage (login, metadata, search, files),
# answers with each kind of them.  That is one clear error, which shows neither secrets nor
# words of the server's own, in bounded memory; nothing of the answer stays, and the session
# goes on.  Where a source may mean well, the answer may be whole instead, never short.
use strict;
use warnings;

use JSON::PP ();
use MlsQobrix;
use MlsRets;
use MlsTest;
use Test::More;

my $yes = JSON::PP::true();
my $bound = 100 * 1024;    # kB that an answer may cost; the limits below are far smaller, what is sent is far larger

my $mls = start_mls(listings => 120, samples => 5, qobrix => 120, fields => 'small');
my $node = new_node('hostile_bytes');
my %limits = (retries => 0, timeout_ms => 3000, max_page_bytes => 3_000_000, max_answer_bytes => 6_000_000);
create_source($node, $mls, 'reso', tables => 'property', page_size => 50, %limits);
$node->safe_psql('postgres', qq{
	CREATE SERVER token FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url '@{[$mls->url]}',
		token_url 'http://127.0.0.1:$mls->{port}/oauth/token', retries '0', max_page_bytes '3000000', timeout_ms '3000');
	CREATE USER MAPPING FOR CURRENT_USER SERVER token OPTIONS (client_id 'demo', client_secret 's3cret-demo-value');
	CREATE SCHEMA token;
	SET client_min_messages = warning;
	IMPORT FOREIGN SCHEMA reso LIMIT TO (property) FROM SERVER token INTO token;
	CREATE SCHEMA scratch});
create_rets($node, $mls, 'rets', tables => 'property_all, media_media', page_size => 50, %limits);
create_tenant($node, $mls, 'qobrix', tables => 'properties', page_size => 50, expand => 1, %limits);
create_tenant($node, $mls, 'session', tables => 'properties', page_size => 50, %limits,
	auth => 'password', token_url => "http://127.0.0.1:$mls->{port}/api/v2/session/",
	login => q{username 'agent', password 'basic-pass-value'});
# Several files, since nothing tells that a single one was cut.
my $listing = $node->safe_psql('postgres', q{SELECT m_resource_record_key FROM rets.media_media
	GROUP BY 1 HAVING count(*) BETWEEN 3 AND 25 ORDER BY count(*) DESC, 1 LIMIT 1});

# [face, stage, what asks, what an answer of it looks like to the test server]
my @stages = (
	[ 'reso', 'token', 'SELECT count(*) > 0 FROM (SELECT city FROM token.property OFFSET 0) s', '/oauth/token' ],
	[ 'reso', 'metadata', 'IMPORT FOREIGN SCHEMA reso LIMIT TO (property) FROM SERVER reso INTO scratch', '/odata/\$metadata' ],
	[ 'reso', 'search', 'SELECT count(*) = 120 FROM (SELECT city FROM reso.property OFFSET 0) s', '/odata/Property' ],
	[ 'rets', 'login', 'SELECT count(*) = 120 FROM (SELECT l_city FROM rets.property_all OFFSET 0) s', '/rets/login' ],
	[ 'rets', 'metadata', 'IMPORT FOREIGN SCHEMA rets LIMIT TO (property_all) FROM SERVER rets INTO scratch', '/rets/getmetadata' ],
	[ 'rets', 'search', 'SELECT count(*) = 120 FROM (SELECT l_city FROM rets.property_all OFFSET 0) s', '/rets/search' ],
	[ 'rets', 'objects', "SELECT count(*) > 0 FROM mls_objects('rets', 'Property', '$listing', location => false)", '/rets/getobject' ],
	[ 'qobrix', 'login', 'SELECT count(*) > 0 FROM (SELECT city FROM session.properties OFFSET 0) s', '/api/v2/session' ],
	[ 'qobrix', 'metadata', 'IMPORT FOREIGN SCHEMA qobrix LIMIT TO (properties) FROM SERVER qobrix INTO scratch', '/api/v2/schema/properties' ],
	[ 'qobrix', 'search', 'SELECT count(*) > 0 FROM (SELECT city, media::text FROM qobrix.properties OFFSET 0) s', '/api/v2/properties' ]);

my @faults = (
	[ 'cut', { kind => 'cut' } ],
	[ 'cut to nothing', { kind => 'cut', at => 0 } ],
	[ 'doubled', { kind => 'double' } ],
	[ 'endless', { kind => 'endless' } ],
	[ 'endless, compressed', { kind => 'gzip_bomb' } ],
	[ 'nested', { kind => 'nest' } ],
	[ 'nested for ever', { kind => 'nest', depth => 500_000, open => $yes } ],
	[ 'a number', { kind => 'status', status => 200, body => '5', content_type => 'application/json' } ],
	[ 'a list', { kind => 'status', status => 200, body => '[{"a":[]},null]', content_type => 'application/json' } ],
	[ 'objects for texts', { kind => 'status', status => 200, content_type => 'application/json',
		body => '{"value":{"a":1},"data":{"a":1},"access_token":{"a":1},"token":[1],"expires_in":"x","properties":[1]}' } ],
	[ 'another document', { kind => 'status', status => 200, body => '<?xml version="1.0"?><a><b c="d">e</b></a>', content_type => 'text/xml' } ],
	[ 'a document in no encoding', { kind => 'status', status => 200, content_type => 'application/xml',
		body_bytes => unpack 'H*', qq(<?xml version="1.0" encoding="utf-7"?>\n<a b="\xff\xff\xff"/>) } ],
	[ 'HTML', { kind => 'html200' } ],
	[ 'bytes that are no text', { kind => 'insert', bytes => [ 0xE9, 0xFF, 0xC3 ] } ],
	[ 'NUL bytes', { kind => 'insert', bytes => [ (0) x 50 ] } ],
	[ 'another character set', { kind => 'charset', charset => 'utf-16', silent => $yes } ],
	[ 'a set that is not known', { kind => 'charset', charset => 'x-mars', codec => 'utf-16' } ],
	[ 'a content type of other bytes', { kind => 'wrong_content_type', content_type => "text/\xff\xfe\x80x" } ],
	[ 'spoilt compression', { kind => 'spoilt_gzip' } ],
	[ 'reset', { kind => 'reset' } ],
	[ 'an error of other bytes', { kind => 'status', status => 400, content_type => 'application/json',
		body_bytes => unpack 'H*', qq({"error":{"message":"\xe9\xff \0x"},"errors":["\xe9\xff"]}) } ]);

# What a source may send and mean well: that is one error, or the answer is whole, but never short.
my %tolerable = map { $_ => 1 } ('doubled', 'bytes that are no text', 'NUL bytes', 'another character set', 'a set that is not known',
	'a content type of other bytes');
# A file may hold anything.
my %any_file = map { $_ => 1 } ('nested', 'a number', 'a list', 'objects for texts', 'another document', 'a document in no encoding');

my @secrets = qw(static-token-value s3cret-demo-value basic-pass-value header-key-value);
my $internal = qr/invalid memory alloc|out of memory|cache lookup|libxml|curl|palloc|SPI_|unexpected |stack depth|0x[0-9a-f]{4}|XX\d{3}|server closed/;
my $reset = qq{\\! perl -MHTTP::Tiny -e 'exit !HTTP::Tiny->new->post("http://127.0.0.1:$mls->{port}/_control/reset", { content => "{}" })->{success}'};
my $memory = q{SELECT 'memory ' || (regexp_match(pg_read_file('/proc/' || pg_backend_pid() || '/status'), 'VmHWM:\s+(\d+)'))[1]};

# Runs a stage's statement under a fault, then asks once more in the same session, without.
sub attack
{
	my ($sql, $fault, $where) = @_;
	$mls->reset;
	$mls->fault(%$fault, match => $where, times => -1) if $fault;
	my ($status, $out, $err) = $node->psql('postgres', join("\n", '\set VERBOSITY verbose', 'BEGIN; SAVEPOINT a;', "$sql;",
		'ROLLBACK TO a;', "$memory;", q{SELECT 'stored ' || count(*) FROM pg_class WHERE relnamespace = 'scratch'::regnamespace;},
		$reset, "$sql;", 'ROLLBACK;', q{SELECT 'alive'}), on_error_stop => 0);
	$err =~ s/^LOCATION: .*\n//mg;
	my ($hwm) = $out =~ /^memory (\d+)$/m;
	return ($out, $err, $hwm // 0);
}

for my $stage (@stages)
{
	my ($face, $name, $sql, $where) = @$stage;
	my ($good, $said, $least) = attack($sql);
	is($said, '', "$face, $name: well without a fault");
	unlike($good, qr/^f$/m, '... and whole');
	for my $case (@faults)
	{
		my ($what, $fault) = @$case;
		my ($out, $err, $hwm) = attack($sql, $fault, $where);
		my @errors = $err =~ /ERROR: +(\S+):/g;
		my @problems;
		push @problems, 'errors: ' . @errors if @errors > 1 || (!@errors && !$tolerable{$what} && !($name eq 'objects' && $any_file{$what}));
		push @problems, 'its words' if $err =~ $internal;
		push @problems, 'a secret' if grep { index($err, $_) >= 0 } @secrets;
		push @problems, 'its length' if length $err > 3000;
		push @problems, "memory: $hwm kB" if $hwm == 0 || $hwm > $least + $bound;
		push @problems, 'something stored' if $out !~ /^stored 0$/m;
		push @problems, 'the session' if $out !~ /^alive$/m || $out =~ /^f$/m;
		is(join(', ', @problems), '', "$face, $name: $what")
		  or diag(substr("$out\n$err", 0, 1500));
	}
}

my $log = PostgreSQL::Test::Utils::slurp_file($node->logfile);
unlike($log, qr/terminated by signal|TRAP:|PANIC/, 'the server lived');
is(scalar(grep { index($log, $_) >= 0 && $log =~ /ERROR.*\Q$_\E/ } @secrets), 0, 'no secret is in an error of the log');

$mls->stop;
$node->stop;
done_testing();
