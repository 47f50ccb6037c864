#!/usr/bin/env bash
# Checks that includes go one way: each room may include only the rooms named here, and
# the foreign libraries stay in theirs.  Files of one room call each other in one direction
# as well; no header promises too much, and no two files have one name.
set -euo pipefail
cd "$(dirname "$0")/.."
status=0
declare -A may=(
	[base]='base'
	[http]='http base'
	[xml]='xml base'
	[record]='record base'
	[protocol]='protocol record xml http base'
	[options]='options protocol record http base'
	[fdw]='fdw options protocol record xml http base'
	[step]='step options protocol record http base'
	[gold]='gold step options protocol record http base'
	[subscription]='subscription gold step options protocol record http base'
	[read]='read subscription gold step options protocol record http base'
	[write]='write read subscription gold step options protocol record http base'
	[drift]='drift write read subscription gold step options protocol record http base'
	[jobs]='jobs write read subscription gold step options protocol record http base'
	[geo]='geo gold step options protocol record http base'
	[monitor]='monitor read subscription gold step options protocol record http base'
	[quality]='quality gold step options protocol record http base'
	[mart]='mart quality gold step options protocol record http base'
	[media]='media fdw read subscription gold step options protocol record xml http base'
	[feed]='feed media gold step options protocol record xml http base'
	[consumer]='consumer step options protocol record http base'
	[publish]='publish media fdw read subscription gold step options protocol record http base'
	[alert]='alert step options protocol record http base'
	[serve/base]='base'
	[serve/schema]='schema base'
	[serve/odata]='odata schema base'
	[serve/sql]='sql odata schema base'
	[serve/token]='token base'
	[serve/pool]='pool token schema base'
	[serve/answer]='answer pool token sql odata schema base'
	[serve/http]='http answer pool token schema base'
	[serve/site]='site http token base'
	[serve/main]='site http answer pool token sql odata schema base'
	[run]='run publish alert feed mart quality media geo consumer monitor jobs drift write read subscription gold step options protocol record http base'
)
while read -r file target; do
	room=${file#src/}
	within=src
	# The program has floors of its own, and none of the extension's.
	if [[ $room == serve/* ]]; then
		within=src/serve
		room=serve/$(sed -E 's:^serve/::; /\//!s/.*/main/; s:/.*::' <<<"$room")
		[[ $target == serve/* ]] || target=../$target
		target=${target#serve/}
	else
		room=${room%%/*}
	fi
	[ -d "$within/$target" ] || continue
	[[ " ${may[$room]:-} " == *" $target "* ]] && continue
	echo "$file: room \"$room\" must not include \"$target\""
	status=1
done < <(grep -rE '^#include "[a-z_]+/' src/*/ --include='*.[ch]' | sed -E 's/:#include "/ /; s/( (serve\/)?[a-z_]+)\/.*/\1/')
# Calls between the files of a room, circles of headers, names.  The exceptions, and why:
# what a source has refused is kept by what is written, and looked up while it is written.
declare -a circles=(
	'protocol/reso/filter protocol/reso/refusal'
	'protocol/rets/rets_dialect protocol/rets/rets_dmql'
)
# transport.h has what curl's types are needed for; http.h, which others include, has none of them.
large_headers='http/transport.h'
same_names=''
perl - "${circles[@]}" <<'EOF' || status=1
use strict;
use warnings;
my @excused = map { [split ' '] } @ARGV;
my (%defines, %words, %room, $bad);
for my $path (glob('src/*/*.c src/*/*/*.c'))
{
	my ($file) = $path =~ m{^src/(.*)\.c$};
	open(my $in, '<', $path) or die;
	my $text = do { local $/; <$in> };
	$text =~ s{/\*.*?\*/|"(?:\\.|[^"\\])*"}{}gs;
	$words{$file}{$_} = 1 for $text =~ /\b((?:mls|serve)_\w+)\b/g;
	$room{$file} = $file =~ s{/[^/]*$}{}r;
	my @lines = split /\n/, $text;
	for my $i (1 .. $#lines)
	{
		$defines{$room{$file}}{$1} = $file
		  if $lines[$i] =~ /^((?:mls|serve)_\w+)\(/ && $lines[ $i - 1 ] !~ /^static|^PG_FUNCTION|;$/;
	}
}
my %calls;
for my $file (keys %words)
{
	my $own = $defines{$room{$file}} // {};
	for my $word (keys %{$words{$file}})
	{
		$calls{$file}{$own->{$word}} = 1 if ($own->{$word} // $file) ne $file;
	}
}
sub reaches
{
	my ($from, $to, $seen) = @_;
	return 0 if $seen->{$from}++;
	for my $next (keys %{$calls{$from} // {}})
	{
		return 1 if $next eq $to || reaches($next, $to, $seen);
	}
	return 0;
}
for my $file (sort keys %words)
{
	next unless reaches($file, $file, {});
	my @circle = grep { $_ eq $file || (reaches($file, $_, {}) && reaches($_, $file, {})) } sort keys %words;
	next if $circle[0] ne $file;
	my $listed = grep { my %in = map { $_ => 1 } @$_; !grep { !$in{$_} } @circle } @excused;
	next if $listed;
	print "these files call each other in a circle: @circle\n";
	$bad = 1;
}
exit($bad // 0);
EOF
while read -r header; do
	n=$(perl -0ne 's{/\*.*?\*/}{}gs; $n = () = /^(?:extern|typedef)\b/gm; print $n' "$header")
	[ "$n" -le 40 ] || [[ " $large_headers " == *" ${header#src/} "* ]] && continue
	echo "$header: $n declarations, of at most 40: it is of two subjects"
	status=1
done < <(find src -name '*.h')
for name in $(find src -name '*.[ch]' -printf '%f\n' | sort | uniq -d); do
	[[ " $(echo $same_names) " == *" $name "* ]] && continue
	echo "$name: more than one file has that name"
	status=1
done
only() { # only PATTERN ROOM WHAT
	local found
	found=$(grep -rlE "$1" src --include='*.[ch]' | grep -vE "^src/$2" || true)
	[ -z "$found" ] && return
	echo "$3 outside src/$2: $found"
	status=1
}
only '#include <curl/' http/ 'libcurl'
only '#include <libdeflate' '(http|serve/answer)/' 'libdeflate'
only '#include <zlib' http/ 'zlib'
only '#include <libxml/' xml/ 'libxml2'
# The site has connections of its own, to browsers and, as who is logged in, to the database.
only '#include <microhttpd' 'serve/(http|site)/' 'libmicrohttpd'
only '#include "?<?libpq-fe' '(serve/(pool|site)|publish)/' 'libpq'
only '#include <mysql' publish/ 'libmariadb'
only '#include <openssl/' 'serve/(token|answer|site)/' 'OpenSSL'
only 'PG_VERSION_NUM' compat.h 'version tests'
# A number before a plural is right for all numbers but one: src/base and mls.counted() choose.
# Limits ("more than %d records") are never one.
things='records|rows|keys|pages|requests|values|columns|fields|resources|findings|characters|bytes|parts|rules|issues|times|processes|sources|listings|children'
found=$({
	grep -rnE "(INT64_FORMAT ?\"|%(d|u|lld|zu|\\.0f|g))( new| different| further)? ($things)\\b" src --include='*.[ch]'
	grep -rnE "%s( new| different)? ($things)\\b" src --include='*.sql'
} | grep -vE '(more than|at most|up to|longer than|1 to) %|larger than " |further findings"|columns were added to table %s"|elog\(' || true)
if [ -n "$found" ]; then
	echo "\"1 records\": say it with mls_counted() or mls.counted():"
	echo "$found"
	status=1
fi
exit $status
