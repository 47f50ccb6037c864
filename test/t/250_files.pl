# Files of test/files as they are read: each has its right answer beside it (NAME.out), and some
# the options of a server (NAME.options).
#
# MLS_ANSWERS=DIRECTORY writes what came out there, to be read by somebody who knows what is right.
use strict;
use warnings;

use MlsTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $place = PostgreSQL::Test::Utils::tempdir . '/files';
mkdir $place or die "$place: $!";
my $files = "$ENV{MLS_TREE}/test/files";
my @names = grep { !/\.(?:out|options)$/ } map { m{([^/]+)$} } sort glob "$files/*";
cmp_ok(scalar @names, '>=', 60, 'there are files enough');
for my $name (@names)
{
	open my $to, '>:raw', "$place/$name" or die "$name: $!";
	print $to slurp_file("$files/$name");
	close $to or die;
}
my $node = new_node('files', 'mls_fdw.file_directories' => "'$place'");

# What a file is, and what is in it, in one column; an error of reading it is a part of the answer.
sub questions
{
	my ($name) = @_;
	my $options = -f "$files/$name.options" ? ', ' . slurp_file("$files/$name.options") : '';
	chomp $options;
	return qq{
\\echo == $name
CREATE SERVER "$name" FOREIGN DATA WRAPPER mls_fdw OPTIONS (protocol 'dataset', url 'file://$place', files 'x=$name'$options);
CREATE SCHEMA "$name";
SELECT CASE WHEN field IS NULL THEN remark ELSE concat(field, ': ', type, ', ' || written, ' -- ' || remark) END
  FROM mls_dataset_inspect('$name') WITH ORDINALITY AS i(resource, field, type, written, is_key, samples, remark, n)
 WHERE coalesce(field NOT IN ('_file', '_line'), true) ORDER BY n;
IMPORT FOREIGN SCHEMA files FROM SERVER "$name" INTO "$name";
SELECT (SELECT json_object_agg(key, value ORDER BY n) FROM json_each(row_to_json(whole)) WITH ORDINALITY AS e(key, value, n)
         WHERE key <> 'file') FROM "$name".x AS whole ORDER BY line;
};
}

my ($out, $err);
my $result = $node->psql('postgres', join('', map { questions($_) } @names), stdout => \$out, stderr => \$err, on_error_stop => 0);
my %answers = $out =~ /^== (\S+)\n(.*?)(?=^== |\z)/msg;
for my $name (@names)
{
	my $answer = $answers{$name} // '';
	$answer =~ s/ of source "\Q$name\E"//g;
	$answer .= "\n" if $answer ne '' && $answer !~ /\n\z/;
	if ($ENV{MLS_ANSWERS})
	{
		open my $to, '>:raw', "$ENV{MLS_ANSWERS}/$name.out" or die;
		print $to $answer;
		close $to;
	}
	is($answer, -f "$files/$name.out" ? slurp_file("$files/$name.out") : '', $name);
}
unlike($err, qr/server closed|TRAP|XX000/, 'no error is one of ours');
done_testing();
