# Sentences of docs/ that no other test shows: what of the machine is not used, what a lost or
# damaged file means, which databases can replicate, what is not logged.
use strict;
use warnings;

use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

# docs/security.md: proxies come from the option alone, the environment and .netrc are not read.
my $home = PostgreSQL::Test::Utils::tempdir;
append_to_file("$home/.netrc", "default login wrong password wrong\n");
chmod 0600, "$home/.netrc";
local $ENV{HOME} = $home;
local $ENV{NETRC} = "$home/.netrc";
local $ENV{$_} = 'http://127.0.0.1:9' for qw(http_proxy HTTP_PROXY https_proxy all_proxy ALL_PROXY);
my $node = new_node('promises');
delete $ENV{$_} for qw(http_proxy HTTP_PROXY https_proxy all_proxy ALL_PROXY);
my $mls = start_mls(listings => 30, fields => 'small');
create_source($node, $mls, 'east');

sub query
{
	my ($sql) = @_;
	return scalar $node->safe_psql('postgres', $sql);
}

my $count = 'SELECT count(*) FROM (SELECT listing_key FROM east.property OFFSET 0) p';
is(query($count), 30, 'neither the proxy of the environment nor .netrc is used');
query(q{ALTER SERVER east OPTIONS (ADD proxy 'http://127.0.0.1:9', ADD retries '0')});
like(sql_error($node, $count), qr/could not connect to source "east".*127\.0\.0\.1 port 9/s, 'the proxy of the option is');
query(q{ALTER SERVER east OPTIONS (DROP proxy)});

# docs/operations.md, Quota: the file may be removed at any time; a damaged one counts as spent.
query(q{ALTER SERVER east OPTIONS (ADD requests_per_hour '20')});
query($count) for 1 .. 3;
my $used = q{SELECT used FROM mls_quota('east') WHERE "window" = 'hour'};
my $spent = query($used);
cmp_ok($spent, '>', 0, 'requests are counted');
my $file = query(q{SELECT format('%s/mls_fdw/%s_%s.quota', current_setting('data_directory'), d.oid, s.oid)
	FROM pg_database d, pg_foreign_server s WHERE d.datname = current_database() AND s.srvname = 'east'});
ok(-f $file, 'in the file that the page names');
unlink $file;
# Others that nobody has used for two days go when a file is made.
my ($stale, $young) = map { $file =~ s{[^/]*$}{$_.quota}r } '1_1', '1_2';
append_to_file($_, '') for $stale, $young;
utime time - 3 * 86400, time - 3 * 86400, $stale;
query($count);
is(join(' ', map { -e $_ ? 1 : 0 } $stale, $young), '0 1', 'files not used for two days are removed');
cmp_ok(query($used), '<', $spent, 'without it counting begins at zero');
open my $handle, '+<', $file or die "$file: $!";
print $handle 'rubbish' x 3;
close $handle;
like(sql_error($node, $count), qr/53400: quota of source "east" is used up/, 'a damaged one counts as spent');
like(slurp_file($node->logfile), qr/quota file of source "east" was damaged/, 'and the log says so');
unlink $file;
is(query($count), 30, 'until it is removed');
query(q{ALTER SERVER east OPTIONS (DROP requests_per_hour)});

# docs/replication.md: the database must have the encoding UTF8.
query(q{CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0});
my ($status, $out, $err) = $node->psql('latin', q{
	SET client_min_messages = warning; CREATE EXTENSION mls_fdw;
	CREATE SERVER s FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url 'https://api.example.com/odata');
	CREATE FOREIGN TABLE t (k text OPTIONS (field 'K') NOT NULL) SERVER s OPTIONS (resource 'T', key 'K');
	SELECT mls_subscribe('t')});
like($err, qr/mls_fdw needs a database with encoding UTF8/, 'it needs UTF8');

# docs/operations.md: what mls_track logs is not a TRUNCATE.
query(q{SELECT mls_subscribe('east.property')});
query(q{SELECT mls_sync('east', 'Property')});
query(q{SELECT mls_track('east.property')});
query(q{UPDATE gold.property SET "ListPrice" = 1});
my $changes = query('SELECT count(*) FROM mls.change');
is($changes, 30, 'updates of gold are logged');
query(q{TRUNCATE gold.property});
is(query('SELECT count(*) FROM mls.change'), $changes, 'TRUNCATE is not');

$mls->stop;
$node->stop;
done_testing();
