# MlsBooks: archives and workbooks, made by hand.
package MlsBooks;

use strict;
use warnings;

use Exporter 'import';
use IO::Compress::Zip qw(:all);

our @EXPORT = qw(archive relations plain_book $types);

# When parts say to have been written: so that the same ones are the same bytes.
my $written = 1_000_000_000;

# An archive of these parts, in this order.
sub archive
{
	my @parts = @_;
	my ($zip, $bytes);
	while (my ($name, $text) = splice @parts, 0, 2)
	{
		if ($zip) { $zip->newStream(Name => $name, Time => $written) or die $ZipError; }
		else { $zip = IO::Compress::Zip->new(\$bytes, Name => $name, Time => $written) or die $ZipError; }
		$zip->print($text);
	}
	$zip->close;
	return $bytes;
}

our $types = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships';
sub relations
{
	my %of = @_;
	return '<Relationships>' . join('', map { qq(<Relationship Id="$_" Type="$types/$of{$_}[0]" Target="$of{$_}[1]"/>) } sort keys %of) . '</Relationships>';
}

sub escaped
{
	my ($text) = @_;
	$text =~ s/&/&amp;/g;
	$text =~ s/</&lt;/g;
	return $text;
}

# A workbook of sheets, each a name and a list of rows of cells; what looks like a number is one.
sub plain_book
{
	my @sheets = @_;
	my (@names, @parts, %relations);
	while (my ($name, $rows) = splice @sheets, 0, 2)
	{
		my $n = @names + 1;
		my $text = join '', map {
			'<row>' . join('', map { /^-?\d+(?:\.\d+)?$/ ? "<c><v>$_</v></c>" : '<c t="inlineStr"><is><t>' . escaped($_) . '</t></is></c>' } @$_) . '</row>' } @$rows;
		push @names, qq(<sheet name="$name" sheetId="$n" r:id="r$n"/>);
		push @parts, "xl/worksheets/sheet$n.xml", "<worksheet><sheetData>$text</sheetData></worksheet>";
		$relations{"r$n"} = [ 'worksheet', "worksheets/sheet$n.xml" ];
	}
	return archive('[Content_Types].xml', '<Types/>',
		'_rels/.rels', relations(r1 => [ 'officeDocument', 'xl/workbook.xml' ]),
		'xl/workbook.xml', qq(<workbook xmlns:r="$types"><sheets>) . join('', @names) . '</sheets></workbook>',
		'xl/_rels/workbook.xml.rels', relations(%relations), @parts);
}

1;
