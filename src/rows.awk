# rows.awk: rows of data, separated by tabs, as the INSERT statements of the install script.
#
# A file holds blocks, with an empty line between them.  The first line of a block names the
# table, and values that all its rows have (column=value); the second one names the other
# columns; then come the rows.  An empty cell, or one that is missing at the end of a row, is
# the column's default, '' an empty text.  A last column called "arguments" takes all cells
# that are left, as an array.  Lines that begin with # are comments.

BEGIN { FS = "\t" }

function quoted(text) { gsub(/'/, "''", text); return "'" text "'" }

function cell(text) { return text == "" ? "DEFAULT" : text == "''" ? "''" : quoted(text) }

function array(first,    i, text)
{
	for (i = first; i <= NF; i++)
		text = text (i > first ? ", " : "") quoted($i)
	return text == "" ? "DEFAULT" : "ARRAY[" text "]"
}

function end_block()
{
	if (line > 2)
		print ";\n"
	line = 0
}

/^#/ { next }
/^$/ { end_block(); next }

++line == 1 {
	table = $1
	names = common = ""
	for (i = 2; i <= NF; i++) {
		at = index($i, "=")
		names = names ", " substr($i, 1, at - 1)
		common = common ", " cell(substr($i, at + 1))
	}
	next
}

line == 2 {
	columns = NF
	last = $NF
	for (i = NF; i > 0; i--)
		names = (i > 1 ? ", " : "") $i names
	print "INSERT INTO " table " (" names ") VALUES"
	next
}

{
	row = ""
	for (i = 1; i <= columns; i++)
		row = row (i > 1 ? ", " : "") (i == columns && last == "arguments" ? array(i) : cell($i))
	if (NF > columns && last != "arguments") {
		print FILENAME ":" FNR ": more cells than columns" > "/dev/stderr"
		exit failed = 1
	}
	printf "%s", (line > 3 ? ",\n" : "") "  (" row common ")"
}

END {
	if (failed)
		exit 1
	end_block()
}
