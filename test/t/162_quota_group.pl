# Servers of one owner that name a quota_group share a quota: what is spent, what the
# source has asked for, and sessions.  Servers of another owner have a quota apart.
use strict;
use warnings;

use MlsSync;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('quota_group');
my $mls = start_mls(listings => 50, fields => 'small');
my $live = 'SELECT count(*) FROM (SELECT city FROM %s.property LIMIT 5) s';

create_property($node, $mls, $_, requests_per_hour => 10, quota_group => 'account', requests_per_second => 0, key_prefix => "$_-")
  for qw(east west);
create_property($node, $mls, 'alone', requests_per_hour => 10);
create_property($node, $mls, 'unlimited', quota_group => 'account');

# What one spends, the other has spent.
$node->safe_psql('postgres', sprintf $live, 'east') for 1 .. 6;
is($node->safe_psql('postgres', q{SELECT used FROM mls_quota('west') WHERE "window" = 'hour'}), 6, 'one server has spent what another did');
is($node->safe_psql('postgres', q{SELECT used FROM mls_quota('alone') WHERE "window" = 'hour'}), 0, 'a server outside of the group has not');
$node->safe_psql('postgres', sprintf $live, 'unlimited') for 1 .. 2;
is($node->safe_psql('postgres', q{SELECT used FROM mls_quota('east') WHERE "window" = 'hour'}), 8, 'one without a limit of its own counts for the others');
$node->safe_psql('postgres', sprintf $live, 'west') for 1 .. 2;
like(sql_error($node, sprintf $live, 'east'), qr/quota of source "east" is used up/, 'together they do not exceed it');
like(sql_error($node, sprintf $live, 'west'), qr/quota of source "west" is used up/, 'neither of them');
is($node->safe_psql('postgres', sprintf $live, 'alone'), 5, 'others go on');
$node->restart;
like(sql_error($node, sprintf $live, 'west'), qr/quota of source "west" is used up/, 'a restart does not forget it');
my $file = $node->safe_psql('postgres', q{
	SELECT format('%s/mls_fdw/%s_%s.quota', current_setting('data_directory'), d.oid,
	              s.srvowner || '.' || (SELECT option_value FROM pg_options_to_table(s.srvoptions) WHERE option_name = 'quota_group'))
	FROM pg_database d, pg_foreign_server s WHERE d.datname = current_database() AND s.srvname = 'west'});
ok(-f $file, 'it stands in one file');

# A colleague who names the group has another quota: he cannot see, spend or hold up ours.
$node->safe_psql('postgres', q{
	CREATE ROLE colleague LOGIN;
	GRANT USAGE ON FOREIGN DATA WRAPPER mls_fdw TO colleague;
	SELECT mls_grant('colleague');
	CREATE SCHEMA his AUTHORIZATION colleague});
$node->safe_psql('postgres', qq{
	SET ROLE colleague;
	CREATE SERVER his FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'reso', url '} . $mls->url . q{', quota_group 'account', requests_per_hour '100', retries '0');
	CREATE USER MAPPING FOR colleague SERVER his OPTIONS (token 'static-token-value');
	IMPORT FOREIGN SCHEMA reso LIMIT TO (property) FROM SERVER his INTO his});
is($node->safe_psql('postgres', q{SET ROLE colleague; SELECT used FROM mls_quota('his') WHERE "window" = 'hour'}), 1, 'the same name of another owner is another quota');
$node->safe_psql('postgres', 'SET ROLE colleague; ' . sprintf $live, 'his');
unlink $file or die "$file: $!";
is($node->safe_psql('postgres', q{SELECT used FROM mls_quota('west') WHERE "window" = 'hour'}), 0, 'which spends nothing of the first');
$mls->fault(kind => 'status', status => 429, resource => 'Property', times => 1, headers => { 'Retry-After' => '600' });
like(sql_error($node, 'SET ROLE colleague; ' . sprintf $live, 'his'), qr/wants no requests for some time/, 'what the source asks of him');
is($node->safe_psql('postgres', sprintf $live, 'west'), 5, '... does not hold us up');
for my $name ('../escape', 'a b', '', 'a/b', 'x' x 41, '10.account')
{
	like(sql_error($node, "ALTER SERVER alone OPTIONS (ADD quota_group '$name')"), qr/22023.*invalid value for option "quota_group"/,
		"no group can be called \"$name\"");
}

# What the source asks of one server holds for the group.
$mls->fault(kind => 'status', status => 429, resource => 'Property', times => 1, headers => { 'Retry-After' => '600' });
like(sql_error($node, sprintf $live, 'east'), qr/wants no requests for some time/, 'what the source asks of one of ours');
like(sql_error($node, sprintf $live, 'west'), qr/wants no requests for some time/, '... holds for the other');
is($node->safe_psql('postgres', sprintf $live, 'alone'), 5, '... and for no server outside');
like($node->safe_psql('postgres', q{SELECT detail FROM mls_check('unlimited') WHERE item = 'quota'}), qr/Shared with the servers of its quota_group/, 'mls_check says that it is shared');

$mls->stop;
done_testing();
