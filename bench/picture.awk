# picture.awk - bars as SVG: small multiples, three in a row, each with its own scale.
# Reads lines of TITLE, HINT (a smaller line below it), NAME, VALUE, WORDS, parted by tabs; a VALUE of - has no bar, its words alone.  Light or dark as the reader's screen is.

BEGIN {
	FS = "\t"
	columns = 3; width = 316; gap = 12; bar = 15; pitch = 24; head = 54; name_width = 98; words_width = 78
}

!($1 in panel) { panel[$1] = ++panels; title[panels] = $1; hint[panels] = $2 }

{
	p = panel[$1]
	n = ++bars[p]
	name[p, n] = $3; value[p, n] = $4; words[p, n] = $5
	if ($4 != "-" && $4 + 0 > most[p]) most[p] = $4 + 0
	if (n > rows) rows = n
}

function escape(s) {
	gsub(/&/, "\\&amp;", s); gsub(/</, "\\&lt;", s)
	return s
}

function text(class, x, y, s) {
	printf "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", class, x, y, escape(s)
}

function draw(p, x, y,    n, length_, at, room) {
	printf "<rect class=\"panel\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"6\"/>\n", x, y, width, height
	text("title", x + 12, y + 22, title[p])
	text("hint", x + 12, y + 38, hint[p])
	room = width - 24 - name_width - words_width
	for (n = 1; n <= bars[p]; n++) {
		at = y + head + (n - 1) * pitch
		text("name", x + 12 + name_width - 8, at + bar - 3, name[p, n])
		length_ = 0
		if (value[p, n] != "-") {
			length_ = most[p] > 0 ? room * value[p, n] / most[p] : 0
			if (length_ < 1.5) length_ = 1.5
			printf "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" rx=\"2\"/>\n", \
			    name[p, n] ~ /^Python/ ? "other" : "own", x + 12 + name_width, at, length_, bar
			length_ += 6
		}
		text(value[p, n] == "-" ? "waits" : "words", x + 12 + name_width + length_, at + bar - 3, words[p, n])
	}
}

function legend(x, y, class, s) {
	printf "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"2\"/>\n", class, x, y, bar, bar
	text("words", x + bar + 8, y + bar - 3, s)
}

END {
	height = head + rows * pitch + 6
	lines = int((panels + columns - 1) / columns)
	total_width = columns * width + (columns + 1) * gap
	total_height = lines * height + (lines + 1) * gap
	printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\" " \
	    "role=\"img\" aria-label=\"The concurrency models of cofferd compared\">\n", \
	    total_width, total_height, total_width, total_height
	print "<style>"
	print "text { font: 12px system-ui, sans-serif; fill: #1f2328; }"
	print ".back { fill: #ffffff; } .panel { fill: #f6f8fa; stroke: #d1d9e0; }"
	print ".title { font-weight: 600; font-size: 13px; } .hint { font-size: 11px; fill: #59636e; }"
	print ".name { text-anchor: end; } .own { fill: #0b6bcb; } .other { fill: #98a2ad; }"
	print ".waits { fill: #b3261e; }"
	print "@media (prefers-color-scheme: dark) {"
	print "text { fill: #e6edf3; } .back { fill: #0d1117; } .panel { fill: #161b22; stroke: #30363d; }"
	print ".hint { fill: #9198a1; } .own { fill: #4c9df3; } .other { fill: #6e7681; } .waits { fill: #ff7b72; }"
	print "}"
	print "</style>"
	printf "<rect class=\"back\" width=\"%d\" height=\"%d\"/>\n", total_width, total_height
	for (p = 1; p <= panels; p++)
		draw(p, gap + (p - 1) % columns * (width + gap), gap + int((p - 1) / columns) * (height + gap))
	if (panels % columns != 0) {	# a free place
		at = gap + panels % columns * (width + gap) + 12
		legend(at, total_height - height + 2, "own", "cofferd, two workers")
		legend(at, total_height - height + 2 + pitch, "other", "small servers in Python (bench/lecture.py)")
	}
	print "</svg>"
}
