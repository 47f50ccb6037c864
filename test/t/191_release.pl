# What a release says of itself: META.json has what PGXN's specification (1.0.0) asks for, and
# the version is the same wherever it is written.
use strict;
use warnings;

use JSON::PP ();
use PostgreSQL::Test::Utils;
use Test::More;

my $tree = $ENV{MLS_TREE};
my $meta = JSON::PP::decode_json(slurp_file("$tree/META.json"));
my ($version) = slurp_file("$tree/mls_fdw.control") =~ /^default_version = '(.*)'$/m;

ok(length($meta->{$_} // ''), "META.json has $_") for qw(name abstract version maintainer license);
is($meta->{'meta-spec'}{version}, '1.0.0', 'it follows the specification');
is($meta->{name}, 'mls_fdw', 'its name');
like($version, qr/^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)$/, 'a semantic version');
is($meta->{version}, $version, 'the version of the control file');
is($meta->{license}, 'postgresql', 'a licence by the name that PGXN has for it');
like($meta->{release_status}, qr/^(stable|testing|unstable)$/, 'a status');
is(join(' ', keys %{ $meta->{provides} }), 'mls_fdw', 'one extension');
my $extension = $meta->{provides}{mls_fdw};
is($extension->{version}, $version, 'of the same version');
ok(-s "$tree/$extension->{$_}", "its $_ is there") for qw(file docfile);
like($meta->{prereqs}{runtime}{requires}{PostgreSQL}, qr/^15\.0\.0$/, 'from PostgreSQL 15 on');
is(scalar(grep { !length || length > 256 || m{[/\\]} } @{ $meta->{tags} }), 0, 'tags as PGXN takes them');
like(slurp_file("$tree/CHANGELOG.md"), qr/^## \Q$version\E/m, 'a chapter of the changes');

done_testing();
