# Every reply code of docs/rets-answers.md leads to the behaviour of its class, seen through
# a query: repeated, logged in again, taken for empty, or an error at once.
use strict;
use warnings;

use MlsRets;
use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $mls = start_mls(listings => 20, samples => 5, fields => 'small');
my $node = new_node('rets_replies');
create_rets($node, $mls, 'r', page_size => 100, tables => 'property_all', retries => 1);
my $all = 'SELECT count(*) FROM (SELECT l_listing_key, l_city FROM r.property_all OFFSET 0) s';

# class => codes, as the page has them
my %codes;
for my $line (slurp_file("$ENV{MLS_TREE}/docs/rets-answers.md") =~ /^(\| \w+ \|.*)/mg)
{
	my (undef, $class, undef, $codes) = split /\s*\|\s*/, $line;
	$codes =~ s/(\d+) to (\d+)/join ' ', $1 .. $2/ge;
	$codes{$class} = [ $codes =~ /(\d+)/g ] if $codes =~ /\d{5}/;
}
$codes{fatal} = [ 20999, 29999 ];
is(join(' ', sort keys %codes), 'busy credentials denied empty fatal later request session smaller truncated unsupported',
	'the page has all classes');

# Asks while so many searches are answered with a code; returns status, output, error, and
# how many searches and logins were made.
sub ask
{
	my ($code, $times) = @_;
	$mls->reset;
	$mls->fault(kind => 'rets_reply', code => $code, match => '/rets/search', times => $times);
	my ($status, $out, $err) = $node->psql('postgres', $all);
	my @requests = $mls->requests;
	return ($status, $out, $err, scalar(grep { $_->{path} =~ /search/ } @requests),
		scalar(grep { $_->{path} =~ /login/ && $_->{status} == 200 } @requests));
}

for my $code (map { @{ $codes{$_} } } qw(later busy))
{
	my ($status, $out, $err, $searches) = ask($code, 1);
	is("$status $out $searches", '0 20 2', "$code: asked again");
}
for my $code (@{ $codes{session} })
{
	next if grep { $_ eq $code } qw(20037);
	my ($status, $out, $err, undef, $logins) = ask($code, 1);
	is("$status $out $logins", '0 20 2', "$code: logged in again");
	($status, $out, $err, undef, $logins) = ask($code, -1);
	is("$status $logins", '3 2', "$code: once only");
}
for my $code (@{ $codes{empty} })
{
	my ($status, $out, $err, $searches) = ask($code, -1);
	is("$status $out $searches", '0 0 1', "$code: nothing there");
}
for my $class (qw(credentials denied request unsupported fatal))
{
	for my $code (@{ $codes{$class} })
	{
		# 20037 is a lost session after a login.
		next if $code == 20037;
		my ($status, $out, $err, $searches) = ask($code, -1);
		is($status, 3, "$code ($class): an error");
		like($err, qr/$code/, '... that says so');
		# Where a query was not understood its forms are tried alone.
		cmp_ok($searches, '<=', $code =~ /^2020[56]$/ ? 4 : $class =~ /request|unsupported/ ? 2 : 1, '... and is not asked again and again');
	}
}

done_testing();
